"""What the log says of people's own doing in a span of time: who did what and why, and which releases came."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from events.envelope import Recorded
from events.facts import NoteMade
from events.morning import Act, Release, Waiting
from events.views import order_number
from storage.database import again_once, connected
from storage.intervening import OPERATOR
from storage.record import Log

_NOTED = text("""
    select stream from events
    where recorded_at >= :since and recorded_at < :until and type = 'note-made' and meta ->> 'actor' = :actor
    group by stream order by max(seq) desc limit :most
""")
# A release that the last event before did not know.
_RELEASES = text("""
    select meta ->> 'code' as code, min(recorded_at) as at from events
    where recorded_at >= :since and recorded_at < :until
    group by 1
    having meta ->> 'code' is distinct from (
        select meta ->> 'code' from events where recorded_at < :since order by seq desc limit 1)
    order by 2
""")
_WAITING = text("""
    select coalesce(nullif(status ->> 'reason', ''), 'attention') as reason, count(*) as count
    from orders where word not in ('delivered', 'cancelled', 'erased') and word = 'attention'
    group by 1 order by 2 desc, 1
""")
_PREFIX = "order-"
_ERASED = "(erased)"


def acts(log: Log, since: datetime, until: datetime, most: int) -> list[Act]:
    """What people did to orders in that time, of the ``most`` orders that they did something to last; oldest first."""
    asked = {"since": since, "until": until, "actor": OPERATOR, "most": most}
    streams = [row.stream for row in _rows(log.engine, _NOTED, asked)]
    found: list[Act] = []
    for stream in streams:
        history = log.recorded(stream.removeprefix(_PREFIX))
        found += [
            _act(each, history)
            for each in history
            if isinstance(each.event, NoteMade) and since <= each.recorded_at < until
        ]
    return sorted(found, key=lambda act: act.at)


def releases(engine: Engine, since: datetime, until: datetime) -> list[Release]:
    """The releases that recorded something for the first time in that time."""
    rows = _rows(engine, _RELEASES, {"since": since, "until": until})
    return [Release(at=row.at, code=row.code) for row in rows]


def waiting(engine: Engine) -> list[Waiting]:
    """The orders that need a person now, by reason, the most frequent first."""
    return [Waiting(reason=row.reason, count=row.count) for row in _rows(engine, _WAITING, {})]


def _act(note: Recorded, history: Sequence[Recorded]) -> Act:
    assert isinstance(note.event, NoteMade)
    order = note.stream.removeprefix(_PREFIX)
    same = note.cause.correlation
    did = [
        each.type
        for each in history
        if each.version > note.version and each.cause.correlation == same
    ]
    return Act(
        at=note.recorded_at,
        order=order,
        number=order_number(order),
        did=", ".join(dict.fromkeys(did)) or "note-made",
        reason=note.event.text or _ERASED,
    )


def _rows(engine: Engine, query: Any, values: dict[str, Any]) -> Sequence[Any]:
    def ask() -> Sequence[Any]:
        with connected(engine) as connection:
            return connection.execute(query, values).all()

    return again_once(ask)
