"""Group commit: what several threads want recorded at the same moment goes to Postgres in one transaction."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine

from events.errors import Unavailable
from storage import event_log
from storage.database import directly
from storage.event_log import Writing, Written

# With more than this the first of them would wait too long for the last.
_MOST = 32


@dataclass(slots=True, eq=False)
class _Place:
    """A thread's place in the queue. It waits there for ``turn``: until it has been written for, or leads the next."""

    writing: Writing
    leads: bool
    turn: threading.Lock = field(default_factory=threading.Lock)
    written: Written | None = None
    error: Unavailable | None = None


class GroupCommit:
    """Writes to streams. Who comes while nobody writes does so at once; those who come meanwhile are written together.

    So nobody waits for company, and the more there is to write, the less each of it costs. Nobody pays for a failure
    of somebody else's: what cannot be written together is written by each thread alone.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._queue: list[_Place] = []
        self._busy = False

    def write(self, writing: Writing) -> Written:
        """Write to one stream; return what became of it, once that is committed.

        Raises ``Unavailable`` if Postgres cannot be reached: nobody knows then whether it was written.
        """
        with self._lock:
            place = _Place(writing, leads=not self._busy)
            place.turn.acquire()
            self._queue.append(place)
            self._busy = True
        if not place.leads:
            place.turn.acquire()
        if place.leads:
            self._lead()
        if place.error:
            raise Unavailable(str(place.error), reason=place.error.reason)
        return place.written or self._alone(writing)

    def _lead(self) -> None:
        """Write for those who wait by now; the first of those who have come meanwhile leads next."""
        with self._lock:
            group = _group(self._queue)
            self._queue = [each for each in self._queue if each not in group]
        try:
            for place, written in zip(group, self._together(group), strict=False):
                place.written = written
        except Unavailable as error:
            for place in group:
                place.error = error
        finally:
            with self._lock:
                following = self._queue[:1]
                self._busy = bool(following)
            served = [place for place in group if not place.leads]
            for place in following:
                place.leads = True
            for place in (*following, *served):
                place.turn.release()

    def _together(self, group: Sequence[_Place]) -> list[Written]:
        """Write for all of them in one transaction; nothing comes back if Postgres has refused the whole."""
        writings = [each.writing for each in group]
        with directly(self._engine) as connection:
            try:
                return event_log.write(connection, writings, patient=False)
            except Exception:
                if connection.closed:
                    raise  # nobody knows whether it was written
        return []

    def _alone(self, writing: Writing) -> Written:
        with directly(self._engine) as connection:
            return event_log.write(connection, [writing])[0]


def _group(queue: Sequence[_Place]) -> list[_Place]:
    """Who can be written for together: no stream twice, and so ordered that two groups seldom wait in a circle."""
    streams: dict[str, _Place] = {}
    for place in queue:
        streams.setdefault(place.writing.stream, place)
    return sorted(list(streams.values())[:_MOST], key=_in_order)


def _in_order(place: _Place) -> tuple[str, str]:
    take = place.writing.take
    return take.tenant if take else "", place.writing.stream
