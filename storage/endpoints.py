"""How the endpoints of the model are doing, and what may still be asked of them: shared by all workers."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, case, literal_column, select, text

from storage.database import connected, directly, rows
from storage.tables import endpoints

# For how long an endpoint that is well is taken to be well: a round of calls takes seconds.
_WELL_SECONDS = 0.25

_PERMIT = "select calls, wait, failures from permit(%s, %s)"
_REPORT = text("select report(:endpoint, :ok, :after, :probing)")
_TAKE = text("""
    select take(cast(:names as text[]), cast(:amounts as double precision[]), cast(:rates as double precision[]))
""")
# A probe whose prober died is made again by somebody else after this long.
_PROBE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Permit:
    """What the breaker lets through: ``calls`` now (``None``: any number), or none for ``wait`` seconds.

    ``shaky``: there have been failures, so that a success is news.
    """

    calls: int | None
    wait: float
    shaky: bool

    @property
    def probing(self) -> bool:
        """Whether this lets one call through to see how the endpoint is."""
        return self.calls == 1


@dataclass(frozen=True, slots=True)
class Want:
    """So much of an allowance that is renewed by ``per_minute`` every minute."""

    allowance: str
    amount: float
    per_minute: float


class Endpoints:
    """The circuit breaker and the allowances per minute, kept in Postgres by its own clock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._well: dict[str, tuple[float, Permit]] = {}

    def permit(self, endpoint: str) -> Permit:
        """Ask before a round of calls. After five failures in a row nothing passes for 5 s, 10 s, 20 s ... 60 s.

        Then one call may try, and what is reported of it closes the breaker or opens it for longer.
        """
        until, well = self._well.get(endpoint, (0.0, None))
        if well and time.monotonic() < until:
            return well
        with directly(self._engine) as connection:
            row = connection.execute(_PERMIT, (endpoint, _PROBE_SECONDS)).fetchone()
        assert row is not None
        calls, wait, failures = row
        permit = Permit(calls, wait, failures > 0)
        if calls is None and not permit.shaky:
            self._well[endpoint] = (time.monotonic() + _WELL_SECONDS, permit)
        return permit

    def report(self, endpoint: str, permit: Permit, *, ok: bool, after: float = 0.0) -> None:
        """Tell how a call ended. ``after``: for how many seconds the other side asked not to be called."""
        if ok and not permit.shaky:
            return
        self._well.pop(endpoint, None)
        values = {"endpoint": endpoint, "ok": ok, "after": after, "probing": permit.probing}
        with connected(self._engine) as connection:
            connection.execute(_REPORT, values)

    def take(self, wants: Iterable[Want]) -> float:
        """Take all of ``wants`` or none; return how many seconds to wait first, 0 if they have been taken."""
        wanted = list(wants)
        if not wanted:
            return 0.0
        values = {
            "names": [each.allowance for each in wanted],
            "amounts": [each.amount for each in wanted],
            "rates": [each.per_minute for each in wanted],
        }
        with connected(self._engine) as connection:
            return float(connection.execute(_TAKE, values).scalar_one())


@dataclass(frozen=True, slots=True)
class Condition:
    """How an endpoint is: failures in a row, and until when its breaker is open (in the past: it is closed)."""

    endpoint: str
    failures: int
    open_until: datetime | None


def conditions(engine: Engine) -> dict[str, Condition]:
    """By endpoint, of all that have failed before."""
    never = endpoints.c.open_until == literal_column("'-infinity'::timestamptz")
    until = case((never, None), else_=endpoints.c.open_until)
    query = select(endpoints.c.endpoint, endpoints.c.failures, until.label("until"))
    return {
        row.endpoint: Condition(row.endpoint, row.failures, row.until)
        for row in rows(engine, query)
    }
