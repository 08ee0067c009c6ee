-- The log, and what is written with it in one transaction. Runs as the owner, who cannot log in.
-- Only what Postgres 15 has.

-- Whose customers the orders are, and what they may use. Limits that are null do not limit.
create table tenants (
    tenant              text primary key check (tenant ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    title               text not null,
    at_work             int check (at_work > 0),               -- orders worked on at the same time
    priority            int not null default 5 check (priority between 0 and 9),  -- 0 goes first
    requests_per_minute int check (requests_per_minute > 0),   -- calls of the model
    tokens_per_minute   int check (tokens_per_minute > 0),
    order_budget        bigint check (order_budget > 0),       -- millionths of a dollar
    month_budget        bigint check (month_budget > 0),       -- the same
    retention_days      int check (retention_days > 0),        -- after delivery, until the customer is forgotten
    stripe_secrets      bytea,                                 -- sealed under VAULT_KEY
    created_at          timestamptz not null default clock_timestamp(),
    taken_at            timestamptz not null default '-infinity'  -- when an order of theirs was last taken up
);
insert into tenants (tenant, title) values ('default', 'Default');

-- Keys of 256 random bits: their SHA-256 tells nothing about them, and needs no salt.
create table api_keys (
    key_hash   bytea primary key check (octet_length(key_hash) = 32),
    tenant     text not null references tenants,
    label      text not null,
    created_at timestamptz not null default clock_timestamp(),
    revoked_at timestamptz
);

-- How each endpoint of the model is doing, for all workers: the circuit breaker.
create table endpoints (
    endpoint   text primary key,
    failures   int not null default 0,                         -- in a row
    opened     int not null default 0,                         -- how often in a row the breaker has opened
    open_until timestamptz not null default '-infinity'
);

-- Allowances per minute: when each would be full again (GCRA, the leaky bucket as a meter).
create table allowances (
    allowance text primary key,
    full_at   timestamptz not null
);

create table streams (
    stream     text primary key,
    version    int not null check (version >= 0),
    head       bytea not null,                          -- the hash of the stream's last event
    fence      bigint not null default 0,               -- the latest attempt's number
    holder     text,                                    -- the delivery under which it is being worked on
    tenant     text,                                    -- whose order is being worked on, if that is limited
    held_until timestamptz not null default '-infinity',
    nudged_at  timestamptz not null default '-infinity' -- when the sweeper last asked somebody to look at it
) with (fillfactor = 70);

create index streams_at_work on streams (tenant) where tenant is not null;

create table events (
    seq         bigint generated always as identity primary key   -- unique, not in order of commit: see "unsealed"
                check (seq > 0),
    stream      text not null,
    version     int not null check (version > 0),
    event_id    uuid not null unique,
    type        text not null,
    schema      smallint not null check (schema > 0),
    data        json not null,                          -- json, not jsonb: the exact bytes are hashed
    meta        json not null,
    fence       bigint,
    recorded_at timestamptz not null,
    previous    bytea not null,
    hash        bytea not null,
    unique (stream, version)
) with (toast_tuple_target = 8160);
-- Most of it is ciphertext: trying to compress it takes longer than writing it.
alter table events alter column data set storage external;
create index events_by_time on events using brin (recorded_at) with (pages_per_range = 16);

-- What the sealer has yet to give a position in the whole log.
create table unsealed (seq bigint primary key);

-- The status row of every order: equal to the fold of its events, because it is written with them.
create table orders (
    order_id   uuid primary key,
    version    int not null,
    tenant     text not null,
    product    text not null,
    word       text not null check (word in ('awaiting_payment', 'queued', 'writing', 'pressing', 'delivering',
                   'delivered', 'retrying', 'attention', 'cancelled', 'erased')),
    workable   boolean not null,
    spent      bigint not null,                         -- the most its calls can have cost, millionths of a dollar
    reserved   bigint not null,                         -- the most its calls in flight can cost
    tell_at    timestamptz,                             -- when somebody is to be told of it by mail
    session    text not null,
    intent     text not null,
    parent     uuid,
    subject    uuid not null,
    token_hash bytea not null unique,
    status     json not null,
    placed_at  timestamptz not null,
    updated_at timestamptz not null
);
create unique index orders_by_session on orders (tenant, session) where session <> '';
create index orders_by_subject on orders (subject);
create index orders_by_intent on orders (intent) where intent <> '';
create index orders_by_parent on orders (parent) where parent is not null;
create index orders_open_parts on orders (parent)
    where parent is not null and word not in ('delivered', 'cancelled', 'erased');
create index orders_workable on orders (product, tenant, placed_at) where workable;
create index orders_by_tenant on orders (tenant, placed_at);
create index orders_done on orders (tenant, placed_at) where word in ('delivered', 'cancelled') and parent is null;
create index orders_by_time on orders (placed_at);
create index orders_to_tell on orders (tell_at) where tell_at is not null;

-- Nudges, written with the events that caused them and deleted once the broker has confirmed them.
create table outbox (
    id          bigint generated always as identity primary key,
    order_id    uuid not null,
    product     text not null,
    correlation text not null,
    due_at      timestamptz not null,
    written_at  timestamptz not null default clock_timestamp()
);
create index outbox_due on outbox (due_at);

-- One key for each customer's personal data, wrapped by VAULT_KEY. Erased: the wrapped key is gone.
create table subjects (
    subject    uuid primary key,
    wrapped    bytea,
    kek        text not null,
    created_at timestamptz not null default clock_timestamp(),
    erased_at  timestamptz,
    check ((wrapped is null) = (erased_at is not null))
);

-- No sample of keys among the planner's statistics, where one could be read after it is gone.
alter table subjects alter column wrapped set statistics 0;

-- A key that is gone does not come back, not even from a backup of this table, and no row is ever lost.
create function deny_return() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and old.erased_at is null then
        return new;
    end if;
    raise exception 'the keys of customers are never removed, and what is erased stays so' using errcode = '42501';
end $$;
create trigger never_back before update or delete on subjects for each row execute function deny_return();
create trigger never_emptied before truncate on subjects for each statement execute function deny_return();
alter table subjects enable always trigger never_back;
alter table subjects enable always trigger never_emptied;

-- Whose data have to go: written with the event that says so, and again with whatever is recorded of them afterwards,
-- because there may be new files. Gone once there is nothing left.
create table erasures (
    subject  uuid primary key references subjects,
    asked_at timestamptz not null
);

-- The hash of an event. Whoever wants to check it needs only SHA-256: every text goes in as the hash of its UTF-8
-- bytes, every number big-endian (version 4 bytes, schema 2, time in microseconds since 1970 and fence 8, -1 for none).
create function event_hash(previous bytea, stream text, version int, event_id uuid, type text, schema smallint,
                           recorded_at timestamptz, fence bigint, data text, meta text)
returns bytea language sql stable parallel safe as $$
    select sha256(previous
        || sha256(convert_to(stream, 'UTF8')) || int4send(version) || uuid_send(event_id)
        || sha256(convert_to(type, 'UTF8')) || int2send(schema)
        || int8send((extract(epoch from recorded_at) * 1000000)::bigint) || int8send(coalesce(fence, -1))
        || sha256(convert_to(data, 'UTF8')) || sha256(convert_to(meta, 'UTF8')))
$$;

-- Under what an attempt takes an order: for which tenant; the delivery that its holder goes by; whether the broker has
-- delivered it before; for how many seconds, and of how many seconds of silence its holder is dead.
create type taking as (tenant text, holder text, redelivered boolean, seconds double precision, silent double precision);

-- Whether nobody holds a stream, by this database's clock, and the tenant has less than p_most at work. Broker redelivery
-- of the very message under which it is held means that its holder's connection is gone: once its heart has been silent
-- for long enough too, nobody does.
create function free(s streams, p_take taking, p_most int)
returns boolean language plpgsql as $$
begin
    return (s.held_until < clock_timestamp()
            or (p_take.redelivered and s.holder = p_take.holder
                and s.held_until < clock_timestamp() + make_interval(secs => p_take.seconds - p_take.silent)))
        and (p_most is null
             or p_most > (select count(*) from streams h
                          where h.tenant = p_take.tenant and h.held_until > clock_timestamp() and h.stream <> s.stream));
end $$;

-- Appends to one stream, all or none, and begins or ends with it the attempt at what it tells of: see record().
--
-- The stream is looked at without a lock, and moved on only if it is still what it was then: whoever comes second waits
-- for the first, and looks again.
create function append(p_stream text, p_expected int, p_fence bigint, p_take taking, p_release boolean, p_ids uuid[],
                       p_types text[], p_schemas smallint[], p_data text[], p_meta text,
                       out outcome text, out version int, out recorded_at timestamptz)
language plpgsql as $$
#variable_conflict use_column
declare
    takes  boolean := p_take.holder is not null;
    leaves boolean := p_release and p_fence is not null;
    most   int;
    s      streams;
    n      int := cardinality(p_ids);
    known  int;
    h      bytea;
    before bytea[];
    after  bytea[];
begin
    if takes then
        select t.at_work into most from tenants t where t.tenant = p_take.tenant;
        if most is not null then
            perform pg_advisory_xact_lock(hashtextextended('at-work/' || p_take.tenant, 0));
        end if;
    end if;
    loop
        select * into s from streams where stream = p_stream;
        if not found then
            if p_expected > 0 or p_fence > 0 then
                outcome := case when takes then 'held' when p_fence > 0 then 'fenced' else 'moved' end;
                return;
            end if;
            insert into streams (stream, version, head) values (p_stream, 0, sha256(convert_to(p_stream, 'UTF8')))
                on conflict do nothing;
            continue;
        end if;
        if takes then
            if (s.version = p_expected and s.fence < p_fence and free(s, p_take, most)) is not true then
                outcome := 'held';
                return;
            end if;
        elsif s.fence <> p_fence then
            outcome := 'fenced';
            return;
        end if;
        select count(*), max(e.version), max(e.recorded_at) into known, version, recorded_at
            from events e where e.event_id = any (p_ids);
        if known = n then
            outcome := 'known';
            return;
        end if;
        if known > 0 or s.version <> p_expected then
            outcome := 'moved';
            return;
        end if;

        recorded_at := clock_timestamp();
        before := '{}';
        after := '{}';
        h := s.head;
        for k in 1..n loop
            before[k] := h;
            h := event_hash(h, p_stream, s.version + k, p_ids[k], p_types[k], p_schemas[k], recorded_at, p_fence,
                            p_data[k], p_meta);
            after[k] := h;
        end loop;
        if takes then
            update streams
                set version = s.version + n, head = h, fence = p_fence, holder = p_take.holder,
                    tenant = case when most is not null then p_take.tenant end, nudged_at = '-infinity',
                    held_until = recorded_at + make_interval(secs => p_take.seconds)
                where stream = p_stream and version = s.version and fence = s.fence and held_until = s.held_until;
        else
            update streams
                set version = s.version + n, head = h,
                    holder = case when not leaves then holder end, tenant = case when not leaves then tenant end,
                    held_until = case when leaves then '-infinity' else held_until end
                where stream = p_stream and version = s.version and fence = s.fence;
        end if;
        exit when found;
    end loop;
    if takes and leaves then
        update streams set held_until = '-infinity', holder = null, tenant = null where stream = p_stream;
    end if;
    with written as (
        insert into events as e (stream, version, event_id, type, schema, data, meta, fence, recorded_at, previous, hash)
        select p_stream, s.version + o::int, i, t, v, d::json, p_meta::json, p_fence, recorded_at, b, a
        from unnest(p_ids, p_types, p_schemas, p_data, before, after) with ordinality as u (i, t, v, d, b, a, o)
        returning e.seq
    )
    insert into unsealed (seq) select seq from written;
    version := s.version + n;
    outcome := 'new';
    if takes then
        update tenants t set taken_at = clock_timestamp()
            where t.tenant = p_take.tenant and exists (select from tenants other where other.tenant <> p_take.tenant);
    end if;
end $$;

-- Records what has become true of a stream, or of several, in one statement: of each all of it or nothing, together with
-- the order's status row and the nudges that follow. Where one is refused, the others are written all the same.
--
-- p_writings  a JSON object for each stream, no stream twice:
--   stream, size  its name, and how many of the events are its; they lie one stream behind the other in the arrays
--   expected      the version the stream must have, or null for any
--   fence         the attempt that must still be the latest, or null for writers who need no lease
--   meta          what every one of its events says of who, why and by which code
--   entry         the order's row (placed_at and updated_at are filled in here); null for what is no order's
--   nudges        [{"order_id", "product", "due_at"}]; without due_at: now
--   release       whether the attempt ends with these events, so that the nudge it leaves finds the order free; if its
--                 tenant's limit keeps others waiting, the first of them is nudged too
--   take          null, or under what the attempt begins with these events: see free()
--
-- outcomes    for each: "new"; "known", as a retry is told by its events' ids: all are there, whatever has happened
--             since; "moved" on from the expected version, or by somebody else to where some of the events are there;
--             "fenced" by a later attempt; "held" by somebody, or past its tenant's limit, or moved on, if it was to be taken
-- nudged      the ids of the nudges that are due now, in the order in which they were given
--
-- p_patient   whether to wait for whoever is at one of the streams; if not, all of it fails (55P03) where a lock takes a
--             tenth of a second, so that the caller can write each by itself
--
-- Plans are made once: planning took as long as some of these statements take.
create function record(p_writings json, p_ids uuid[], p_types text[], p_schemas smallint[], p_data text[],
                       p_patient boolean, out outcomes text[], out nudged bigint[])
language plpgsql security definer set search_path = ledgerpress, pg_temp
    set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    w     record;
    last  record;
    r     orders;
    first int := 1;                                     -- of its events
    fresh bigint[];
    -- Of the orders that were let go of, where their tenants have limits: which, whose, and what to say of that.
    gone  uuid[] := '{}';
    whose text[] := '{}';
    why   text[] := '{}';
    next  uuid;
    told  uuid[] := '{}';                               -- the orders that come in for them
begin
    outcomes := '{}';
    nudged := '{}';
    if not p_patient then
        perform set_config('lock_timeout', '100ms', true);
    end if;
    for w in
        select * from json_to_recordset(p_writings) as w (stream text, size int, expected int, fence bigint, meta text,
                                                          entry json, nudges json, release boolean, take taking)
    loop
        last := append(w.stream, w.expected, w.fence, w.take, w.release, p_ids[first:first + w.size - 1],
                       p_types[first:first + w.size - 1], p_schemas[first:first + w.size - 1],
                       p_data[first:first + w.size - 1], w.meta);
        first := first + w.size;
        outcomes := outcomes || last.outcome;
        continue when last.outcome <> 'new' or w.entry is null;
        r := json_populate_record(null::orders, w.entry);
        -- Nobody else is at this row: append() has the stream's.
        update orders set version = last.version, product = r.product, word = r.word, workable = r.workable,
                spent = r.spent, reserved = r.reserved, tell_at = r.tell_at, intent = r.intent, status = r.status,
                updated_at = last.recorded_at
            where order_id = r.order_id;
        if not found then
            insert into orders values (r.order_id, last.version, r.tenant, r.product, r.word, r.workable, r.spent,
                                       r.reserved, r.tell_at, r.session, r.intent, r.parent, r.subject, r.token_hash,
                                       r.status, last.recorded_at, last.recorded_at);
        end if;
        if r.word = 'erased' then
            insert into erasures (subject, asked_at) values (r.subject, last.recorded_at)
                on conflict (subject) do update set asked_at = excluded.asked_at;
        end if;
        if w.release and exists (select from tenants t where t.tenant = r.tenant and t.at_work is not null) then
            gone := gone || r.order_id;
            whose := whose || r.tenant;
            why := why || (w.meta::json ->> 'correlation');
        end if;
        if json_array_length(w.nudges) > 0 then
            with written as (
                insert into outbox (order_id, product, correlation, due_at)
                select n.order_id, n.product, w.meta::json ->> 'correlation', coalesce(n.due_at, last.recorded_at)
                from json_to_recordset(w.nudges) as n (order_id uuid, product text, due_at timestamptz)
                returning id, due_at
            )
            select array_agg(id order by id) filter (where due_at = last.recorded_at) into fresh from written;
            nudged := nudged || fresh;
        end if;
    end loop;
    -- As late as can be: who begins to wait after this does not see yet that there is room.
    for k in 1..cardinality(gone) loop
        -- Written as if a minute ago, for the relay to publish at once.
        insert into outbox (order_id, product, correlation, due_at, written_at)
        select n.order_id, n.product, why[k], clock_timestamp(), clock_timestamp() - interval '1 minute'
        from waiting(null, whose[k]) n
        where n.tenant = whose[k] and n.order_id <> all (gone) and n.order_id <> all (told)
        order by n.placed_at limit 1
        returning order_id into next;
        told := told || array_remove(array[next], null);
    end loop;
end $$;

-- The orders that somebody could take up now and nobody has: of one product, or of all; of one tenant, or of all.
create function waiting(p_product text, p_tenant text)
returns table (order_id uuid, product text, tenant text, placed_at timestamptz)
language sql stable as $$ -- without a search path of its own, so that it can be planned with the query around it
    select o.order_id, o.product, o.tenant, o.placed_at
    from ledgerpress.orders o join ledgerpress.streams s on s.stream = 'order-' || o.order_id
    where o.workable and s.held_until < clock_timestamp()
        and (p_product is null or o.product = p_product) and (p_tenant is null or o.tenant = p_tenant)
        and (o.word <> 'retrying' or (o.status ->> 'retry_at')::timestamptz <= clock_timestamp())
$$;

-- Whose turn it is when a worker of p_product is free and was told of p_order: the oldest waiting order of the tenant
-- whose orders were taken up longest ago. A step of priority is worth a minute of waiting. Tenants that have as much at
-- work as they may are passed over. Returns nothing if p_order itself is not waiting, or there is nobody to give way to.
create function turn(p_product text, p_order uuid)
returns uuid
language sql stable security definer set search_path = ledgerpress, pg_temp as $$
    select first.order_id
    from tenants t
    cross join lateral (select w.order_id from waiting(p_product, t.tenant) w order by w.placed_at, w.order_id limit 1) first
    where exists (select from waiting(p_product, null) w where w.order_id = p_order)
        and (t.at_work is null
             or t.at_work > (select count(*) from streams h where h.tenant = t.tenant and h.held_until > clock_timestamp()))
    order by greatest(t.taken_at, '2000-01-01') + t.priority * interval '1 minute', t.tenant
    limit 1
$$;

-- Asks the breaker of p_endpoint: how many calls may be made now (null: any number), and else after how many seconds to
-- ask again. After five failures in a row it is open; when its time is over it lets one call through, and nobody else
-- for p_probe seconds. "failures" says whether a success is worth reporting.
create function permit(p_endpoint text, p_probe double precision)
returns table (calls int, wait double precision, failures int)
language plpgsql security definer set search_path = ledgerpress, pg_temp as $$
#variable_conflict use_column
declare
    e endpoints;
begin
    select * into e from endpoints where endpoint = p_endpoint;
    if not found or e.failures < 5 then
        return query select null::int, 0.0::double precision, coalesce(e.failures, 0);
        return;
    end if;
    update endpoints set open_until = clock_timestamp() + make_interval(secs => p_probe)
        where endpoint = p_endpoint and failures >= 5 and open_until <= clock_timestamp();
    if found then
        return query select 1, 0.0::double precision, e.failures;
        return;
    end if;
    select * into e from endpoints where endpoint = p_endpoint;
    return query select case when e.failures >= 5 then 0 end,
        greatest(0.0, extract(epoch from e.open_until - clock_timestamp()))::double precision, e.failures;
end $$;

-- Tells the breaker how a call ended. Opens it for 5 s, 10 s, 20 s ... up to 60 s, or as long as the other side asked.
create function report(p_endpoint text, p_ok boolean, p_after double precision, p_probing boolean)
returns void
language plpgsql security definer set search_path = ledgerpress, pg_temp as $$
#variable_conflict use_column
begin
    if p_ok then
        update endpoints set failures = 0, opened = 0, open_until = '-infinity'
            where endpoint = p_endpoint and failures > 0;
        return;
    end if;
    insert into endpoints as e (endpoint, failures) values (p_endpoint, 1)
        on conflict (endpoint) do update set failures = e.failures + 1;
    update endpoints set opened = opened + 1, open_until = clock_timestamp()
            + make_interval(secs => greatest(p_after, least(60, 5 * 2 ^ least(opened, 10))))
        where endpoint = p_endpoint and failures >= 5 and (p_probing or open_until <= clock_timestamp());
end $$;

-- Takes p_amounts from allowances of so many a minute, all or none. Returns how many seconds to wait first; 0 once they
-- are taken. More than a minute's worth is let through when the allowance is full.
create function take(p_allowances text[], p_amounts double precision[], p_per_minute double precision[])
returns double precision
language plpgsql security definer set search_path = ledgerpress, pg_temp as $$
declare
    at   timestamptz;
    wait double precision;
begin
    insert into allowances (allowance, full_at)
        select a, '-infinity' from unnest(p_allowances) a order by a on conflict do nothing;
    perform from allowances where allowance = any (p_allowances) order by allowance for update;
    at := clock_timestamp();
    select max(case when w.full_at <= at then 0
                    else extract(epoch from w.full_at - at) + 60 * w.amount / w.per_minute - 60 end)
        into wait
        from (select a.full_at, n.amount, n.per_minute from allowances a
              join unnest(p_allowances, p_amounts, p_per_minute) as n (name, amount, per_minute)
                on n.name = a.allowance) w;
    if wait > 0 then
        return wait;
    end if;
    update allowances a
        set full_at = greatest(a.full_at, at) + make_interval(secs => 60 * n.amount / n.per_minute)
        from unnest(p_allowances, p_amounts, p_per_minute) as n (name, amount, per_minute)
        where n.name = a.allowance;
    return 0;
end $$;

-- Says that these attempts are alive. Returns the streams that are still theirs, but for those that somebody is at just
-- now: most likely this very attempt, and the next heartbeat comes soon.
create function beat(p_streams text[], p_fences bigint[], p_seconds double precision)
returns setof text
language sql security definer set search_path = ledgerpress, pg_temp as $$
    with mine as (
        select s.stream from streams s join unnest(p_streams, p_fences) as m (stream, fence) using (stream, fence)
        where s.held_until > '-infinity' for update of s skip locked
    )
    update streams s set held_until = clock_timestamp() + make_interval(secs => p_seconds)
    from mine where s.stream = mine.stream
    returning s.stream
$$;

-- Destroys a customer's key, if the log says that all their orders are erased. Returns whether it is gone.
create function destroy_key(p_subject uuid)
returns boolean
language plpgsql security definer set search_path = ledgerpress, pg_temp as $$
begin
    if not exists (select from orders o where o.subject = p_subject)
        or exists (select from orders o where o.subject = p_subject and o.word <> 'erased') then
        return false;
    end if;
    update subjects s set wrapped = null, erased_at = clock_timestamp()
        where s.subject = p_subject and s.wrapped is not null;
    return true;
end $$;

-- Puts keys wrapped anew in the place of the same keys wrapped by p_kek_before. Returns how many there were: what has
-- been erased or wrapped anew meanwhile is left alone.
create function rewrap(p_subjects uuid[], p_wrapped bytea[], p_kek_before text, p_kek text)
returns bigint
language sql security definer set search_path = ledgerpress, pg_temp as $$
    with renewed as (
        update subjects s set wrapped = n.wrapped, kek = p_kek
        from unnest(p_subjects, p_wrapped) as n (subject, wrapped)
        where s.subject = n.subject and s.kek = p_kek_before and s.wrapped is not null
        returning 1
    )
    select count(*) from renewed
$$;

create function deny() returns trigger language plpgsql as $$
begin
    raise exception 'rows of "%" are never changed or removed', tg_table_name using errcode = '42501';
end $$;
create trigger never_changed before update or delete on events for each row execute function deny();
create trigger never_emptied before truncate on events for each statement execute function deny();
alter table events enable always trigger never_changed;
alter table events enable always trigger never_emptied;

revoke all on all functions in schema ledgerpress from public;
grant execute on function record, waiting, turn, beat, permit, report, take, event_hash, destroy_key,
    rewrap to ledgerpress_app;
grant select on all tables in schema ledgerpress to ledgerpress_app;
grant update (nudged_at) on streams to ledgerpress_app;
grant insert, update, delete on outbox to ledgerpress_app;
grant insert on subjects to ledgerpress_app;
grant delete on erasures to ledgerpress_app;
grant insert, update on tenants, api_keys to ledgerpress_app;

-- What an auditor needs to verify the log, and to compare it with what is said of each order. No keys of customers, no
-- secrets of tenants, nothing that finds an order by its customer's link.
grant select on alembic_version, events, streams, unsealed to ledgerpress_auditor;
grant select (order_id, version, tenant, product, word, workable, spent, reserved, tell_at, session, intent, parent,
              subject, status, placed_at, updated_at) on orders to ledgerpress_auditor;

-- Projections are made of events as they are stored: sealed personal data stays sealed.
grant select on alembic_version, events to ledgerpress_projector;
