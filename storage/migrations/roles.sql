-- The roles and the schemas, before any migration. Runs as the login, and may be run again.
--
--   ledgerpress_owner      has the tables; migrations run as it
--   ledgerpress_app        what every process is: reads, and appends through functions
--   ledgerpress_projector  reads sealed events, keeps projections in ledgerpress_views
--   ledgerpress_auditor    reads what can be verified, and nothing that opens anything
--
-- Roles belong to the whole cluster: another database may be making the same one right now, so that what is there
-- already is left alone. The application may become projector or auditor, and inherits nothing from them: one grant is
-- enough for a login.
do $$
declare
    name text;
begin
    foreach name in array array['ledgerpress_owner', 'ledgerpress_app', 'ledgerpress_projector', 'ledgerpress_auditor']
    loop
        begin
            if not exists (select from pg_roles where rolname = name) then
                execute format('create role %I nologin', name);
            end if;
        exception when duplicate_object or unique_violation then null;
        end;
        if not (select rolsuper from pg_roles where rolname = current_user) then
            execute format('grant %I to current_user', name);
        end if;
    end loop;
    if (select rolinherit from pg_roles where rolname = 'ledgerpress_app') then
        alter role ledgerpress_app noinherit;
    end if;
    foreach name in array array['ledgerpress_projector', 'ledgerpress_auditor'] loop
        if not exists (select from pg_auth_members
                       where roleid = name::regrole and member = 'ledgerpress_app'::regrole) then
            execute format('grant %I to ledgerpress_app', name);
        end if;
    end loop;
end $$;

create schema if not exists ledgerpress authorization ledgerpress_owner;
create schema if not exists ledgerpress_views authorization ledgerpress_owner;
grant usage on schema ledgerpress, ledgerpress_views to ledgerpress_app, ledgerpress_projector, ledgerpress_auditor;
