"""What has happened to orders since a moment, for whoever was away: counted by kind, and what people did."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from events.facts import NoteMade, OrderErased
from events.views import order_number
from storage.database import rows
from storage.intervening import OPERATOR
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
# What one person did at once, to however many orders, has one correlation id; so has what workers then did with them.
# A bundle's parts are erased with it.
_ACTS = text("""
    select n.meta ->> 'correlation' as correlation, max(n.recorded_at) as at,
        count(distinct n.stream) as orders, min(n.stream) as stream,
        (array_agg(coalesce(act.type, n.type) order by n.recorded_at))[1] as type
    from events n
    left join lateral (
        select e.type from events e
        where e.stream = n.stream and e.version > n.version and e.meta ->> 'correlation' = n.meta ->> 'correlation'
            and e.meta ->> 'actor' = :actor
        order by e.version desc limit 1) act on true
    where n.type in ('note-made', 'order-erased') and n.meta ->> 'actor' = :actor and n.recorded_at > :since
        and (cast(:until as timestamptz) is null or n.recorded_at <= :until)
        and (n.type = 'note-made' or not exists (
            select from orders o where o.parent is not null
                and o.order_id = case when n.stream like 'order-%' then cast(substr(n.stream, 7) as uuid) end))
    group by 1 order by 2 desc limit :most
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
    """What a person did at once, to one order or many: ``order`` is one of them.

    ``event`` is what it led to, ``at`` when the last of it did. ``reason`` is what they said: empty once the customer
    it was said of is erased.
    """

    event: str
    orders: int
    order: str
    reason: str
    at: datetime

    @property
    def named(self) -> str:
        """What it was done to: the order's number, or how many there were."""
        return order_number(self.order) if self.orders == 1 else f"{self.orders} orders"


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
    counted = rows(log.engine, _COUNTS, values)
    counts = {row.type: row.events for row in counted}
    done = acts(log, moment, None, _MOST_ACTS)
    codes = rows(log.engine, _CODES, values)
    return Since(
        delivered=counts.get("order-delivered", 0),
        cancelled=counts.get("order-cancelled", 0),
        refunded=counts.get("payment-refunded", 0),
        stuck=counts.get("attention-needed", 0),
        acts=done,
        codes=tuple(row.code for row in codes),
        latest=max([row.latest for row in counted] + [act.at for act in done], default=None),
    )


def acts(log: Log, since: datetime, until: datetime | None, most: int) -> tuple[Act, ...]:
    """What people did after ``since`` and up to ``until`` (``None``: to this day), the ``most`` latest, latest first.

    What the house does by itself is none of it, such as forgetting a tenant's customers in time.
    """
    values = {"since": since, "until": until, "actor": OPERATOR, "most": most}
    return tuple(_act(log, row) for row in rows(log.engine, _ACTS, values))


def failed_calls(engine: Engine, moment: datetime) -> list[FailedCalls]:
    """The calls that failed after ``moment``, by model and reason, the most frequent first."""
    found = rows(engine, _FAILED_CALLS, {"since": moment})
    return [FailedCalls(row.model, row.reason, row.calls) for row in found]


def _act(log: Log, row: Any) -> Act:
    order = row.stream.removeprefix("order-")
    said = [
        each.event.text if isinstance(each.event, NoteMade) else each.event.reason
        for each in log.recorded(order)
        if isinstance(each.event, NoteMade | OrderErased)
        and each.cause.correlation == row.correlation
    ]
    return Act(
        event=row.type,
        orders=row.orders,
        order=order,
        reason=said[0] if said else "",
        at=row.at,
    )
