-- What the operator's pages ask again and again, found without reading what is long done. Runs as the owner.
-- Only what Postgres 15 has.

-- The few events of each order that people want to hear of, by kind and time.
create index events_told on events (type, recorded_at)
    where type in ('order-delivered', 'order-cancelled', 'payment-refunded', 'attention-needed', 'call-failed', 'note-made',
                   'order-erased');

-- What RabbitMQ gave up on, for as long as the log is kept: a queue cannot be looked into, and forgets.
create table dead_letters (
    id          uuid primary key,                       -- made of what follows, so that it is kept once
    queue       text not null,                          -- where it was refused
    message_id  text not null,
    correlation text not null,
    body        bytea not null,                         -- as it came: ours are an order's id, or sealed
    kept_at     timestamptz not null default clock_timestamp(),
    returned_at timestamptz                             -- when a person had it put back into its queue
);
create index dead_letters_waiting on dead_letters (kept_at) where returned_at is null;

grant select, insert on dead_letters to ledgerpress_app;
grant update (returned_at) on dead_letters to ledgerpress_app;
