"""The keeper's clock: what is done every hour or every day, each by one keeper, and seen as a row of ``timers``."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from events.errors import LedgerpressError, Unavailable
from storage import timers
from storage.record import Log
from storage.telemetry import log, where
from storage.timers import OK, Turn

_LOOK_SECONDS = 1.0
# How often the rows are seen to: another keeper, on which one of them is not set up, may have begun since.
_ENROL_SECONDS = 60.0
# A keeper that dies in the middle of a run is taken for dead after this long; while it lives it says so more often.
_HELD_SECONDS = 60.0
_BEAT_SECONDS = 15.0
# What failed is tried again after a minute, then twice as long each time, but no later than it would be due anyway.
_AGAIN_SECONDS = 60.0
_MOST_DOUBLINGS = 10

# What it did, in a sentence without personal data. Safe to repeat, and to be run by two at once.
Work = Callable[[Turn], str]


@dataclass(frozen=True, slots=True)
class Every:
    """Something to be done each time that so many seconds have passed."""

    name: str
    seconds: float
    work: Work

    def first(self, now: datetime) -> datetime:
        """When it is due for the first time: at once."""
        return now

    def after(self, now: datetime) -> datetime:
        """When it is due next."""
        return now + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Daily:
    """Something to be done once a day, at that full hour, UTC."""

    name: str
    hour: int
    work: Work

    def first(self, now: datetime) -> datetime:
        """When it is due for the first time: when that hour comes."""
        return self.after(now)

    def after(self, now: datetime) -> datetime:
        """When it is due next."""
        today = now.replace(hour=self.hour, minute=0, second=0, microsecond=0)
        return today if today > now else today + timedelta(days=1)


Due = Every | Daily


class Clock:
    """Runs what is due, one after the other. Any number may look at the same rows: each run is one's.

    ``unset`` are those that are not set up here: their rows go once, so that nobody waits for them.
    """

    def __init__(self, orders: Log, due: Sequence[Due], unset: Sequence[str] = ()) -> None:
        self._engine = orders.engine
        self._due: Mapping[str, Due] = {each.name: each for each in due}
        self._unset = unset
        self._enrolled = -math.inf

    def tick(self) -> bool:
        """Run one that is due; return whether there was one. Raises ``Unavailable`` if Postgres is away."""
        if time.monotonic() - self._enrolled > _ENROL_SECONDS:
            self._enrol()
        turn = timers.claim(self._engine, self._due, _HELD_SECONDS)
        if turn is None:
            return False
        due = self._due[turn.name]
        outcome, said = self._run(due, turn)
        if outcome == OK:
            log.info("timer", timer=due.name, said=said)
            next_at = due.after(turn.now)
        else:
            doublings = min(turn.failures, _MOST_DOUBLINGS)
            soon = turn.now + timedelta(seconds=_AGAIN_SECONDS * 2**doublings)
            next_at = min(soon, due.after(turn.now))
        timers.finish(self._engine, turn, outcome=outcome, said=said, next_at=next_at)
        return True

    def run(self, stopping: threading.Event) -> None:
        """Go on until ``stopping``."""
        while not stopping.is_set():
            try:
                if self.tick():
                    continue
            except Unavailable as error:
                log.warning("timers wait", reason=error.reason)
            stopping.wait(_LOOK_SECONDS)

    def _enrol(self) -> None:
        timers.retire(self._engine, self._unset)
        self._unset = ()
        now = datetime.now(UTC)
        timers.enrol(self._engine, {each.name: each.first(now) for each in self._due.values()})
        self._enrolled = time.monotonic()

    def _run(self, due: Due, turn: Turn) -> tuple[str, str]:
        try:
            with self._holding(turn):
                return OK, due.work(turn)
        except LedgerpressError as error:
            log.warning("timer failed", timer=due.name, reason=error.reason, detail=str(error))
            return error.reason, str(error)
        except Exception as error:  # noqa: BLE001 - one kind of work must not keep the others from being done
            log.error("timer failed", timer=due.name, **where(error))
            return "unforeseen", "a mistake in Ledgerpress itself; the keeper's log says where"

    @contextmanager
    def _holding(self, turn: Turn) -> Iterator[None]:
        over = threading.Event()

        def beat() -> None:
            while not over.wait(_BEAT_SECONDS):
                with suppress(Unavailable):
                    timers.hold(self._engine, turn, _HELD_SECONDS)

        heart = threading.Thread(target=beat, name=f"holding {turn.name}", daemon=True)
        heart.start()
        try:
            yield
        finally:
            over.set()
            heart.join()


def start(
    orders: Log, due: Sequence[Due], unset: Sequence[str], stopping: threading.Event
) -> threading.Thread:
    """Go on in a thread of its own until ``stopping``; it ends before that only by a fault of ours."""
    clock = Clock(orders, due, unset)
    thread = threading.Thread(target=clock.run, args=(stopping,), name="timers", daemon=True)
    thread.start()
    return thread
