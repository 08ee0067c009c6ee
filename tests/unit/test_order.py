"""The fold: total, and the same however often it is made."""

from dataclasses import fields

from hypothesis import given

from events import views
from events.codec import decode, encode
from events.envelope import Unknown, all_kinds, event_id, kind_of
from events.facts import CallFailed
from events.money import NOTHING, Tokens
from events.order import Calls, evolve, fold
from events.products import find
from tests.examples import EXAMPLES, ORDER, asked, failed, order, paid, placed, started, written
from tests.strategies import histories


@given(histories)
def test_any_history_folds_and_has_a_status(history: list[object]) -> None:
    state = fold(ORDER, history)

    status = views.status(state, find("life_clarity"))
    assert state.version == len(history)
    assert 0 <= status.progress.percent <= 100
    assert (status.progress.percent == 100) == (state.delivered is not None)


@given(histories)
def test_progress_never_goes_back(history: list[object]) -> None:
    state = fold(ORDER, history[:1])
    percent = 0
    for event in history[1:]:
        state = evolve(state, event)  # type: ignore[arg-type]
        now = views.progress(state, find("life_clarity")).percent
        assert now >= percent
        percent = now


def test_an_unknown_event_is_kept_and_skipped() -> None:
    before = order(placed(), paid())

    after = evolve(before, Unknown("from-the-future", {"a": 1}))

    assert after.version == before.version + 1
    assert after.paid == before.paid


def test_every_event_survives_the_codec() -> None:
    for example in EXAMPLES.values():
        kind = kind_of(example)

        stored = encode(example, seal=lambda plain: plain[::-1])

        assert decode(kind.name, kind.schema, stored, unseal=lambda sealed: sealed[::-1]) == example


def test_no_personal_field_is_stored_in_plain() -> None:
    for example in EXAMPLES.values():
        stored = encode(example, seal=lambda plain: b"x" * len(plain))

        for name in kind_of(example).personal:
            assert f'"{name}"' not in stored


def test_an_erased_event_reads_as_its_empty_self() -> None:
    stored = encode(placed(), seal=lambda plain: plain)

    erased = decode("order-placed", 1, stored, unseal=lambda _: None)

    assert erased == placed(email="", fields={})


def test_a_later_schema_is_not_guessed_at() -> None:
    assert isinstance(decode("order-placed", 99, "{}", unseal=lambda _: None), Unknown)


def test_the_same_fact_has_the_same_id_and_others_have_others() -> None:
    assert event_id("order-a", written("section-001")) == event_id(
        "order-a", written("section-001", text="other words", cost=1)
    )
    assert event_id("order-a", written("section-001")) != event_id(
        "order-b", written("section-001")
    )
    assert event_id("order-a", started(1)) != event_id("order-a", started(2))


def test_what_a_natural_key_names_exists() -> None:
    for kind in all_kinds():
        assert set(kind.key) <= {field.name for field in fields(kind.cls)}


def test_status_words_follow_the_log() -> None:
    product = find("life_clarity")

    def word(*events: object) -> str:
        return views.word(order(placed(), *events), product)

    assert word() == "awaiting_payment"
    assert word(paid()) == "queued"
    assert word(paid(), started(), asked("section-001")) == "writing"
    assert word(paid(), started(), failed()) == "retrying"
    assert word(paid(), started(), failed(), started(2)) == "writing"
    assert (
        word(paid(), *(written(section.name) for section in product.sections), started())
        == "pressing"
    )
    assert views.word(order(placed("nothing-we-sell"), paid()), None) == "attention"


def test_a_crash_leaves_behind_which_calls_were_in_flight_and_what_they_can_have_cost() -> None:
    crashed = order(placed(), paid(), started(), asked("section-001", "section-002", "section-003"))
    taken_up = evolve(evolve(crashed, written("section-001")), started(2))

    assert crashed.reserved == 45_000
    assert taken_up.lost == Calls(2, 30_000)
    assert taken_up.reserved == 0
    assert taken_up.cost == 1280
    assert taken_up.spent == 31_280


def test_a_call_that_brought_no_use_is_not_lost_but_paid_for() -> None:
    failure = CallFailed(
        section="section-001",
        attempt=1,
        model="gpt-4.1-mini",
        reason="model-truncated",
        tokens=Tokens(800, 8000),
        cost=13_120,
    )
    ended = order(placed(), paid(), started(), asked("section-001"), failure, failed())

    assert ended.lost == Calls()
    assert ended.wasted == Calls(1, 13_120)
    assert ended.cost == 13_120


def test_tries_of_which_nothing_came_back_are_lost_even_if_another_was_answered() -> None:
    failure = CallFailed(
        section="section-001",
        attempt=1,
        model="gpt-4.1-mini",
        reason="model-away",
        tokens=NOTHING,
        cost=0,
        lost=2,
    )
    ended = order(
        placed(), paid(), started(), asked("section-001"), written("section-001"), failure
    )

    assert ended.lost == Calls(2, 30_000)
    assert ended.wasted == Calls()
    assert ended.cost == 1280
