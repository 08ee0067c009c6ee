"""Postgres: whether it is there, keeps what it confirms, and has room for all of us."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import psycopg

from events.plan import Product
from storage.checks import protection
from storage.checks.session import Session, enter, one, setting
from storage.database import SCHEMA
from storage.findings import Finding, attempt, away, failure, warning, well
from storage.settings import Settings

_OLDEST = 150_000
_SKEW_SECONDS = (1.0, 30.0)
# What the API opens at most, what a worker opens besides its threads, and the keeper.
_API, _WORKER, _KEEPER = 40, 3, 4
_BUSY = 0.8
_LOW_DISK = 2 * 1024**3


def look(settings: Settings, catalogue: Mapping[str, Product]) -> Iterator[Finding]:
    """All of it, as the login in DATABASE_URL."""
    url = settings.database_url.get_secret_value()
    began = time.monotonic()
    try:
        connection = enter(url)
    except psycopg.OperationalError as error:
        yield _unreachable(error)
        return
    with closing(connection):
        milliseconds = 1000 * (time.monotonic() - began)
        yield well("postgres.reachable", f"answers, after {milliseconds:.0f} ms")
        looks: dict[str, Callable[[], Iterator[Finding]]] = {
            "version": lambda: _server(connection),
            "durability": lambda: _keeping(connection),
            "schema": lambda: protection.look_at_schema(connection),
            "login": lambda: protection.look_at_login(connection),
            "append-only": lambda: protection.look_at_append_only(connection),
            "triggers": lambda: protection.look_at_always(connection),
            "roles": lambda: protection.look_at_owner(connection),
            "clock": lambda: _clock(connection),
            "connections": lambda: _connections(connection, settings, catalogue),
            "autovacuum": lambda: _vacuum(connection),
            "disk": lambda: _disk(connection),
            "pooler": lambda: _pooler(connection, url),
            "role": lambda: protection.look_at_role(url),
        }
        for name, each in looks.items():
            yield from attempt(f"postgres.{name}", each)


def _unreachable(error: psycopg.OperationalError) -> Finding:
    # The driver's text names hosts and users: it is read here and told in our own words.
    text = str(error)
    known = (
        ("password authentication failed", "it refuses the user or the password", False),
        ("no password supplied", "it asks for a password, and DATABASE_URL has none", False),
        ("no pg_hba.conf entry", "it lets nobody in from this address, or not like this", False),
        ("unsupported startup parameter", "a pooler refuses how we connect", False),
        ("does not exist", "the database or the user does not exist", False),
        ("too many clients", "all its connections are taken", True),
        ("too many connections", "the login or the database has no connection left", True),
        ("starting up", "it is starting or recovering", True),
        ("resolve host", "its name is not known here", True),
        ("Connection refused", "nobody listens there", True),
        ("timeout", "it does not answer", True),
    )
    found = next((each for each in known if each[0] in text), ("", "it cannot be reached", True))
    kind = away if found[2] else failure
    return kind(
        "postgres.reachable",
        found[1],
        why="nothing can be recorded: payments wait in RabbitMQ, everything else waits",
        do="check DATABASE_URL, and whether Postgres runs and can be reached from here",
    )


def _server(connection: Session) -> Iterator[Finding]:
    version = connection.info.server_version
    shown = f"{version // 10_000}.{version % 10_000}"
    if version < _OLDEST:
        yield failure(
            "postgres.version",
            f"Postgres {shown}",
            why="the schema uses what came with Postgres 15",
            do="upgrade Postgres",
        )
    else:
        yield well("postgres.version", f"Postgres {shown}")
    if one(connection, "select pg_is_in_recovery() as standby")["standby"]:
        yield failure(
            "postgres.primary",
            "this is a standby",
            why="nothing can be written to it",
            do="point DATABASE_URL at the primary (target_session_attrs=read-write)",
        )
    if (encoding := setting(connection, "server_encoding")) != "UTF8":
        yield failure(
            "postgres.encoding",
            f"the database's encoding is {encoding}",
            why="names and reports hold any character, and hashes are taken over UTF-8",
            do="create the database with encoding 'UTF8' and restore into it",
        )
    isolation = setting(connection, "default_transaction_isolation")
    if isolation != "read committed":
        yield failure(
            "postgres.isolation",
            f"transactions are '{isolation}' unless said otherwise",
            why="append() waits for others and must then see what they wrote",
            do="alter role or database: reset default_transaction_isolation",
        )


def _keeping(connection: Session) -> Iterator[Finding]:
    dangers = {
        "fsync": "a power cut can destroy the whole database",
        "full_page_writes": "a power cut can leave half-written pages that nothing can mend",
        "synchronous_commit": "a crash loses payments that were already answered with 200",
    }
    for name, danger in dangers.items():
        check = f"postgres.{name.replace('_', '-')}"
        if (value := setting(connection, name)) == "off":
            do = f"set {name} to on, for the server, the database and the login"
            yield failure(check, f"{name} is off", why=danger, do=do)
        else:
            yield well(check, value)
    if setting(connection, "data_checksums") == "off":
        yield warning(
            "postgres.data-checksums",
            "pages carry no checksums",
            why="a failing disk changes data without anybody noticing",
            do="stop Postgres and run: pg_checksums --enable",
        )


def _clock(connection: Session) -> Iterator[Finding]:
    before = time.time()
    theirs = float(one(connection, "select extract(epoch from clock_timestamp()) as now")["now"])
    skew = max(before - theirs, theirs - time.time(), 0.0)  # a slow answer is no wrong clock
    slight, grave = _SKEW_SECONDS
    if skew > slight:
        yield (failure if skew > grave else warning)(
            "postgres.clock",
            f"this machine and Postgres differ by {skew:.1f} s",
            why="retries come early or late, and a clock 300 s off refuses all that Stripe sends",
            do="let both keep time with NTP",
        )
    else:
        yield well("postgres.clock", f"within {slight:.0f} s of this machine's")


def _connections(
    connection: Session,
    settings: Settings,
    catalogue: Mapping[str, Product],
) -> Iterator[Finding]:
    threads = sum(settings.worker_threads or each.threads for each in catalogue.values())
    needed = _API + _KEEPER + threads + len(catalogue) * _WORKER
    row = one(
        connection,
        "select current_setting('max_connections')::int"
        " - current_setting('superuser_reserved_connections')::int as server,"
        " (select count(*) from pg_stat_activity where backend_type = 'client backend') as used,"
        " (select rolconnlimit from pg_roles where rolname = session_user) as login,"
        " (select datconnlimit from pg_database where datname = current_database()) as database",
    )
    limits = {
        "the server": row["server"],
        "the login": row["login"],
        "the database": row["database"],
    }
    tight = {who: most for who, most in limits.items() if 0 <= most < needed}
    for who, most in tight.items():
        yield warning(
            "postgres.connections",
            f"{who} allows {most} connections; one process of each kind may need {needed}",
            why="when they are used up, orders and pages wait for each other",
            do=f"raise the limit of {who}",
        )
    if row["used"] > _BUSY * row["server"]:
        yield warning(
            "postgres.connections",
            f"{row['used']} of {row['server']} connections are taken",
            why="the next processes may get none",
            do="raise max_connections, or see who holds them: select * from pg_stat_activity",
        )
    elif not tight:
        yield well("postgres.connections", f"{row['used']} of {row['server']} taken")


def _vacuum(connection: Session) -> Iterator[Finding]:
    off = setting(connection, "autovacuum") == "off"
    query = (
        "select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = %s and 'autovacuum_enabled=false' = any (c.reloptions) order by 1"
    )
    tables = [row["relname"] for row in connection.execute(query, [SCHEMA])]
    if off or tables:
        yield warning(
            "postgres.autovacuum",
            "autovacuum is off" + (f" for {', '.join(tables)}" if tables else ""),
            why="outbox and streams are updated all the time: they grow and slow down for ever",
            do="set autovacuum to on",
        )
    else:
        yield well("postgres.autovacuum", "on")


def _disk(connection: Session) -> Iterator[Finding]:
    size = one(connection, "select pg_database_size(current_database()) as size")["size"]
    place = connection.execute(
        "select setting from pg_settings where name = 'data_directory'"
    ).fetchone()
    # Readable only for some logins, and of use only where Postgres runs on this machine.
    folder = Path(place["setting"]) if place and place["setting"] else None
    if (
        folder
        and connection.info.host in ("localhost", "127.0.0.1", "::1")
        and os.access(folder, os.X_OK)
    ):
        free = shutil.disk_usage(folder).free
        if free < _LOW_DISK:
            yield warning(
                "postgres.disk",
                f"{free / 1024**3:.1f} GB are left where Postgres keeps its data",
                why="a full disk stops Postgres, and with it everything",
                do="make room, or move the data to a larger disk",
            )
            return
    yield well("postgres.disk", f"the database has {size / 1024**2:.0f} MB")


def _pooler(connection: Session, url: str) -> Iterator[Finding]:
    """Two transactions of one session, while another client could be given its server connection."""
    query = "select pg_backend_pid() as pid, current_setting('ledgerpress.doctor', true) as mark"
    connection.execute("select set_config('ledgerpress.doctor', 'here', false)")
    before = one(connection, query)
    with closing(enter(url)) as other:
        other.autocommit = False
        other.execute("select 1")
        after = one(connection, query)
    if after != before or after["mark"] != "here":
        yield failure(
            "postgres.pooler",
            "a pooler in transaction mode is in between",
            why="the role and the time limits that our connections ask for get lost or reach others",
            do="point DATABASE_URL at Postgres itself, or at a pool in session mode",
        )
    else:
        yield well("postgres.pooler", "a session stays one")
