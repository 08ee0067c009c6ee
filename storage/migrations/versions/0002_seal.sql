-- One order of all events, the Merkle tree over it, and its signed checkpoints. Runs as the owner, who cannot log in.
-- Only what Postgres 15 has.

-- Where an event stands in the whole log: 1, 2, 3, ... without holes. No foreign key: seal() takes them from "events", of
-- which nothing is ever removed, and to check it each event's row would be written to once more, to lock it.
create table sealed (
    position bigint primary key check (position > 0),
    seq      bigint not null unique
);

-- The tree over the hashes of the sealed events (RFC 6962), as far as it must be known to grow: one row. Whoever has
-- it locked is the leader.
create table tree (
    one   boolean primary key default true check (one),
    size  bigint not null check (size >= 0),
    peaks bytea[] not null                              -- the roots of its complete subtrees, largest first
);
insert into tree (size, peaks) values (0, '{}');

-- The roots of the complete subtrees of 256, 65536, ... events, so that a proof reads a few hundred rows and not all.
create table tiles (
    level smallint not null check (level > 0),          -- the subtree has 256 ^ level leaves
    index bigint not null check (index >= 0),           -- how many subtrees of that level stand before it
    hash  bytea not null check (octet_length(hash) = 32),
    primary key (level, index)
);

-- Signed notes (c2sp.org/tlog-checkpoint). What is beside the note stands in the note too.
create table checkpoints (
    size        bigint primary key check (size > 0),
    root        bytea not null check (octet_length(root) = 32),
    note        text not null,
    digest      bytea not null unique,
    previous    bytea unique,                           -- the digest of the checkpoint before this one
    recorded_at timestamptz not null default clock_timestamp(),
    check (digest = sha256(convert_to(note, 'UTF8'))),
    check (split_part(note, E'\n', 2) = size::text),
    check (split_part(note, E'\n', 3) = encode(root, 'base64')),
    check (split_part(note, E'\n', 4) = coalesce('previous ' || encode(previous, 'base64'), ''))
);

-- The public keys that checkpoints were or will be signed with.
create table signing_keys (
    vkey         text primary key,                      -- as c2sp.org/signed-note writes it
    published_at timestamptz not null default clock_timestamp()
);

-- Gives at most p_most committed events their positions and grows the tree by them, in one transaction. Returns how many
-- there were and the new size; nothing at all if somebody else is at it.
--
-- The rows of "unsealed" that can be seen are those of committed appends. A stream's events come in order: an append
-- draws its seq while it holds the stream's lock, and keeps that until it is committed, so that an earlier version has
-- the smaller seq and can be seen no later.
create function seal(p_most int)
returns table (count int, reached bigint)
language plpgsql security definer set search_path = ledgerpress, pg_temp as $$
declare
    t      tree;
    seqs   bigint[];
    leaves bytea[];
    node   bytea;
    top    int;      -- how many peaks there are
    height int;
    rest   bigint;
    grown  bigint;
    levels smallint[] := '{}';
    places bigint[] := '{}';
    roots  bytea[] := '{}';
begin
    select * into t from tree for update skip locked;
    if not found then
        return;
    end if;
    select array_agg(w.seq order by w.seq), array_agg(w.hash order by w.seq) into seqs, leaves
        from (select u.seq, e.hash from unsealed u join events e on e.seq = u.seq order by u.seq limit p_most) w;
    if seqs is null then
        return query select 0, t.size;
        return;
    end if;

    grown := t.size;
    top := cardinality(t.peaks);
    for i in 1..cardinality(leaves) loop
        node := sha256('\x00'::bytea || leaves[i]);
        grown := grown + 1;
        height := 0;
        rest := grown;
        while rest % 2 = 0 loop
            node := sha256('\x01'::bytea || t.peaks[top] || node);
            top := top - 1;
            height := height + 1;
            rest := rest / 2;
            if height % 8 = 0 then
                levels := levels || (height / 8)::smallint;
                places := places || rest - 1;
                roots := roots || node;
            end if;
        end loop;
        top := top + 1;
        t.peaks[top] := node;
    end loop;

    insert into sealed (position, seq)
        select t.size + w.place, w.seq from unnest(seqs) with ordinality as w (seq, place);
    delete from unsealed u where u.seq = any (seqs);
    insert into tiles (level, index, hash)
        select w.level, w.place, w.root from unnest(levels, places, roots) as w (level, place, root);
    update tree set size = grown, peaks = t.peaks[1:top];
    return query select cardinality(seqs), grown;
end $$;

-- Adds a signed checkpoint, and makes its keys known. Returns false if the latest one is younger than p_seconds or as
-- large. Raises LP003 if it does not follow from the latest one, or tells of more than has been sealed.
create function add_checkpoint(p_note text, p_keys text[], p_seconds double precision)
returns boolean
language plpgsql security definer set search_path = ledgerpress, pg_temp as $$
declare
    latest checkpoints;
    told   bigint := split_part(p_note, E'\n', 2)::bigint;
begin
    lock table checkpoints in share row exclusive mode;
    select * into latest from checkpoints order by size desc limit 1;
    if latest.size = told or latest.recorded_at > clock_timestamp() - make_interval(secs => p_seconds) then
        return false;
    end if;
    if latest.size > told or told > (select t.size from tree t)
        or split_part(p_note, E'\n', 4) <> coalesce('previous ' || encode(latest.digest, 'base64'), '') then
        raise exception 'the checkpoint at % does not follow from the one at %', told, coalesce(latest.size, 0)
            using errcode = 'LP003';
    end if;
    insert into signing_keys (vkey) select unnest(p_keys) on conflict do nothing;
    insert into checkpoints (size, root, note, digest, previous)
        values (told, decode(split_part(p_note, E'\n', 3), 'base64'), p_note, sha256(convert_to(p_note, 'UTF8')),
                latest.digest);
    return true;
end $$;

create trigger never_changed before update or delete on sealed for each row execute function deny();
create trigger never_emptied before truncate on sealed for each statement execute function deny();
create trigger never_changed before update or delete on tiles for each row execute function deny();
create trigger never_emptied before truncate on tiles for each statement execute function deny();
create trigger never_changed before update or delete on checkpoints for each row execute function deny();
create trigger never_emptied before truncate on checkpoints for each statement execute function deny();
create trigger never_changed before update or delete on signing_keys for each row execute function deny();
create trigger never_emptied before truncate on signing_keys for each statement execute function deny();
alter table sealed enable always trigger never_changed;
alter table sealed enable always trigger never_emptied;
alter table tiles enable always trigger never_changed;
alter table tiles enable always trigger never_emptied;
alter table checkpoints enable always trigger never_changed;
alter table checkpoints enable always trigger never_emptied;
alter table signing_keys enable always trigger never_changed;
alter table signing_keys enable always trigger never_emptied;

revoke all on function seal, add_checkpoint from public;
grant execute on function seal, add_checkpoint to ledgerpress_app;
grant select on sealed, tree, tiles, checkpoints, signing_keys to ledgerpress_app, ledgerpress_auditor;
grant select on sealed, tree to ledgerpress_projector;
