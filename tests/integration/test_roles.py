"""Who may do what: each forbidden thing is tried as each role, in a database with something to lose."""

import itertools
import secrets
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import Server

READERS = ("ledgerpress_auditor", "ledgerpress_projector")
WORKERS = ("ledgerpress_app", *READERS)
ALMIGHTY = ("ledgerpress_owner", "superuser", "replica")
# What is never changed, with a column of each.
NEVER = {
    "events": "type = type",
    "sealed": "position = position",
    "tiles": "level = level",
    "checkpoints": "note = note",
    "signing_keys": "vkey = vkey",
}
CHANGES = [
    statement
    for table, column in NEVER.items()
    for statement in (
        f"update {table} set {column}",
        f"delete from {table}",
        f"truncate {table} cascade",
    )
]
PROJECTED = (
    "insert into ledgerpress_views.generations (projection, version, use) values ('x', 1, 'live')"
)
FORBIDDEN = {
    "ledgerpress_app": [
        "insert into streams values ('order-x', 0, '')",
        "update streams set version = 0",
        "update streams set head = ''",
        "update streams set fence = 0",
        "delete from streams",
        "update orders set word = 'delivered'",
        "delete from orders",
        "delete from unsealed",
        "update tree set size = 0",
        "update subjects set wrapped = null, erased_at = now()",
        "update subjects set wrapped = wrapped",
        "delete from subjects",
        "insert into erasures select gen_random_uuid(), now()",
        "delete from tenants",
        "delete from api_keys",
        "select append('s', 0, 1, null, false, '{}', '{}', '{}', '{}', '{}')",
        "create table mine ()",
        PROJECTED,
    ],
    "ledgerpress_projector": [
        "select * from subjects",
        "select * from tenants",
        "select * from api_keys",
        "select * from orders",
        "select * from outbox",
        "select * from streams",
        "insert into outbox (order_id, product, correlation, due_at) select null, '', '', now()",
        "create table mine ()",
    ],
    "ledgerpress_auditor": [
        "select * from subjects",
        "select stripe_secrets from tenants",
        "select * from api_keys",
        "select token_hash from orders",
        "select * from orders",
        "select * from outbox",
        "update orders set word = 'delivered'",
        "update streams set version = 0",
        "insert into subjects (subject, kek) select gen_random_uuid(), ''",
        "create table mine ()",
        PROJECTED,
    ],
}
FUNCTIONS = (
    "append('order-x', null, null, null, false, '{}', '{}', '{}', '{}', '{}')",
    "record('[]', '{}', '{}', '{}', '{}', true)",
    "seal(1)",
    "add_checkpoint('', '{}', 0)",
    "beat('{}', '{}', 1)",
)


@pytest.fixture(scope="module")
def filled(server: Server, template: str) -> Iterator[str]:
    """A database in which no table that is never changed is empty."""
    name = f"{template}_{secrets.token_hex(4)}"
    server.execute(f"create database {name} template {template}")
    with psycopg.connect(server.at(name), autocommit=True) as superuser:
        superuser.execute("set search_path = ledgerpress")
        superuser.execute(
            "select append('order-x', 0, null, null, false, array[gen_random_uuid()], '{a}', '{1}', array['{}'], '{}')"
        )
        superuser.execute(
            "insert into subjects (subject, kek, erased_at) select gen_random_uuid(), '', now()"
        )
        superuser.execute("select seal(1)")
        superuser.execute("insert into tiles values (1, 0, sha256(''))")
        superuser.execute("insert into signing_keys values ('a')")
        superuser.execute(
            """insert into checkpoints (size, root, note, digest)
            select 2, root, note, sha256(convert_to(note, 'UTF8')) from (
                select sha256('') as root, E'log\\n2\\n' || encode(sha256(''), 'base64') || E'\\n\\n' as note) n"""
        )
    yield server.at(name)
    server.execute(f"drop database {name} with (force)")


def refused(database: str, role: str, statement: str) -> str:
    """Why ``role`` may not do that; fails if it may. Nothing is kept."""
    with psycopg.connect(database) as connection:
        if role == "replica":
            connection.execute("set session_replication_role = replica")
        elif role != "superuser":
            connection.execute(f"set role {role}".encode())
        connection.execute("set search_path = ledgerpress")
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as raised:
            connection.execute(statement.encode())
        connection.rollback()
        return str(raised.value)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        *itertools.product(
            ALMIGHTY,
            [
                "delete from subjects",
                "truncate subjects cascade",
                "update subjects set wrapped = '', erased_at = null where wrapped is null",
            ],
        )
    ],
)
def test_nobody_loses_a_key_or_brings_one_back(filled: str, role: str, statement: str) -> None:
    assert "what is erased stays so" in refused(filled, role, statement)


@pytest.mark.parametrize(("role", "statement"), [*itertools.product(ALMIGHTY, CHANGES)])
def test_nobody_changes_what_is_never_changed(filled: str, role: str, statement: str) -> None:
    assert "never changed" in refused(filled, role, statement)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        *itertools.product(WORKERS, CHANGES),
        *itertools.product(
            WORKERS,
            [
                f"insert into {table} overriding system value select * from {table}"
                for table in NEVER
            ],
        ),
        *itertools.product(
            WORKERS, [f"alter table {table} disable trigger all" for table in NEVER]
        ),
        *itertools.product(WORKERS, [f"drop table {table} cascade" for table in NEVER]),
        *itertools.product(READERS, [f"select * from {function}" for function in FUNCTIONS]),
        *((role, statement) for role in FORBIDDEN for statement in FORBIDDEN[role]),
    ],
)
def test_a_role_may_do_no_more_than_its_work(filled: str, role: str, statement: str) -> None:
    text = refused(filled, role, statement)

    assert text.startswith(("permission denied", "must be owner"))


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (
            "ledgerpress_projector",
            "select * from events join sealed using (seq) where position <= (select size from tree)",
        ),
        ("ledgerpress_projector", PROJECTED),
        ("ledgerpress_auditor", "select * from events join sealed using (seq) cross join tree"),
        ("ledgerpress_auditor", "select * from checkpoints cross join signing_keys"),
        ("ledgerpress_auditor", "select order_id, word, status from orders"),
    ],
)
def test_a_role_may_do_its_work(filled: str, role: str, statement: str) -> None:
    with psycopg.connect(filled) as connection:
        connection.execute(f"set role {role}".encode())
        connection.execute("set search_path = ledgerpress")

        assert connection.execute(statement.encode()).statusmessage
        connection.rollback()


def test_the_application_becomes_the_others_and_inherits_nothing_from_them(
    filled: str, server: Server
) -> None:
    name = f"shop_{secrets.token_hex(4)}"
    server.execute(f"create role {name} login in role ledgerpress_app")
    try:
        with psycopg.connect(filled) as connection:
            connection.execute(f"set session authorization {name}".encode())
            for role in WORKERS:
                connection.execute(f"set role {role}".encode())
        assert refused(filled, name, PROJECTED)
    finally:
        server.execute(f"drop role {name}")
