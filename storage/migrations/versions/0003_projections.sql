-- Projections across orders: folded from the sealed events, and at any time to be folded afresh. In a schema of their own,
-- which their writer may write to, and to nothing else. Only what Postgres 15 has.

-- A projection, folded once. The live one is what readers see; one that is being rebuilt stands beside it until it has
-- caught up, and one that is being checked is compared with it; an old one is waiting to be cleared away.
create table ledgerpress_views.generations (
    generation bigint generated always as identity primary key,
    projection text not null,
    version    int not null check (version > 0),           -- of the fold, as the code had it
    use        text not null check (use in ('live', 'rebuilt', 'checked', 'old')),
    position   bigint not null default 0 check (position >= 0), -- the bookmark: the last event that has been folded in
    hash       bytea check (octet_length(hash) = 32),      -- that event's, by which another log is told
    reached_at timestamptz,                                -- when that event was recorded
    moved_at   timestamptz not null default clock_timestamp(),
    check ((position = 0) = (hash is null) and (hash is null) = (reached_at is null))
);
create unique index generations_in_use on ledgerpress_views.generations (projection, use) where use <> 'old';

-- The sums. Without a foreign key, which would be looked up for each of a million rows.
create table ledgerpress_views.sums (
    generation bigint not null,
    key        text[] collate "C" not null,
    amount     bigint not null,
    primary key (generation, key)
);

-- What is remembered of each order to go on.
create table ledgerpress_views.memories (
    generation bigint not null,
    stream     text collate "C" not null,
    memory     text not null,
    primary key (generation, stream)
);

grant select on all tables in schema ledgerpress_views to ledgerpress_app, ledgerpress_auditor;
grant select, insert, update, delete on all tables in schema ledgerpress_views to ledgerpress_projector;

-- How often the row was put right without a new event: what tells of it is another then, at the same version.
alter table orders add restated int not null default 0 check (restated >= 0);

-- Puts an order's row right by what its events say, if it is still at that version: for when a fold has changed. Returns
-- whether it was.
create function restate(p_row json)
returns boolean
language plpgsql security definer set search_path = ledgerpress, pg_temp as $$
declare
    r orders := json_populate_record(null::orders, p_row);
begin
    update orders o set tenant = r.tenant, product = r.product, word = r.word, workable = r.workable, spent = r.spent,
            reserved = r.reserved, tell_at = r.tell_at, session = r.session, intent = r.intent, parent = r.parent,
            subject = r.subject, status = r.status, restated = o.restated + 1
        where o.order_id = r.order_id and o.version = r.version;
    return found;
end $$;
revoke all on function restate from public;
grant execute on function restate to ledgerpress_app;
