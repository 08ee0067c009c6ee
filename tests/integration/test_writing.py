"""Calls that are of no use any more are cut off, and no others."""

import threading
import uuid
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from actors.attempt import Attempt
from actors.model import Answer
from actors.writing import write
from events.envelope import Cause
from events.errors import Unavailable
from events.money import Tokens
from events.order import SectionWritten
from events.products import find
from storage.leases import Leases
from storage.record import Log, stream_of
from tests.examples import ORDER, SUBJECT, paid, placed, started

CAUSE = Cause(correlation="c-1", causation="m-1", actor="test")
ANSWER = Answer("What there is to say.", "gpt-4.1-mini", Tokens(1, 1), 2, 3)
PRODUCT = find("life_clarity")


class Silent:
    """A model that has not answered yet."""

    name = "gpt-4.1-mini"

    def __init__(self) -> None:
        self.calls: list[Future[Answer]] = []

    def ask(self, *_: object, **__: object) -> Future[Answer]:
        self.calls.append(Future())
        return self.calls[-1]


@pytest.fixture
def model() -> Silent:
    return Silent()


@pytest.fixture
def attempt(orders_log: Log, model: Silent) -> Attempt:
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    history = orders_log.record(history, [placed(), paid()], CAUSE)
    lease = Leases(orders_log.engine).take(stream_of(ORDER), 2, holder="m-1", redelivered=False)
    assert lease is not None
    tools: Any = SimpleNamespace(log=orders_log, model=model, stopping=threading.Event())
    ours = Attempt(history=history, lease=lease, cause=CAUSE, tools=tools, leg_ends=0)
    ours.note(started())
    return ours


def test_a_worker_whose_order_was_taken_over_cuts_its_calls_off(
    attempt: Attempt, orders_log: Log, model: Silent
) -> None:
    facts = write(PRODUCT.sections[:2], attempt, PRODUCT)
    attempt.note(*next(facts))
    with orders_log.engine.connect() as connection:
        connection.exec_driver_sql("set role none")
        connection.exec_driver_sql("update ledgerpress.streams set held_until = '-infinity'")
        connection.exec_driver_sql("reset role")
    taken = Leases(orders_log.engine).take(
        stream_of(ORDER), attempt.order.version, holder="m-2", redelivered=False
    )
    assert taken is not None
    orders_log.record(orders_log.read(ORDER), [started(2)], CAUSE, fence=taken.fence)

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
