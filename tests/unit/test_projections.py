"""Projections as folds: equal to what the orders' statuses say, and the same however the events are told."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.buckets import bucket, middle, quantile
from events.envelope import event_id
from events.errors import NotFound
from events.estimates import ENOUGH, Estimate, Kept, estimates
from events.facts import (
    PAYMENT_FAILED,
    OrderCancelled,
    OrderDelivered,
    PaymentReceived,
    PaymentRefunded,
)
from events.folding import Key, Projection, add_up
from events.money import Money
from events.order import fold
from events.products import CATALOGUE
from events.projections import PROJECTIONS, durations, money, outcomes, projection_named, usage
from events.views import status
from tests.examples import EXAMPLES, ORDER, asked, bound, paid, placed, started, written
from tests.strategies import histories

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

# Of which stream, what, and when.
Seen = tuple[str, Any, datetime]


def told(events: Iterable[Any], stream: str = "order-1", at: datetime = NOON) -> list[Seen]:
    return [(stream, each, at + timedelta(seconds=n)) for n, each in enumerate(events)]


def by_stream(seen: Iterable[Seen]) -> dict[str, list[tuple[Any, datetime]]]:
    streams = defaultdict[str, list[tuple[Any, datetime]]](list)
    for stream, event, at in seen:
        streams[stream].append((event, at))
    return streams


def summed(projection: Projection, seen: Iterable[Seen]) -> Counter[Key]:
    return Counter(add_up(projection, {}, by_stream(seen))[0])


def once(events: Sequence[Any]) -> list[Any]:
    """As the log keeps them: each fact once."""
    return list({event_id("order-1", each): each for each in events}.values())


def assert_the_ledger_says_what_the_status_says(history: Sequence[Any]) -> None:
    events = once(history)
    spent = status(fold(ORDER, events), CATALOGUE["life_clarity"]).spent

    found = summed(usage.projection, told(events))

    amounts = Counter[str]()
    for (*_, measure), amount in found.items():
        amounts[measure] += amount
    assert amounts["orders"] == 1
    assert {name: amounts[name] for name in ("calls", "cost", "lost", "lost_cost")} == {
        name: getattr(spent, name) for name in ("calls", "cost", "lost", "lost_cost")
    }


@given(histories)
def test_the_ledger_says_what_the_status_says(history: list[Any]) -> None:
    assert_the_ledger_says_what_the_status_says(history)


@pytest.mark.parametrize("name", EXAMPLES)
def test_whatever_happens_while_calls_are_in_flight_counts_in_the_ledger(name: str) -> None:
    assert_the_ledger_says_what_the_status_says(
        [
            placed(),
            paid(),
            started(7),
            asked("section-001", "section-009", attempt=7),
            EXAMPLES[name],
        ]
    )


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=40),
    st.lists(histories, min_size=4, max_size=4),
)
@pytest.mark.parametrize("projection", PROJECTIONS.values(), ids=list(PROJECTIONS))
def test_sums_do_not_depend_on_how_streams_lie_among_each_other_or_on_batches(
    projection: Projection, turns: list[tuple[int, int]], stories: list[list[Any]]
) -> None:
    streams = [told(story, f"order-{n}") for n, story in enumerate(stories)]
    one_by_one = add_up(projection, {}, by_stream(chain(*streams)))

    rest = [list(stream) for stream in streams]
    sums, memories = Counter[Key](), dict[str, Any]()
    for turn, many in [*turns, *((n, len(rest[n])) for n in range(4))]:
        batch, rest[turn] = rest[turn][:many], rest[turn][many:]
        more, changed = add_up(projection, memories, by_stream(batch))
        for key, amount in more.items():
            sums[key] += amount
        memories.update(changed)

    assert sums == one_by_one[0]
    assert memories == one_by_one[1]


def test_money_that_comes_after_all_takes_the_cancelling_back() -> None:
    events = [placed(), OrderCancelled(reason=PAYMENT_FAILED), paid()]

    found = summed(outcomes.projection, told(events))

    day = "2026-11-21"
    assert found == {
        ("life_clarity", day, "placed"): 1,
        ("life_clarity", day, "cancelled"): 0,
        ("life_clarity", day, "paid"): 1,
    }


def test_refunds_tell_of_all_that_went_back_and_are_not_added_up() -> None:
    def back(cents: int) -> PaymentRefunded:
        return PaymentRefunded(amount=Money(cents, "usd"), full=cents == 4900)

    found = summed(money.projection, told([placed(), paid(), back(2000), back(4900), back(3000)]))

    assert found["2026-11-21", "life_clarity", "usd", "paid"] == 4900
    assert found["2026-11-21", "life_clarity", "usd", "refunded"] == 4900


def test_what_happens_to_a_payment_without_an_order_is_nobodys_money() -> None:
    alone = told([PaymentRefunded(amount=Money(1, "usd"), full=True)], "payment-default/pi_1")

    assert [summed(each, alone) for each in PROJECTIONS.values()] == [Counter()] * len(PROJECTIONS)


@given(st.integers(0, 10**12))
def test_a_bucket_stands_for_a_length_to_three_per_cent(length: int) -> None:
    assert abs(middle(bucket(length)) - length) <= max(length * 0.032, 0.5)
    assert bucket(length) <= bucket(length + 1)


@given(st.lists(st.integers(0, 10**7), min_size=1), st.integers(1, 100))
def test_a_quantile_is_the_nearest_rank(lengths: list[int], percent: int) -> None:
    exact = sorted(lengths)[-(-len(lengths) * percent // 100) - 1]

    assert quantile(Counter(map(bucket, lengths)), percent) == middle(bucket(exact))


def delivered(number: int, seconds: float, at: datetime) -> list[Seen]:
    begun = at - timedelta(seconds=seconds)
    stream = f"order-{number}"
    return [
        (stream, placed(), begun),
        (stream, paid(), begun),
        (stream, started(), begun + timedelta(seconds=1)),
        (stream, written("section-001", milliseconds=3000), begun + timedelta(seconds=5)),
        (stream, bound(), begun + timedelta(seconds=7)),
        (stream, OrderDelivered(by="mail"), at),
    ]


def test_an_estimate_is_made_from_a_products_own_orders() -> None:
    lengths = [10.0] * 6 + [20.0] * 4
    seen = [each for n, length in enumerate(lengths) for each in delivered(n, length, NOON)]

    found = estimates(summed(durations.projection, seen), NOON.date())["life_clarity"]

    assert found.ready is not None
    assert (found.ready.number, found.ready.p50, found.ready.p90) == (10, 9984, 19968)
    assert found.sections["section-001"].p50 == middle(bucket(3000))
    assert {name: each.p50 for name, each in found.stages.items()} == {
        "queued": middle(bucket(1000)),
        "writing": middle(bucket(4000)),
        "pressing": middle(bucket(2000)),
        "delivering": middle(bucket(3000)),
    }
    assert found.kept == Kept()


def test_too_few_orders_make_no_estimate() -> None:
    seen = [each for n in range(ENOUGH - 1) for each in delivered(n, 10.0, NOON)]

    assert estimates(summed(durations.projection, seen), NOON.date())["life_clarity"].ready is None


def test_orders_of_long_ago_tell_nothing() -> None:
    seen = [each for n in range(20) for each in delivered(n, 10.0, NOON)]

    late = estimates(summed(durations.projection, seen), NOON.date() + timedelta(days=90))

    assert late["life_clarity"] == Estimate()


def test_each_days_orders_are_held_against_the_window_that_stood_when_it_began() -> None:
    yesterday = NOON - timedelta(days=1)
    before = [each for n in range(10) for each in delivered(n, 10.0, yesterday)]
    after = [each for n in range(8) for each in delivered(100 + n, 10.0, NOON)]
    slow = [each for n in range(2) for each in delivered(200 + n, 60.0, NOON)]

    sums = summed(durations.projection, [*before, *after, *slow])

    assert estimates(sums, NOON.date())["life_clarity"].kept == Kept(promised=10, held=8)
    assert estimates(sums, date(2026, 11, 20))["life_clarity"].kept == Kept()


def test_an_unknown_projection_is_refused_with_those_there_are() -> None:
    with pytest.raises(NotFound, match="'usages'; there are: durations, money, outcomes, usage"):
        projection_named("usages")


def test_nothing_due_is_money_of_nobody() -> None:
    free = PaymentReceived(amount=Money(0, "usd"))

    assert summed(money.projection, told([placed(), free])).total() == 0
