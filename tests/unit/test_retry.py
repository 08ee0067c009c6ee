"""A failed attempt leads to another one later, or to a person."""

from datetime import UTC, datetime, timedelta

from events.errors import Refused, Unavailable
from events.facts import AttemptFailed, AttentionNeeded
from events.order import evolve
from events.products import find
from events.retry import fail
from tests.examples import order, paid, placed, started

NOW = datetime(2026, 11, 21, 8, 10, tzinfo=UTC)
QUICK = find("life_clarity")
AWAY = Unavailable("the model is away", reason="model-away")


def test_waits_grow_until_the_attempts_are_used_up() -> None:
    state = order(placed(), paid())
    waits = []
    for number in range(1, QUICK.attempts + 1):
        state = evolve(state, started(number))
        facts = fail(state, QUICK, AWAY, NOW)
        for fact in facts:
            state = evolve(state, fact)
        assert isinstance(facts[0], AttemptFailed)
        if facts[0].retry_at:
            waits.append(datetime.fromisoformat(facts[0].retry_at) - NOW)

    assert waits == [timedelta(seconds=30), timedelta(seconds=60)]
    assert state.attention
    assert state.attention.reason == "model-away"


def test_what_will_never_work_is_not_tried_again() -> None:
    failed, attention = fail(order(placed(), paid(), started()), QUICK, Refused("no"), NOW)

    assert isinstance(failed, AttemptFailed)
    assert failed.retry_at == ""
    assert isinstance(attention, AttentionNeeded)


def test_a_time_the_other_side_names_is_kept_and_costs_no_attempt() -> None:
    state = order(placed(), paid(), started())
    busy = Unavailable("busy", reason="model-busy", retry_after=90)

    for _ in range(10):
        (fact,) = fail(state, QUICK, busy, NOW)
        assert isinstance(fact, AttemptFailed)
        assert datetime.fromisoformat(fact.retry_at) - NOW == timedelta(seconds=90)
        state = evolve(state, fact)

    assert state.failures == 0


def test_nothing_is_tried_again_after_the_deadline() -> None:
    late = NOW + timedelta(seconds=QUICK.pacing.deadline)
    busy = Unavailable("busy", reason="model-busy", retry_after=float("inf"))
    state = order(placed(), paid(), started())

    (in_time,) = fail(state, QUICK, busy, NOW)
    assert isinstance(in_time, AttemptFailed)
    assert datetime.fromisoformat(in_time.retry_at) - NOW == timedelta(hours=1)
    assert isinstance(fail(state, QUICK, busy, late)[-1], AttentionNeeded)


def test_an_unforeseen_error_tells_its_kind_and_nothing_more() -> None:
    (fact,) = fail(order(placed(), paid(), started()), QUICK, ValueError("Jenny's secret"), NOW)

    assert isinstance(fact, AttemptFailed)
    assert (fact.reason, fact.detail) == ("unforeseen", "ValueError")
