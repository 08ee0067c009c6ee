-- How far events have been announced: one row. Whoever has it locked is at it. Runs as the owner, who cannot log in.

create table announced (
    one      boolean primary key default true check (one),
    position bigint not null default 0 check (position >= 0), -- the bookmark: the last event that RabbitMQ has confirmed
    hash     bytea check (octet_length(hash) = 32),           -- that event's, by which another log is told
    check ((position = 0) = (hash is null))
);
insert into announced default values;

grant select on announced to ledgerpress_app, ledgerpress_auditor;
grant update (position, hash) on announced to ledgerpress_app;
