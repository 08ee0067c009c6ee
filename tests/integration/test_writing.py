"""Calls are reserved before they are made, settled after, and cut off when they are of no use any more."""

import threading
import time
import uuid
from collections.abc import Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from actors.attempt import Attempt, Delivery
from actors.fulfil import Outcome, fulfil
from actors.limits import HardLimits
from actors.replies import Answer, Failure, Reply
from actors.writing import write
from events.envelope import Cause
from events.errors import LedgerpressError, Refused, Unavailable
from events.facts import CallFailed, SectionsAsked, SectionWritten
from events.money import Tokens
from events.order import Calls
from events.products import find
from events.rates import rate
from storage import tenants
from storage.endpoints import Endpoints, Permit
from storage.leases import Leases
from storage.record import Log
from storage.tenants import Tenants
from tests.examples import ORDER, SUBJECT, paid, placed
from tests.taking import take_up

CAUSE = Cause(correlation="c-1", causation="m-1", actor="test")
ANSWER = Answer(text="What there is to say.", tokens=Tokens(1, 1), cost=2, milliseconds=3)
PRODUCT = find("life_clarity")


class Silent:
    """A model that has not answered yet."""

    def __init__(self, name: str = "gpt-4.1-mini") -> None:
        self.name = name
        self.endpoint = f"{name} at model.example"
        self.rate = rate(name)
        self.calls: list[Future[Reply]] = []

    def ask(self, *_: object, **__: object) -> Future[Reply]:
        self.calls.append(Future())
        return self.calls[-1]


@pytest.fixture
def model() -> Silent:
    return Silent()


@pytest.fixture
def fallback() -> Silent:
    return Silent("gpt-4o-mini")


@pytest.fixture
def attempt(orders_log: Log, model: Silent, fallback: Silent) -> Attempt:
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    history = orders_log.record(history, [placed(), paid()], CAUSE)
    tools: Any = SimpleNamespace(
        log=orders_log,
        models=(model, fallback),
        endpoints=Endpoints(orders_log.engine),
        tenants=Tenants(orders_log.engine),
        requests_per_minute=None,
        tokens_per_minute=None,
        leases=Leases(orders_log.engine),
        stopping=threading.Event(),
        name="w",
    )
    delivery = Delivery(order=ORDER, correlation="c-1", id="m-1")
    return Attempt(delivery=delivery, history=history, cause=CAUSE, tools=tools, leg_ends=0)


def test_a_worker_whose_order_was_taken_over_cuts_its_calls_off(
    attempt: Attempt, orders_log: Log, model: Silent
) -> None:
    facts = write(PRODUCT.sections[:2], attempt, PRODUCT)
    attempt.note(*next(facts))
    with orders_log.engine.connect() as connection:
        connection.exec_driver_sql("set role none")
        connection.exec_driver_sql("update ledgerpress.streams set held_until = '-infinity'")
        connection.exec_driver_sql("reset role")
    assert take_up(orders_log, holder="m-2")

    assert list(facts) == []
    assert [call.cancelled() for call in model.calls] == [True, True]


def test_an_absence_of_postgres_cuts_no_call_off(
    attempt: Attempt, orders_log: Log, model: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = write(PRODUCT.sections[:1], attempt, PRODUCT)
    attempt.note(*next(facts))

    def away(*_: object) -> None:
        model.calls[0].set_result(ANSWER)  # while it is looked in vain whether it is still wanted
        raise Unavailable("Postgres cannot be reached")

    monkeypatch.setattr(orders_log, "catch_up", away)

    assert [type(fact) for (fact,) in facts] == [SectionWritten]


def asked(attempt: Attempt) -> tuple[SectionsAsked, Generator[Any]]:
    """Begin a round of two sections; its intent is recorded."""
    facts = write(PRODUCT.sections[:2], attempt, PRODUCT)
    (intent,) = next(facts)
    assert isinstance(intent, SectionsAsked)
    attempt.note(intent)
    return intent, facts


def noted(facts: Generator[Any], attempt: Attempt) -> tuple[list[Any], LedgerpressError | None]:
    """What is recorded of the round, and the error it ends with."""
    settled: list[Any] = []
    try:
        for together in facts:
            attempt.note(*together)
            settled += together
    except LedgerpressError as error:
        return settled, error
    return settled, None


@contextmanager
def answering(model: Silent, *replies: Reply) -> Iterator[None]:
    """Meanwhile the model answers its calls with these, in the order they are asked."""

    def answer() -> None:
        for number, reply in enumerate(replies):
            while len(model.calls) <= number and not over.is_set():
                time.sleep(0.01)
            if not over.is_set():
                model.calls[number].set_result(reply)

    over = threading.Event()
    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def rest(attempt: Attempt, model: Silent) -> None:
    """Have its endpoint rest, by five failures; and an hour longer, so that it rests however slow the test is."""
    for _ in range(5):
        attempt.tools.endpoints.report(model.endpoint, Permit(None, 0.0, shaky=False), ok=False)
    with attempt.tools.log.engine.connect() as connection:
        connection.exec_driver_sql("set role none")
        connection.exec_driver_sql(
            "update ledgerpress.endpoints set open_until = open_until + interval '1 hour'"
            f" where endpoint = '{model.endpoint}'"
        )
        connection.exec_driver_sql("reset role")


def test_the_intent_says_what_its_calls_can_cost_at_most(attempt: Attempt, model: Silent) -> None:
    intent, facts = asked(attempt)

    # Each may be asked twice: once more when its form is broken.
    assert 2 * 16_000 * 1.6 < intent.most < 2 * 40_000 * 1.6
    assert attempt.order.reserved == intent.most
    with answering(model, ANSWER, ANSWER):
        assert len(noted(facts, attempt)[0]) == 2


def test_each_call_is_settled_also_one_that_brought_no_use(attempt: Attempt, model: Silent) -> None:
    _, facts = asked(attempt)
    error = Unavailable("the model's answer was cut off", reason="model-truncated")
    failure = Failure(error=error, tokens=Tokens(10, 8000), cost=12_804)

    with answering(model, ANSWER, failure):
        settled, raised = noted(facts, attempt)

    assert raised is error
    assert [type(fact) for fact in settled] == [SectionWritten, CallFailed]
    assert attempt.order.cost == ANSWER.cost + failure.cost
    assert attempt.order.reserved == 0
    assert attempt.order.lost == Calls()


def test_while_the_endpoint_rests_the_fallback_is_asked_and_named(
    attempt: Attempt, model: Silent, fallback: Silent
) -> None:
    rest(attempt, model)

    intent, facts = asked(attempt)

    assert intent.model == "gpt-4o-mini"
    with answering(fallback, ANSWER, ANSWER):
        assert {fact.model for together in facts for fact in together} == {"gpt-4o-mini"}
    assert model.calls == []


def test_while_every_endpoint_rests_nothing_is_asked_and_no_attempt_spent(
    attempt: Attempt, model: Silent, fallback: Silent
) -> None:
    rest(attempt, model)
    rest(attempt, fallback)

    with pytest.raises(Unavailable) as raised:
        next(write(PRODUCT.sections[:2], attempt, PRODUCT))
    assert raised.value.reason == "model-resting"
    assert 0 < (raised.value.retry_after or 0) <= 3600 + 5
    attempt.tools.clock = lambda: datetime(2026, 11, 21, 8, 0, 10, tzinfo=UTC)  # type: ignore[misc]
    attempt.fail(raised.value, PRODUCT)
    assert attempt.order.failures == 0
    assert attempt.order.failure
    assert attempt.order.failure.retry_at


def test_an_endpoint_that_has_rested_is_tried_with_one_call(
    attempt: Attempt, model: Silent, orders_log: Log
) -> None:
    rest(attempt, model)
    with orders_log.engine.connect() as connection:
        connection.exec_driver_sql("set role none")
        connection.exec_driver_sql("update ledgerpress.endpoints set open_until = '-infinity'")
        connection.exec_driver_sql("reset role")

    intent, facts = asked(attempt)

    assert intent.sections == ("section-001",)
    with answering(model, ANSWER):
        assert len(list(facts)) == 1
    assert attempt.tools.endpoints.permit(model.endpoint).calls is None


def test_an_order_that_could_grow_too_dear_is_not_asked_for(attempt: Attempt) -> None:
    dear = SectionWritten(
        section="section-001",
        attempt=1,
        model="gpt-4.1-mini",
        tokens=Tokens(1, 1),
        cost=PRODUCT.budget - 100,
        milliseconds=1,
        text="Gold.",
    )
    attempt.note(dear)
    attempt.tools.rest = lambda _: None  # type: ignore[method-assign, assignment]

    with pytest.raises(Refused) as raised:
        next(write(PRODUCT.sections[1:3], attempt, PRODUCT))
    assert raised.value.reason == "budget"


def test_a_tenant_spends_no_more_in_a_month_than_it_may_calls_in_flight_included(
    attempt: Attempt, orders_log: Log, model: Silent
) -> None:
    tenants.change(orders_log.engine, "default", {"month_budget": 20_000})

    intent, facts = asked(attempt)

    assert intent.most > 20_000
    settled, raised = noted(facts, attempt)
    assert raised
    assert raised.reason == "month-budget"
    assert [(fact.reason, fact.cost) for fact in settled] == [("month-budget", 0)] * 2
    assert model.calls == []
    assert attempt.order.spent == 0


def test_calls_wait_for_the_allowance_of_the_endpoint_and_of_the_tenant(
    attempt: Attempt, orders_log: Log
) -> None:
    tenants.change(orders_log.engine, "default", {"tokens_per_minute": 100})
    assert next(write(PRODUCT.sections[:2], attempt, PRODUCT))

    with pytest.raises(Unavailable) as raised:
        next(write(PRODUCT.sections[:2], attempt, PRODUCT))
    assert raised.value.reason == "model-rationed"
    assert (raised.value.retry_after or 0) > 60


def test_a_worker_told_to_stop_before_it_took_the_order_leaves_the_message_to_others(
    attempt: Attempt, orders_log: Log, model: Silent
) -> None:
    attempt.tools.clock = lambda: datetime(2026, 11, 21, 8, 0, 10, tzinfo=UTC)  # type: ignore[misc]
    attempt.tools.limits = HardLimits()  # type: ignore[misc]
    attempt.tools.stopping.set()

    assert fulfil(attempt.delivery, PRODUCT, attempt.tools) is Outcome.MORE
    assert orders_log.read(ORDER).order.attempt == 0
    assert model.calls == []
