"""What has happened to orders since a moment, for whoever was away: counted by kind, and what people did."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from events.facts import NoteMade, OrderErased
from storage.database import again_once, connected
from storage.record import Log

# The kinds are written out, so that the index over just these events is found.
# A refund is told of twice: in the payment's stream, and in its order's.
_COUNTS = text("""
    select type, count(*) as events, max(recorded_at) as latest from events
    where type in ('order-delivered', 'order-cancelled', 'attention-needed') and recorded_at > :since
    group by type
    union all
    select type, count(*), max(recorded_at) from events
    where type = 'payment-refunded' and stream like 'order-%' and recorded_at > :since
    group by type
""")
_FAILED_CALLS = text("""
    select data ->> 'model' as model, data ->> 'reason' as reason, count(*) as calls from events
    where type = 'call-failed' and recorded_at > :since
    group by 1, 2 order by 3 desc, 1, 2
""")
# What one person did at once, to however many orders, has one correlation id.
_ACTS = text("""
    select n.meta ->> 'correlation' as correlation, n.meta ->> 'actor' as actor, min(n.recorded_at) as at,
        count(*) as orders, min(n.stream) as stream,
        (array_agg(coalesce(act.type, n.type) order by n.recorded_at))[1] as type
    from events n
    left join lateral (
        select e.type from events e
        where e.stream = n.stream and e.version > n.version and e.meta ->> 'correlation' = n.meta ->> 'correlation'
        order by e.version desc limit 1) act on true
    where n.type in ('note-made', 'order-erased') and n.meta ->> 'actor' <> 'keeper' and n.recorded_at > :since
    group by 1, 2 order by 3 desc limit :most
""")
_CODES = text("""
    select meta ->> 'code' as code, min(recorded_at) as at from events
    where type in ('order-delivered', 'order-cancelled', 'payment-refunded', 'attention-needed')
        and recorded_at > :since
    group by 1 order by 2
""")
_MOST_ACTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a person did to one order or many. ``event`` is what it led to, ``reason`` what they said."""

    actor: str
    event: str
    orders: int
    order: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What happened. ``codes`` are the versions of the code that recorded it, the first to appear first.

    ``latest`` is when the last of it did; ``None`` if nothing has happened.
    """

    delivered: int
    cancelled: int
    refunded: int
    stuck: int
    acts: tuple[Act, ...]
    codes: tuple[str, ...]
    latest: datetime | None


@dataclass(frozen=True, slots=True)
class FailedCalls:
    """Calls of a model that brought no answer, for one reason."""

    model: str
    reason: str
    calls: int


def since(log: Log, moment: datetime) -> Since:
    """All that happened after ``moment``. Reads no more than those few events of each order that people hear of."""
    values = {"since": moment}
    counted = _ask(log.engine, _COUNTS, values)
    counts = {row.type: row.events for row in counted}
    acts = _ask(log.engine, _ACTS, {**values, "most": _MOST_ACTS})
    codes = _ask(log.engine, _CODES, values)
    return Since(
        delivered=counts.get("order-delivered", 0),
        cancelled=counts.get("order-cancelled", 0),
        refunded=counts.get("payment-refunded", 0),
        stuck=counts.get("attention-needed", 0),
        acts=tuple(_act(log, row) for row in acts),
        codes=tuple(row.code for row in codes),
        latest=max([row.latest for row in counted] + [row.at for row in acts], default=None),
    )


def failed_calls(engine: Engine, moment: datetime) -> list[FailedCalls]:
    """The calls that failed after ``moment``, by model and reason, the most frequent first."""
    rows = _ask(engine, _FAILED_CALLS, {"since": moment})
    return [FailedCalls(row.model, row.reason, row.calls) for row in rows]


def _act(log: Log, row: Any) -> Act:
    order = row.stream.removeprefix("order-")
    said = [
        each.event.text if isinstance(each.event, NoteMade) else each.event.reason
        for each in log.recorded(order)
        if isinstance(each.event, NoteMade | OrderErased)
        and each.cause.correlation == row.correlation
    ]
    return Act(
        actor=row.actor,
        event=row.type,
        orders=row.orders,
        order=order,
        reason=said[0] if said else "",
        at=row.at,
    )


def _ask(engine: Engine, query: Any, values: Mapping[str, Any]) -> list[Any]:
    def ask() -> list[Any]:
        with connected(engine) as connection:
            return list(connection.execute(query, values).all())

    return again_once(ask)
