"""How long orders will take, from how long others took; and how many of such promises have held. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from events.buckets import quantile, reached_bucket
from events.folding import Key
from events.projections.durations import READY, SECTION, STAGE

# An estimate is made from the orders of so many days, and of no fewer orders than these.
DAYS = 30
ENOUGH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How long it took ``number`` times: half of them no longer than ``p50`` milliseconds, nine in ten than ``p90``.

    Both are right to 3 %.
    """

    number: int
    p50: int
    p90: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Of ``promised`` windows, so many orders were there no later than at the window's end."""

    promised: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What is known of a product's orders.

    ``ready`` is from payment to delivery, of the orders that were delivered in the last 30 days; ``None`` while they
    are too few to say. ``stages`` (those of ``events.projections.durations.STAGES``) and ``sections`` are of this month
    and the one before, by name, however few. ``kept`` grades the windows of the last 30 days.
    """

    ready: Lengths | None = None
    stages: Mapping[str, Lengths] = field(default_factory=dict)
    sections: Mapping[str, Lengths] = field(default_factory=dict)
    kept: Kept = Kept()


Buckets = Counter[int]


def since(today: date) -> tuple[str, str]:
    """The first day and the first month of the sums that estimates are made from."""
    month = today.replace(day=1) - timedelta(days=1)
    return (today - timedelta(days=2 * DAYS)).isoformat(), month.isoformat()[:7]


def estimates(sums: Mapping[Key, int], today: date) -> dict[str, Estimate]:
    """The estimate of each product, from the sums of ``durations``; earlier ones than ``since`` change nothing."""
    days: dict[str, dict[str, Buckets]] = {}
    named: dict[tuple[str, str], dict[str, Buckets]] = {}
    _, month = since(today)
    for (what, when, product, name, number), amount in sums.items():
        if what == READY:
            days.setdefault(product, {}).setdefault(when, Counter())[int(number)] += amount
        elif when >= month:
            buckets = named.setdefault((what, product), {}).setdefault(name, Counter())
            buckets[int(number)] += amount
    products = sorted({*days, *(product for _, product in named)})
    return {
        product: Estimate(
            ready=_window(days.get(product, {}), today + timedelta(days=1)),
            stages=_lengths(named.get((STAGE, product), {})),
            sections=_lengths(named.get((SECTION, product), {})),
            kept=_kept(days.get(product, {}), today),
        )
        for product in products
    }


def _window(days: Mapping[str, Buckets], before: date) -> Lengths | None:
    """What the ``DAYS`` before that day say, if there were enough orders."""
    counted = _counted(days, before)
    return _length(counted) if counted.total() >= ENOUGH else None


def _counted(days: Mapping[str, Buckets], before: date) -> Buckets:
    first = (before - timedelta(days=DAYS)).isoformat()
    return sum((days[day] for day in days if first <= day < before.isoformat()), Counter())


def _kept(days: Mapping[str, Buckets], today: date) -> Kept:
    """Each day's orders held against the window that stood when the day began."""
    promised = held = 0
    for day in _days(today):
        counted = _counted(days, day)
        delivered = days.get(day.isoformat())
        if delivered is None or counted.total() < ENOUGH:
            continue
        end = reached_bucket(counted, 90)
        assert end is not None
        promised += delivered.total()
        held += sum(amount for number, amount in delivered.items() if number <= end)
    return Kept(promised=promised, held=held)


def _days(today: date) -> Iterator[date]:
    return (today - timedelta(days=ago) for ago in range(DAYS))


def _lengths(named: Mapping[str, Buckets]) -> dict[str, Lengths]:
    return {name: _length(buckets) for name, buckets in sorted(named.items())}


def _length(buckets: Buckets) -> Lengths:
    return Lengths(
        number=buckets.total(), p50=quantile(buckets, 50) or 0, p90=quantile(buckets, 90) or 0
    )
