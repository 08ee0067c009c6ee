"""Brings the database to the newest schema, and tells whether it is there."""

from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError, ProgrammingError

from events.errors import Refused
from storage.database import OWNER_ROLE, SCHEMA, away

# Any number of processes may upgrade at once: one does, the others wait and find it done.
_UPGRADE_LOCK = 7_270_001
_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(url: str) -> str:
    """Create the roles and the schema, run what is missing, and return the revision reached.

    ``url`` needs a login that may create roles and schemas in this database. Raises ``Refused`` if it may not and
    ``Unavailable`` if Postgres cannot be reached.
    """
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    try:
        with engine.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
            _roles(connection)
            connection.execute(text(f"set local role {OWNER_ROLE}"))
            connection.execute(text(f"set local search_path = {SCHEMA}"))
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            return _reached(connection) or ""
    except OperationalError as error:
        raise away(error) from None
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        message = (
            "the login in DATABASE_OWNER_URL (or DATABASE_URL) may not create the roles and the "
            f"schema ({str(error.orig).splitlines()[0]}); use one with CREATEROLE that owns the database"
        )
        raise Refused(message, reason="may-not-migrate") from None
    finally:
        engine.dispose()


def made_afresh(url: str, name: str) -> str:
    """An empty database ``name`` on the server at ``url``, in place of the one there may be; return its URL."""
    where = make_url(url)
    engine = create_engine(where.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f'drop database if exists "{name}" with (force)'))
            connection.execute(text(f'create database "{name}"'))
    except OperationalError as error:
        raise away(error) from None
    finally:
        engine.dispose()
    return where.set(database=name).render_as_string(hide_password=False)


def current(connection: Connection) -> tuple[str | None, str | None]:
    """The revision the database is at, and the newest one there is."""
    return _reached(connection), newest()


def usable(connection: Connection) -> bool:
    """Whether this release can work with the database: it is not older, and may be newer, as during an upgrade."""
    reached = _reached(connection)
    known = {each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()}
    return reached is not None and (reached == newest() or reached not in known)


def newest() -> str | None:
    """The newest revision there is."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _reached(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA})
    return context.get_current_revision()


def _roles(connection: Connection) -> None:
    # Straight to the driver: SQLAlchemy would read every % as a placeholder.
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    driver.execute((_MIGRATIONS / "roles.sql").read_bytes())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config
