"""How the products and their queues stand: counted over the last day and whatever is not done yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

from storage.database import rows

# How far back is counted, and how finely orders are counted by when they came.
HOURS = 24

# "late" has, for each product, before when an order that still runs must have been paid for to be late.
_TRADE = text("""
    with late as (select * from unnest(cast(:products as text[]), cast(:late as timestamptz[])) as l (product, before)),
    recent as (
        select o.product, o.word, o.placed_at, o.updated_at - o.placed_at as took, o.spent,
            r.running, case when r.running then nullif(o.status ->> 'since', '')::timestamptz end as since
        from orders o
        cross join lateral (
            select o.word not in ('delivered', 'cancelled', 'erased', 'attention', 'awaiting_payment') as running) r
        where o.placed_at > clock_timestamp() - make_interval(hours => :hours)
            or o.word not in ('delivered', 'cancelled', 'erased')
    )
    select product,
        count(*) filter (where word <> 'awaiting_payment') as paid,
        count(*) filter (where running) as running,
        count(*) filter (where running and since < before) as late,
        count(*) filter (where word in ('delivered', 'erased')) as done,
        count(*) filter (where word = 'attention') as stuck,
        count(*) filter (where word = 'cancelled') as cancelled,
        extract(epoch from percentile_disc(0.5) within group (order by took) filter (where word = 'delivered'))::float8
            as median,
        coalesce(avg(spent) filter (where word = 'delivered'), 0)::bigint as cost,
        coalesce(sum(spent), 0)::bigint as spent
    from recent left join late using (product)
    group by product
""")
_HOURLY = text("""
    select product, floor(extract(epoch from clock_timestamp() - placed_at) / 3600)::int as hours, count(*) as orders
    from orders where placed_at > clock_timestamp() - make_interval(hours => :hours)
    group by 1, 2
""")
_QUEUES = text("""
    select o.product,
        count(*) filter (where s.held_until > clock_timestamp()) as at_work,
        count(*) filter (where s.held_until <= clock_timestamp() and not later) as waiting,
        count(*) filter (where s.held_until <= clock_timestamp() and later) as delayed,
        min(o.updated_at) filter (where s.held_until <= clock_timestamp() and not later) as oldest
    from orders o
    join streams s on s.stream = 'order-' || o.order_id
    cross join lateral (
        select o.word = 'retrying' and (o.status ->> 'retry_at')::timestamptz > clock_timestamp() as later) l
    where o.workable
    group by o.product
""")
_PACE = text("""
    select p.product, p.came, d.went from (
        select product, count(*) as came from orders
        where placed_at > clock_timestamp() - make_interval(mins => :minutes) group by product) p
    full join (
        select o.product, count(*) as went from events e
        join orders o on o.order_id = cast(substr(e.stream, 7) as uuid)
        where e.type = 'order-delivered' and e.recorded_at > clock_timestamp() - make_interval(mins => :minutes)
        group by o.product) d on d.product = p.product
""")
_PACE_MINUTES = 10
_AT_WORK = text("""
    select tenant, count(*) as orders from streams
    where tenant is not null and held_until > clock_timestamp() group by tenant
""")
_UNSEALED = text("select count(*) as events from unsealed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A product's orders of the last day, and its older ones that are not done.

    ``median`` is the seconds from placing to delivery, ``None`` while nothing was delivered. ``cost`` is what a
    delivered one has cost on average and ``spent`` what all have, in millionths of a dollar. ``hourly`` counts those
    placed in each hour, the latest last.
    """

    product: str
    paid: int
    running: int
    late: int
    done: int
    stuck: int
    cancelled: int
    median: float | None
    cost: int
    spent: int
    hourly: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What lies before a product's workers, as the log knows it.

    ``delayed`` waits for a time of its own; ``oldest`` is since when the longest waiting has not moved.
    """

    product: str
    at_work: int = 0
    waiting: int = 0
    delayed: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How many orders came and were delivered, a minute."""

    came: float = 0.0
    went: float = 0.0


def trade(engine: Engine, late: Mapping[str, datetime]) -> dict[str, Trade]:
    """By product. ``late`` says before when a running order of it must have been paid for to be late."""
    values = {"products": list(late), "late": list(late.values()), "hours": HOURS}
    hourly: dict[str, list[int]] = {}
    for row in rows(engine, _HOURLY, {"hours": HOURS}):
        if 0 <= row.hours < HOURS:  # what is placed while we count is counted the next time
            hourly.setdefault(row.product, [0] * HOURS)[HOURS - 1 - row.hours] = row.orders
    return {
        row.product: Trade(**row._mapping, hourly=tuple(hourly.get(row.product, [0] * HOURS)))  # noqa: SLF001 - a dict
        for row in rows(engine, _TRADE, values)
    }


def waiting(engine: Engine) -> dict[str, Waiting]:
    """By product; products that nothing waits for are left out."""
    return {
        row.product: Waiting(**row._mapping)  # noqa: SLF001 - its public name for a dict
        for row in rows(engine, _QUEUES)
    }


def pace(engine: Engine) -> dict[str, Pace]:
    """By product, over the last ten minutes."""
    found = rows(engine, _PACE, {"minutes": _PACE_MINUTES})
    return {
        row.product: Pace((row.came or 0) / _PACE_MINUTES, (row.went or 0) / _PACE_MINUTES)
        for row in found
    }


def at_work(engine: Engine) -> dict[str, int]:
    """How many orders are being worked on, by tenant; only for tenants whose number of them is limited."""
    return {row.tenant: row.orders for row in rows(engine, _AT_WORK)}


def unsealed(engine: Engine) -> int:
    """How many events have no place in the whole log yet."""
    return int(rows(engine, _UNSEALED)[0].events)
