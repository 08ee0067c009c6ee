-- What the keepers do from time to time, one row each: whoever looks sees what was done, how it went and what is next.
-- Runs as the owner. Only what Postgres 15 has.

create table timers (
    timer        text primary key check (timer ~ '^[a-z][a-z0-9-]{0,62}$'),
    run          bigint not null default 0,                 -- how often it was begun: the fencing token of its holder
    began_at     timestamptz,
    ended_at     timestamptz,
    succeeded_at timestamptz,                               -- when the last run began that ended well
    next_at      timestamptz not null default clock_timestamp(),
    held_until   timestamptz not null default '-infinity',  -- a keeper is at it, unless it has died
    failures     int not null default 0,                    -- in a row
    outcome      text,                                      -- ok, or the reason of an error: one word
    said         text not null default ''                   -- what it did, in a sentence without personal data
);

-- Every order that is not settled, to be counted and listed without reading those that are.
create index orders_open on orders (word, product, placed_at) where word not in ('delivered', 'cancelled', 'erased');

grant select, insert, update, delete on timers to ledgerpress_app;
