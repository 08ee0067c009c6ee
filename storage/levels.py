"""How the house stands just now, from rows and queues that are small whatever the log has grown to."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
from sqlalchemy import Engine

from events.errors import Unavailable
from events.expecting import promised
from events.plan import Product
from storage import queues, timers
from storage.database import directly
from storage.inbox import QUEUE
from storage.kept import Kept
from storage.metrics import Level
from storage.settings import Settings
from storage.sums import Standing, standings

# However many ask, and however often, Postgres and RabbitMQ are asked no more often than this.
_SECONDS = 5.0
_BROKER_SECONDS = 10.0
_MOST_LATE = 1000

_OPEN = """
    select product, word, count(*), extract(epoch from clock_timestamp() - min(placed_at))::float8
    from orders where word not in ('delivered', 'cancelled', 'erased') group by product, word
"""
# An order is late when it takes half as much again as its product promises, and 30 s: its customer may have been told
# another time, which is measured on the orders before it.
# What was paid for later than it was placed is late later: the few that look late are looked up in the log.
_LATE = """
    select o.product, count(*)
    from (select o.order_id, o.product, o.placed_at, p.seconds
          from orders o join unnest(%(products)s::text[], %(seconds)s::float8[]) as p (product, seconds)
            on p.product = o.product
          where o.word not in ('delivered', 'cancelled', 'erased') and o.word in ('queued', 'writing', 'pressing',
                'delivering', 'retrying') and o.placed_at < clock_timestamp() - make_interval(secs => p.seconds)
          order by o.placed_at limit %(most)s) o
    cross join lateral (select coalesce(max(e.recorded_at), o.placed_at) as at from events e
                        where e.stream = 'order-' || o.order_id and e.type = 'payment-received') paid
    where paid.at < clock_timestamp() - make_interval(secs => o.seconds)
    group by o.product
"""
_OUTBOX = """
    select count(*), coalesce(extract(epoch from clock_timestamp() - min(due_at)), 0)::float8
    from outbox where due_at < clock_timestamp()
"""
_UNSEALED = """
    select (select count(*) from unsealed), coalesce(extract(epoch from clock_timestamp() - (
        select e.recorded_at from unsealed u join events e on e.seq = u.seq order by u.seq limit 1)), 0)::float8
"""
_LOG = """
    select (select size from tree), coalesce(extract(epoch from clock_timestamp() - (
        select recorded_at from checkpoints order by size desc limit 1)), 0)::float8
"""
_DEAD = "select queue, count(*) from dead_letters where settled_at is null group by queue"
_BREAKERS = """
    select endpoint, (failures >= 5 and open_until > clock_timestamp())::int::float8, failures from endpoints
"""


class Levels:
    """Reads them, at most every few seconds. ``read`` takes moments and never fails: what is away is told as such."""

    def __init__(
        self, engine: Engine, settings: Settings, catalogue: Mapping[str, Product]
    ) -> None:
        self._settings = settings
        self._queues = [each.queue for each in catalogue.values()]
        self._rows = Kept(lambda: list(_rows(engine, catalogue)), seconds=_SECONDS)
        self._broker = Kept(lambda: list(self._messages()), seconds=_BROKER_SECONDS)

    def read(self) -> Iterator[Level]:
        """All levels there are just now."""
        up: dict[tuple[str, ...], float] = {}
        for part, kept in (("postgres", self._rows), ("rabbitmq", self._broker)):
            levels = _had(kept)
            up[part,] = float(levels is not None)
            yield from levels or ()
        yield Level("ledgerpress_up", "Whether it answers.", ["part"], up)

    def _messages(self) -> Iterator[Level]:
        found = queues.depths(self._settings, [*self._queues, QUEUE])
        ours = {(name,): depth for name, depth in found.items() if depth}
        yield Level(
            "ledgerpress_queue_messages",
            "Messages that nobody has taken yet.",
            ["queue"],
            {name: depth.ready for name, depth in ours.items()},
        )
        yield Level(
            "ledgerpress_queue_consumers",
            "Workers that listen.",
            ["queue"],
            {name: depth.listening for name, depth in ours.items()},
        )


def _had(kept: Kept[list[Level]]) -> list[Level] | None:
    """What there is to be had, unless it is old: how much there was before says nothing of now."""
    try:
        found = kept.get()
    except Unavailable:
        return None
    return None if kept.stale else found


def _rows(engine: Engine, catalogue: Mapping[str, Product]) -> Iterator[Level]:
    with directly(engine) as connection:
        yield from _orders(connection, catalogue)
        yield from _log(connection)
        dead = connection.execute(_DEAD).fetchall()
        found = connection.execute(_BREAKERS).fetchall()
    yield Level(
        "ledgerpress_dead_letters",
        "Messages given up on, that nobody has seen to.",
        ["queue"],
        {(queue,): count for queue, count in dead},
    )
    yield Level(
        "ledgerpress_breaker_open",
        "Whether the model's endpoint is left in peace.",
        ["endpoint"],
        {(endpoint,): is_open for endpoint, is_open, _ in found},
    )
    yield Level(
        "ledgerpress_endpoint_failures",
        "Calls that failed in a row.",
        ["endpoint"],
        {(endpoint,): failures for endpoint, _, failures in found},
    )
    yield from _timers(timers.listed(engine))
    yield from _projections(standings(engine), datetime.now(UTC))


def _orders(
    connection: psycopg.Connection[Any], catalogue: Mapping[str, Product]
) -> Iterator[Level]:
    rows = connection.execute(_OPEN).fetchall()
    known = [(product if product in catalogue else "other", *rest) for product, *rest in rows]
    counts: dict[tuple[str, ...], float] = {}
    ages: dict[tuple[str, ...], float] = {}
    for product, word, count, age in known:
        counts[product, word] = counts.get((product, word), 0) + count
        ages[product, word] = max(ages.get((product, word), 0), age)
    labels = ["product", "status"]
    yield Level("ledgerpress_orders", "Orders that are not settled.", labels, counts)
    yield Level("ledgerpress_oldest_order_seconds", "Age of the oldest of them.", labels, ages)
    seconds = [promised(each.promise).most for each in catalogue.values()]
    values = {"products": list(catalogue), "seconds": seconds, "most": _MOST_LATE}
    late: dict[tuple[str, ...], float] = {(name,): 0.0 for name in catalogue}
    late |= {(name,): count for name, count in connection.execute(_LATE, values).fetchall()}
    yield Level(
        "ledgerpress_late_orders",
        "Orders that take longer than their product promises, with half as much again and 30 s.",
        ["product"],
        late,
    )


def _log(connection: psycopg.Connection[Any]) -> Iterator[Level]:
    asked = {
        _OUTBOX: (
            ("ledgerpress_outbox_due", "Messages that should have been published."),
            ("ledgerpress_outbox_oldest_seconds", "For how long the oldest of them has been due."),
        ),
        _UNSEALED: (
            ("ledgerpress_unsealed_events", "Events without a place in the whole log."),
            ("ledgerpress_sealing_lag_seconds", "Age of the oldest of them."),
        ),
        _LOG: (
            ("ledgerpress_sealed_events", "Events in the whole log."),
            ("ledgerpress_checkpoint_age_seconds", "Age of the latest signed checkpoint."),
        ),
    }
    for query, levels in asked.items():
        row = connection.execute(query).fetchone() or ()
        for (name, about), number in zip(levels, row, strict=True):
            yield Level(name, about, (), {(): float(number)})


def _projections(found: Iterable[Standing], now: datetime) -> Iterator[Level]:
    known = {each.projection: each.reach for each in found}
    yield Level(
        "ledgerpress_projection_behind_events",
        "Sealed events that it has not read.",
        ["projection"],
        {(name,): reach.behind for name, reach in known.items()},
    )
    yield Level(
        "ledgerpress_projection_lag_seconds",
        "Age of the last event it has read, while there are newer ones.",
        ["projection"],
        {
            (name,): (now - reach.time).total_seconds() if reach.behind and reach.time else 0.0
            for name, reach in known.items()
        },
    )


def _timers(found: Iterable[timers.Timer]) -> Iterator[Level]:
    known = list(found)
    yield Level(
        "ledgerpress_timer_failures",
        "Runs that failed in a row.",
        ["timer"],
        {(each.name,): each.failures for each in known},
    )
    yield Level(
        "ledgerpress_timer_late_seconds",
        "For how long nobody has come to run it.",
        ["timer"],
        {(each.name,): each.late for each in known},
    )
