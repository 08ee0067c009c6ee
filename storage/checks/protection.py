"""Whether the log is protected: the schema, and what logins and roles may do to events."""

import itertools
from collections.abc import Iterator

from events.errors import Unavailable
from storage import schema
from storage.checks.session import Session, one
from storage.database import (
    APP_ROLE,
    AUDITOR_ROLE,
    OWNER_ROLE,
    PROJECTOR_ROLE,
    SCHEMA,
    connect,
    connected,
)
from storage.findings import Finding, failure, warning, well

# pg_trigger.tgtype: what a trigger answers to.
_DELETE, _UPDATE, _TRUNCATE = 8, 16, 32
_ROLES = [OWNER_ROLE, APP_ROLE, PROJECTOR_ROLE, AUDITOR_ROLE]


def look_at_schema(connection: Session) -> Iterator[Finding]:
    """Whether it is the newest."""
    role = connection.execute(
        "select pg_has_role(oid, 'member') as ours from pg_roles where rolname = %s", [APP_ROLE]
    ).fetchone()
    if role is not None and not role["ours"]:
        return  # it cannot be seen from here: the check of the role says why
    reached = None
    if role is not None and _table(connection, "alembic_version"):
        connection.execute(f"set role {APP_ROLE}".encode())
        query = f"select version_num from {SCHEMA}.alembic_version"  # noqa: S608 - our own name
        row = connection.execute(query.encode()).fetchone()
        connection.execute("reset role")
        reached = row["version_num"] if row else None
    newest = schema.newest()
    if reached != newest:
        yield failure(
            "postgres.schema",
            f"the schema is at {reached or 'nothing'}, the newest is {newest}",
            why="processes of this release meet tables they do not know",
            do="ledgerpress db upgrade",
        )
    else:
        yield well("postgres.schema", f"{reached}, the newest")


def look_at_login(connection: Session) -> Iterator[Finding]:
    """Whether the login could undo the protection."""
    row = one(
        connection,
        "select r.rolsuper as super, coalesce(pg_has_role(r.oid, o.oid, 'member'), false) as owns"
        " from pg_roles r left join pg_roles o on o.rolname = %s where r.rolname = session_user",
        OWNER_ROLE,
    )
    if row["super"] or row["owns"]:
        what = "is a superuser" if row["super"] else f"is a member of {OWNER_ROLE}"
        yield warning(
            "postgres.login",
            f"the login in DATABASE_URL {what}",
            why="whoever gets hold of it can switch off what protects the log",
            do="use one that is only a member of ledgerpress_app; README.md, 'Database roles'",
        )
    else:
        yield well("postgres.login", "may not change the schema")


def look_at_append_only(connection: Session) -> Iterator[Finding]:
    """What the roles may do, by themselves or as anybody, to tables that only grow."""
    rights = ("insert", "update", "delete", "truncate", "trigger")
    asked = ", ".join(f"has_table_privilege(%s, %s::oid, '{right}') as {right}" for right in rights)
    asked += ", has_any_column_privilege(%s, %s::oid, 'update') as columns"
    tables = _only_growing(connection)
    found = []
    for name, role in itertools.product(tables, [APP_ROLE, PROJECTOR_ROLE, AUDITOR_ROLE]):
        row = one(connection, f"select {asked}", *(role, tables[name]) * 6)
        may = [right for right in rights if row[right]] + ["update of columns"] * row["columns"]
        if may:
            found.append((name, role, ", ".join(dict.fromkeys(may))))
    for name, role, held in found:
        yield failure(
            "postgres.append-only",
            f"{role} may {held} {name} itself",
            why="the log proves something only as long as nobody can write past append()",
            do=f"as the owner: revoke all on {SCHEMA}.{name} from {role}, public;"
            f" grant select on {SCHEMA}.{name} to {role}",
        )
    if tables and not found:
        yield well("postgres.append-only", "no role may write past append() and seal()")


def look_at_always(connection: Session) -> Iterator[Finding]:
    """Whether the triggers that refuse to change events are there, and cannot be gone around."""
    tables = _only_growing(connection)
    found = []
    for name, table in tables.items():
        row = one(
            connection,
            "select coalesce(bit_or(t.tgtype), 0::smallint)::int as covered from pg_trigger t"
            " join pg_proc p on p.oid = t.tgfoid"
            " where t.tgrelid = %s::oid and t.tgenabled = 'A' and not t.tgisinternal"
            " and p.proname = 'deny'",
            table,
        )
        words = (("update", _UPDATE), ("delete", _DELETE), ("truncate", _TRUNCATE))
        if open_ := [word for word, bit in words if not row["covered"] & bit]:
            found.append((name, " or ".join(open_)))
    for name, changes in found:
        yield failure(
            "postgres.triggers",
            f"no trigger that is always on refuses to {changes} {name}",
            why="a superuser's mistake, or a restore, can change the log unnoticed",
            do=f"as the owner: alter table {SCHEMA}.{name} enable always trigger never_changed"
            " (and never_emptied); if they are gone, restore the schema",
        )
    if tables and not found:
        yield well("postgres.triggers", "what only grows is protected from everybody, always")


def _only_growing(connection: Session) -> dict[str, int]:
    """The tables of which no row is ever changed, as far as they are there."""
    names = ("events", "sealed", "tiles", "checkpoints", "signing_keys")
    found = {name: _table(connection, name) for name in names}
    return {name: table for name, table in found.items() if table is not None}


def _table(connection: Session, name: str) -> int | None:
    """Its number, which can be asked about also by who may not enter the schema."""
    row = connection.execute(
        "select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = %s and c.relname = %s",
        [SCHEMA, name],
    ).fetchone()
    return row["oid"] if row else None


def look_at_owner(connection: Session) -> Iterator[Finding]:
    """Whether somebody could log in as one of the roles."""
    query = "select rolname from pg_roles where rolname = any (%s) and rolcanlogin order by 1"
    names = [row["rolname"] for row in connection.execute(query, [_ROLES])]
    for name in names:
        yield failure(
            "postgres.roles",
            f"{name} can log in",
            why="it is a role to be taken on by a login of your own, whose password you know",
            do=f"alter role {name} nologin",
        )
    if not names:
        yield well("postgres.roles", "nobody can log in as the owner of the log")


def look_at_role(url: str) -> Iterator[Finding]:
    """Whether connections become what they ask to be."""
    engine = connect(url, pool=1)
    try:
        with connected(engine) as connection:
            who = connection.exec_driver_sql("select current_user").scalar_one()
    except Unavailable as error:
        yield failure(
            "postgres.role",
            f"the login cannot become {APP_ROLE}",
            why="every process works in that role"
            if error.reason == "database-not-ready"
            else str(error),
            do=f"ledgerpress db upgrade; then, as the owner: grant {APP_ROLE} to your login",
        )
        return
    finally:
        engine.dispose()
    if who != APP_ROLE:
        yield failure(
            "postgres.role",
            f"our connections do not become {APP_ROLE}",
            why="they keep all the rights of the login: something drops the options we connect with",
            do="remove ignore_startup_parameters=options from the pooler, or go past it",
        )
    else:
        yield well("postgres.role", f"connections work as {APP_ROLE}")
