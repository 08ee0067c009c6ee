"""The timers: what is done from time to time, by one keeper at a time, and how it went."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, case, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from events.errors import NotFound
from storage.database import again_once, connected, rows
from storage.tables import timers

OK = "ok"
_TURN = ("timer", "run", "began_at", "succeeded_at", "failures")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """What is known of one: how its last run went, and when the next is due.

    ``outcome`` is ``ok``, the reason of an error, or empty before the first run has ended; ``said`` is what was done,
    in a sentence. ``late`` is for how many seconds it has been due and nobody has come.
    """

    name: str
    began_at: datetime | None
    ended_at: datetime | None
    succeeded_at: datetime | None
    next_at: datetime
    running: bool
    failures: int
    outcome: str
    said: str
    late: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The right to run a timer once.

    ``now`` is the database's clock; ``since`` when the last good run began, ``failures`` how many failed after it.
    """

    name: str
    run: int
    now: datetime
    since: datetime | None
    failures: int


def listed(engine: Engine) -> list[Timer]:
    """All timers, by name."""
    late = func.extract("epoch", func.clock_timestamp() - timers.c.next_at)
    running = timers.c.held_until > func.clock_timestamp()
    shown = [each for each in timers.c if each.name != "held_until"]  # may be -infinity
    query = select(*shown, late.label("late"), running.label("running")).order_by(timers.c.timer)
    return [_timer(row) for row in rows(engine, query)]


def enrol(engine: Engine, first: Mapping[str, datetime]) -> None:
    """Have a row for each of them; a new one is due for the first time then."""
    with connected(engine) as connection:
        for name, at in first.items():
            new = insert(timers).values(timer=name, next_at=at)
            connection.execute(new.on_conflict_do_nothing())


def retire(engine: Engine, names: Iterable[str]) -> None:
    """Forget these: nobody will come for them, and nobody shall wait. One that comes back begins anew."""
    with connected(engine) as connection:
        connection.execute(delete(timers).where(timers.c.timer.in_(list(names))))


def claim(engine: Engine, names: Iterable[str], seconds: float) -> Turn | None:
    """The right to run the one of ``names`` that has been due longest; ``None`` if none is.

    Nobody else gets it for ``seconds``, and longer if it is held. Two may run it all the same, if one was frozen.
    """
    free = timers.c.held_until < func.clock_timestamp()
    due = (
        select(timers.c.timer)
        .where(timers.c.timer.in_(list(names)), timers.c.next_at <= func.clock_timestamp(), free)
        .order_by(timers.c.next_at, timers.c.timer)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    query = (
        update(timers)
        .where(timers.c.timer == due)
        .values(run=timers.c.run + 1, began_at=func.clock_timestamp(), held_until=_in(seconds))
        .returning(*(timers.c[name] for name in _TURN))
    )
    with connected(engine) as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Turn(
        name=row.timer,
        run=row.run,
        now=row.began_at,
        since=row.succeeded_at,
        failures=row.failures,
    )


def hold(engine: Engine, turn: Turn, seconds: float) -> None:
    """Say that the run goes on: nobody else gets it for another ``seconds``."""
    ours = (timers.c.timer == turn.name) & (timers.c.run == turn.run)
    with connected(engine) as connection:
        connection.execute(update(timers).where(ours).values(held_until=_in(seconds)))


def finish(engine: Engine, turn: Turn, *, outcome: str, said: str, next_at: datetime) -> bool:
    """Write down how the run went and let go; return whether the turn was still ours.

    One that was hastened while it ran is due at once: what it was to find may have come after it had looked.
    """
    well = outcome == OK
    hastened = timers.c.next_at > timers.c.began_at
    query = (
        update(timers)
        .where(timers.c.timer == turn.name, timers.c.run == turn.run)
        .values(
            ended_at=func.clock_timestamp(),
            held_until=literal_column("'-infinity'::timestamptz"),
            next_at=case((hastened, timers.c.next_at), else_=next_at),
            outcome=outcome,
            said=said,
            failures=0 if well else timers.c.failures + 1,
            succeeded_at=turn.now if well else timers.c.succeeded_at,
        )
    )

    def write() -> bool:
        with connected(engine) as connection:
            return connection.execute(query).rowcount == 1

    return again_once(write)


def note(engine: Engine, name: str, *, outcome: str, said: str, seconds: float) -> None:
    """Write down what is done all the time by whoever does it, to be expected again within ``seconds``."""
    well = outcome == OK
    now = func.clock_timestamp()
    values: dict[str, Any] = {
        "began_at": now,
        "ended_at": now,
        "next_at": _in(seconds),
        "outcome": outcome,
        "said": said,
    }
    first = insert(timers).values(
        timer=name,
        run=1,
        failures=0 if well else 1,
        succeeded_at=now if well else None,
        **values,
    )
    again = first.on_conflict_do_update(
        index_elements=[timers.c.timer],
        set_={
            **values,
            "run": timers.c.run + 1,
            "failures": 0 if well else timers.c.failures + 1,
            "succeeded_at": now if well else timers.c.succeeded_at,
        },
    )
    with connected(engine) as connection:
        connection.execute(again)


def hasten(engine: Engine, name: str) -> None:
    """Have it run at once, whenever it was due. Raises ``NotFound`` if there is none of that name."""
    query = update(timers).where(timers.c.timer == name).values(next_at=func.clock_timestamp())
    with connected(engine) as connection:
        found = connection.execute(query).rowcount
    if not found:
        message = f"there is no timer {name!r}; see: ledgerpress timer list"
        raise NotFound(message, reason="unknown-timer")


def _in(seconds: float) -> ColumnElement[datetime]:
    return func.clock_timestamp() + timedelta(seconds=seconds)


def _timer(row: Any) -> Timer:
    return Timer(
        name=row.timer,
        began_at=row.began_at,
        ended_at=row.ended_at,
        succeeded_at=row.succeeded_at,
        next_at=row.next_at,
        running=row.running,
        failures=row.failures,
        outcome=row.outcome or "",
        said=row.said,
        late=0.0 if row.running else max(0.0, float(row.late)),
    )
