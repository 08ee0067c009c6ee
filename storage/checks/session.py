"""A plain session in Postgres, as the login in DATABASE_URL, for whoever looks at the server."""

from typing import Any

import psycopg
from psycopg.rows import dict_row
from sqlalchemy.engine import make_url

Session = psycopg.Connection[dict[str, Any]]


def enter(url: str) -> Session:
    """A session of its own, in autocommit."""
    where = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(where, connect_timeout=5, autocommit=True, row_factory=dict_row)
    connection.execute("set statement_timeout = '5s'")
    return connection


def setting(connection: Session, name: str) -> str:
    """What a server setting is, for this session."""
    return str(one(connection, "select current_setting(%s) as value", name)["value"])


def one(connection: Session, query: str, *values: object) -> dict[str, Any]:
    """The one row of a query."""
    row = connection.execute(query.encode(), values).fetchone()
    assert row is not None
    return row
