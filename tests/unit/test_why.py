"""Why an event happened is told from the log alone, back to the outside world."""

from typing import Any

from hypothesis import given

from events.envelope import Unknown
from events.facts import (
    AttemptEnded,
    AttentionNeeded,
    CallFailed,
    MailFailed,
    MailIntended,
    MailSent,
    NoteMade,
    OrderCancelled,
    OrderCorrected,
    OrderDelivered,
    OrderRetried,
    PartFinished,
    PartsPlaced,
    PaymentRefunded,
    ResendAsked,
)
from events.money import Money, Tokens
from events.why import chain
from tests.examples import (
    ORDER,
    asked,
    bound,
    failed,
    paid,
    placed,
    recorded,
    rendered,
    started,
    written,
)
from tests.strategies import histories

LOST = CallFailed(
    section="section-001", attempt=1, model="m", reason="model-away", tokens=Tokens(0, 0), cost=0
)
STUCK = AttentionNeeded(reason="budget", attempt=1, detail="d", advice="a")
NOTE = NoteMade(number=1, text="why")
RETRIED = OrderRetried(number=1, at="2026-11-21T09:00:00+00:00")
MAIL: dict[str, Any] = {"mail": "report", "message_id": "<x>"}
TROUBLE: dict[str, Any] = {"mail": "trouble", "message_id": "<y>"}


def why(*events: Any, causes: dict[int, str] | None = None) -> list[int]:
    """The versions that led to the last event."""
    history = recorded(*events, causes=causes)
    return [each.version for each in chain(history, len(history))]


def test_a_section_was_written_because_it_was_asked_for_in_an_attempt_at_a_paid_order() -> None:
    both = asked("section-001", "section-002")

    assert why(placed(), paid(), started(), both, written("section-002")) == [1, 2, 3, 4, 5]
    assert why(placed(), paid(), started(), both, written("section-002"), LOST) == [1, 2, 3, 4, 6]


def test_an_attempt_follows_what_let_the_order_go() -> None:
    leg = AttemptEnded(number=1, why="leg")

    assert why(placed(), paid(), started(), leg, started(2)) == [1, 2, 3, 4, 5]
    assert why(placed(), paid(), started(), failed(), started(2)) == [1, 2, 3, 4, 5]


def test_an_attempt_after_a_crash_follows_the_one_that_never_ended() -> None:
    assert why(placed(), paid(), started(), asked("section-001"), started(2)) == [1, 2, 3, 5]


def test_a_failure_follows_the_call_that_failed_for_the_same_reason() -> None:
    events = [placed(), paid(), started(), asked("section-001"), LOST]

    assert why(*events, failed()) == [1, 2, 3, 4, 5, 6]
    assert why(*events, failed(reason="press-away")) == [1, 2, 3, 6]


def test_a_delivery_follows_its_mail() -> None:
    intended, sent = MailIntended(attempt=1, **MAIL), MailSent(**MAIL)
    events = [placed(), paid(), started(), rendered("cover"), bound(), intended, sent]

    assert why(*events, OrderDelivered(by="mail")) == [1, 2, 3, 6, 7, 8]
    assert why(*events[:5], OrderDelivered(by="api")) == [1, 2, 3, 5, 6]


def test_what_a_person_did_follows_their_reason_and_what_they_saw() -> None:
    events = [placed(), paid(), started(), STUCK, NOTE, RETRIED]

    assert why(*events, started(2)) == [1, 2, 3, 4, 5, 6, 7]


def test_what_nobody_here_asked_for_comes_from_outside() -> None:
    note = {4: "cli-1", 5: "cli-1"}
    refund = PaymentRefunded(amount=Money(4900, "usd"), full=True)

    assert why(placed()) == [1]
    assert why(placed(), paid(), refund) == [3]
    assert why(placed(), paid(), refund, OrderCancelled(reason="refunded")) == [3, 4]
    assert why(placed(), paid(), started(), NOTE, ResendAsked(number=1), causes=note) == [4, 5]
    assert why(placed(), NOTE, OrderCorrected(number=1), causes={2: "a", 3: "b"}) == [3]
    assert why(placed(), Unknown("from-tomorrow", {})) == [2]


def test_a_customer_is_written_to_because_a_person_is_needed() -> None:
    events = [placed(), STUCK, MailIntended(attempt=1, **TROUBLE)]

    assert why(*events) == [1, 2, 3]
    assert why(*events, MailFailed(attempt=1, reason="mail-away", **TROUBLE)) == [1, 2, 3, 4]


def test_a_bundle_gathers_the_parts_that_it_placed() -> None:
    parts = PartsPlaced(parts={"life_clarity": ORDER})
    done = PartFinished(product="life_clarity", order=ORDER, document=bound())

    assert why(placed("bundle"), paid(), started(), parts, done) == [1, 2, 3, 4, 5]


@given(histories)
def test_every_event_of_any_history_has_a_reason_that_came_before_it(history: list[Any]) -> None:
    whole = recorded(*history)
    for each in whole:
        versions = [link.version for link in chain(whole, each.version)]

        assert versions == sorted(set(versions))
        assert versions[-1] == each.version
