"""The way to Postgres: connections that never wait for ever, in the role that may do least."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, Executable, Row, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from events.errors import DATABASE_AWAY, LedgerpressError, Unavailable

T = TypeVar("T")

SCHEMA = "ledgerpress"
# Where projections live, so that their writer needs no rights where events lie.
VIEWS_SCHEMA = "ledgerpress_views"
OWNER_ROLE = "ledgerpress_owner"  # has the tables; migrations run as it
APP_ROLE = "ledgerpress_app"  # every process; appends through functions
PROJECTOR_ROLE = "ledgerpress_projector"  # reads sealed events, writes projections
AUDITOR_ROLE = "ledgerpress_auditor"  # reads what can be verified, and nothing that opens anything

# A statement of ours takes milliseconds; a frozen peer must cost seconds, not for ever.
_LIMITS = {
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "5s",
}
# A frozen server keeps none of its own limits: longer than this nobody waits for an answer.
_ANSWER_SECONDS = 6.0
# Why a login cannot be had in a role: it may not be, or the schema is not there yet.
ROLE_REFUSED = "database-not-ready"
# What the driver and the pool raise when Postgres is away, or too busy to be had.
AWAY = (OperationalError, InterfaceError, PoolTimeout)
_GONE = (psycopg.OperationalError, psycopg.InterfaceError)
_NETWORK: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


class _Impatient(psycopg.Connection[Any]):
    """A connection that gives up on a silent server; the server's own limits cannot reach us when it is frozen."""

    def wait(
        self, gen: Generator[Any, Any, T], interval: float = 0.1, timeout: float | None = None
    ) -> T:
        """Wait for the server's answer, for ``_ANSWER_SECONDS`` unless told otherwise; then close the connection."""
        began = time.monotonic()
        patience = _ANSWER_SECONDS if timeout is None else timeout
        try:
            return super().wait(gen, interval, patience)
        except psycopg.Error:
            if time.monotonic() - began < patience:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError("the server does not answer") from None


def connect(url: str, *, role: str = APP_ROLE, pool: int = 10) -> Engine:
    """A pool of at most ``pool`` connections in ``role``; nothing is opened yet.

    Every statement commits by itself unless a transaction is begun.
    """
    settings = {"role": role, "search_path": SCHEMA, "timezone": "UTC", **_LIMITS}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    where = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: _Impatient.connect(where, options=options, **_NETWORK),
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        pool_size=pool,
        max_overflow=pool,
        pool_timeout=10,
    )


@contextmanager
def connected(engine: Engine) -> Iterator[Connection]:
    """A connection in autocommit. Raises ``Unavailable`` when Postgres cannot be reached."""
    try:
        with engine.connect() as connection:
            yield connection
    except (*AWAY, *_GONE) as error:
        raise away(error) from None


@contextmanager
def directly(engine: Engine) -> Iterator[psycopg.Connection[Any]]:
    """The driver's own connection, in autocommit, for the few statements that every section needs.

    SQLAlchemy would cost them as much again as they cost themselves. Raises ``Unavailable`` like ``connected``, and
    otherwise what psycopg raises.
    """
    try:
        pooled = engine.raw_connection()
    except (*AWAY, *_GONE) as error:
        raise away(error) from None
    try:
        assert pooled.driver_connection is not None
        yield pooled.driver_connection
    except _GONE as error:
        gone = pooled.driver_connection is None or pooled.driver_connection.closed
        pooled.invalidate(error)
        if gone:
            engine.dispose()  # those that lie idle are as old, and as dead
        raise away(error) from None
    finally:
        pooled.close()


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction, committed at the end or rolled back. Raises ``Unavailable`` like ``connected``."""
    try:
        with engine.connect() as connection:
            ours = connection.execution_options(isolation_level="READ COMMITTED")
            with ours.begin():
                yield ours
    except (*AWAY, *_GONE) as error:
        raise away(error) from None


def away(error: SQLAlchemyError | psycopg.Error) -> Unavailable:
    """Postgres is away, in our own words: the driver's text may name hosts and users."""
    cause = getattr(error, "orig", error)
    if isinstance(cause, psycopg.Error) and cause.sqlstate is None and "role" in str(cause):
        return Unavailable(
            "Postgres refused the application's role; run: ledgerpress db upgrade",
            reason=ROLE_REFUSED,
        )
    return Unavailable("Postgres cannot be reached", reason=DATABASE_AWAY)


def again_once(ask: Callable[[], T]) -> T:
    """Ask, and once more if Postgres was away: for statements that are safe to repeat.

    A pooled connection may have died while it lay idle; the second attempt gets a new one.
    """
    try:
        return ask()
    except Unavailable:
        return ask()


def rows(
    engine: Engine, query: Executable, values: Mapping[str, Any] | None = None
) -> Sequence[Row[Any]]:
    """What a query gives that is safe to repeat: asked once more if Postgres was away. Raises ``Unavailable``."""

    def ask() -> Sequence[Row[Any]]:
        with connected(engine) as connection:
            return connection.execute(query, values).all()

    return again_once(ask)


def failed(
    error: psycopg.Error, known: Mapping[str, type[LedgerpressError]]
) -> LedgerpressError | None:
    """Our error for a refusal by one of our own functions, told by its SQLSTATE; ``None`` if it is not ours."""
    kind = known.get(error.sqlstate or "")
    return kind(str(error).splitlines()[0]) if kind else None
