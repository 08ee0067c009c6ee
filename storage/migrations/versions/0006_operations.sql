-- What the operator's pages ask again and again, found without reading what is long done. Runs as the owner.
-- Only what Postgres 15 has.

-- The few events of each order that people want to hear of, by kind and time.
create index events_told on events (type, recorded_at)
    where type in ('order-delivered', 'order-cancelled', 'payment-refunded', 'attention-needed', 'call-failed', 'note-made',
                   'order-erased');

-- What RabbitMQ gave up on, for as long as the log is kept: a queue cannot be looked into, and forgets.
create table dead_letters (
    id          uuid primary key,
    queue       text not null,                          -- where it was refused
    message_id  text not null,
    correlation text not null,
    body        bytea not null,                         -- as it came: ours are an order's id, or sealed
    kept_at     timestamptz not null default clock_timestamp(),
    settled_at  timestamptz,                            -- when a person saw to it
    settled     text check (settled in ('returned', 'discarded')), -- put back into its queue, or not worked on any more
    reason      text not null default '',               -- why it was discarded
    check ((settled_at is null) = (settled is null)),
    -- A sealed payment is a buyer's data under no key of theirs: it is not kept longer than somebody may need it.
    check (settled_at is null or body = '')
);
-- No sample of them among the planner's statistics, where one could be read after it is emptied.
alter table dead_letters alter column body set statistics 0;
create index dead_letters_waiting on dead_letters (kept_at) where settled_at is null;
-- A delivery is kept once, however often it is taken out; the same again, after somebody has seen to it, is another.
create unique index dead_letters_once on dead_letters (queue, message_id, sha256(body)) where settled_at is null;

grant select, insert on dead_letters to ledgerpress_app;
grant update (body, settled_at, settled, reason) on dead_letters to ledgerpress_app;
