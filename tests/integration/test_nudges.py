"""Nudges: written with the events, published at least once, settled only where they came from."""

import gc
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dramatiq
import pika
import pytest
from dramatiq.errors import ConnectionClosed
from sqlalchemy import text

from actors.keeper import relay
from events.envelope import Cause
from events.facts import AttemptFailed
from storage import outbox, record
from storage.broker import HandedOn, NudgeBroker, NudgeConsumer, Nudged
from storage.database import connected
from storage.outbox import sweep
from storage.publisher import Letter, Publisher, declare, parameters
from storage.record import Log
from storage.settings import Settings
from tests.examples import ORDER, SUBJECT, paid, placed, started
from tests.integration.conftest import sockets
from tests.taking import take_up
from tests.waiting import until

CAUSE = Cause(correlation="c-1", causation="evt_1", actor="test")


@pytest.fixture
def queue(settings: Settings) -> Iterator[str]:
    """A queue of the test's own."""
    name = f"test.{uuid.uuid4().hex}"
    yield name
    with channel(settings) as open_channel:
        for each in (name, f"{name}.XQ"):
            open_channel.queue_delete(each)


class channel:  # noqa: N801 - reads as what it gives
    def __init__(self, settings: Settings) -> None:
        self._connection = pika.BlockingConnection(
            parameters(settings.rabbitmq_url.get_secret_value())
        )

    def __enter__(self) -> Any:
        return self._connection.channel()

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def consumer(settings: Settings, queue: str) -> NudgeConsumer:
    broker = NudgeBroker(settings.rabbitmq_url.get_secret_value())
    return NudgeConsumer(broker, queue, prefetch=1, timeout=100)


def next_nudge(consumer: NudgeConsumer) -> Nudged:
    return until(lambda: next(consumer))


def depth(settings: Settings, queue: str) -> int:
    with channel(settings) as open_channel:
        declare(open_channel, queue)
        return int(open_channel.queue_declare(queue, passive=True).method.message_count)


def outbox_rows(log: Log) -> int:
    with connected(log.engine) as connection:
        return int(connection.execute(text("select count(*) from outbox")).scalar_one())


def letter(queue: str) -> Letter:
    return Letter(queue=queue, order=ORDER, correlation="c-1", outbox_id=1)


def test_a_message_carries_the_order_and_nothing_else(settings: Settings, queue: str) -> None:
    confirmed: list[int] = []
    publisher = Publisher(settings.rabbitmq_url.get_secret_value(), confirmed.extend).start()

    publisher.publish([letter(queue)])
    publisher.stop(60)

    assert confirmed == [1]
    with channel(settings) as open_channel:
        method, properties, body = open_channel.basic_get(queue, auto_ack=True)
    assert body == f'{{"order":"{ORDER}"}}'.encode()
    assert (properties.correlation_id, properties.delivery_mode) == ("c-1", 2)
    assert method.redelivered is False


def test_a_queue_that_is_declared_otherwise_costs_no_connection_a_try(
    settings: Settings, queue: str
) -> None:
    with channel(settings) as open_channel:
        open_channel.queue_declare(queue, durable=False)
    gc.collect()  # those that earlier tests have left are not counted
    before = sockets()

    for _ in range(3):
        with pytest.raises(ConnectionClosed):
            consumer(settings, queue)

    assert sockets() <= before


def test_what_is_not_confirmed_stays_in_the_outbox_and_the_relay_publishes_it(
    orders_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_GRACE_SECONDS", 3600)
    monkeypatch.setattr(outbox, "_CONFIRM_SECONDS", 3600)
    orders_log.publisher.stop()  # the process that wrote the nudge dies before it can publish
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    orders_log.record(history, [placed(), paid()], CAUSE)
    assert outbox_rows(orders_log) == 1
    sent: list[Letter] = []
    orders_log.publisher = type("Spy", (), {"publish": lambda _, letters: sent.extend(letters)})()

    assert relay(orders_log) == 0  # whoever wrote it has a moment to publish it himself
    monkeypatch.setattr(outbox, "_GRACE_SECONDS", 0)
    assert relay(orders_log) == 1
    assert [(each.queue, each.order) for each in sent] == [("queue.life_clarity", ORDER)]
    assert relay(orders_log) == 0  # not again before the broker has had time to confirm
    assert outbox_rows(orders_log) == 1


def test_a_retry_is_not_published_before_it_is_due(orders_log: Log) -> None:
    orders_log.publisher.stop()
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    retry = AttemptFailed(number=1, reason="x", detail="", retry_at="2999-01-01T00:00:00+00:00")
    orders_log.record(history, [placed(), paid(), started(), retry], CAUSE)

    with connected(orders_log.engine) as connection:
        rows = (
            connection.execute(text("select due_at::text from outbox order by id")).scalars().all()
        )
    assert len(rows) == 2
    assert rows[1].startswith("2999-01-01")


def test_the_sweeper_finds_an_order_that_nobody_was_told_of(orders_log: Log) -> None:
    orders_log.publisher.stop()
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    orders_log.record(history, [placed(), paid()], CAUSE)

    assert sweep(orders_log.engine, 0, 60) == []  # its nudge is still in the outbox
    with connected(orders_log.engine) as connection:
        connection.execute(text("delete from outbox"))
    assert sweep(orders_log.engine, 60, 60) == []  # too fresh to be forgotten
    assert [each.order for each in sweep(orders_log.engine, 0, 60)] == [ORDER]
    with connected(orders_log.engine) as connection:
        connection.execute(text("delete from outbox"))
    assert sweep(orders_log.engine, 0, 60) == []  # asked for just now
    assert len(sweep(orders_log.engine, 0, 0)) == 1


def test_the_sweeper_leaves_an_order_alone_that_somebody_holds(
    orders_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "LEASE_SECONDS", 3600.0)
    orders_log.publisher.stop()
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    orders_log.record(history, [placed(), paid()], CAUSE)
    with connected(orders_log.engine) as connection:
        connection.execute(text("delete from outbox"))
    take_up(orders_log)

    assert sweep(orders_log.engine, 0, 0) == []


def test_the_sweeper_calls_for_an_order_as_soon_as_its_holder_falls_silent(
    orders_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "LEASE_SECONDS", 0.5)
    orders_log.publisher.stop()
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    orders_log.record(history, [placed(), paid()], CAUSE)
    take_up(orders_log)
    with connected(orders_log.engine) as connection:
        connection.execute(text("delete from outbox"))

    until(lambda: len(sweep(orders_log.engine, 999, 60)) == 1)


def test_an_unsettled_nudge_comes_again_and_is_known_as_the_same(
    settings: Settings, queue: str
) -> None:
    publisher = Publisher(settings.rabbitmq_url.get_secret_value(), lambda _: None).start()
    publisher.publish([letter(queue)])
    publisher.stop(60)
    first_consumer = consumer(settings, queue)
    first = next_nudge(first_consumer)

    first_consumer.close()
    second_consumer = consumer(settings, queue)
    again = next_nudge(second_consumer)

    assert again.kwargs["id"] == first.kwargs["id"]
    assert (first.kwargs["redelivered"], again.kwargs["redelivered"]) == (False, True)
    second_consumer.ack(again)
    second_consumer.close()
    assert depth(settings, queue) == 0


def test_an_acknowledgement_on_a_new_channel_settles_nothing_there(
    settings: Settings, queue: str
) -> None:
    publisher = Publisher(settings.rabbitmq_url.get_secret_value(), lambda _: None).start()
    publisher.publish([letter(queue), letter(queue)])
    publisher.stop(60)
    lost = consumer(settings, queue)
    nudge = next_nudge(lost)
    lost.close()
    new = consumer(settings, queue)
    other = next_nudge(new)
    assert nudge.tag == other.tag  # the trap: tags begin again on every channel

    new.ack(nudge)
    new.close()

    # The broker takes back what was not settled in its own time.
    until(lambda: depth(settings, queue) == 2)


def test_a_nudge_handed_back_is_in_its_queue_again(settings: Settings, queue: str) -> None:
    publisher = Publisher(settings.rabbitmq_url.get_secret_value(), lambda _: None).start()
    publisher.publish([letter(queue)])
    publisher.stop(60)
    hands = consumer(settings, queue)

    hands.nack(next_nudge(hands))

    assert next_nudge(hands).kwargs["redelivered"]
    hands.close()


def test_an_order_that_is_handed_on_keeps_its_place_before_newer_ones(
    settings: Settings, queue: str
) -> None:
    older, newer = str(uuid.uuid4()), str(uuid.uuid4())
    publisher = Publisher(settings.rabbitmq_url.get_secret_value(), lambda _: None).start()
    publisher.publish([replace(letter(queue), order=each) for each in (older, newer)])
    publisher.stop(60)
    broker = NudgeBroker(settings.rabbitmq_url.get_secret_value())
    seen: list[str] = []

    @dramatiq.actor(broker=broker, queue_name=queue, actor_name=queue, throws=(HandedOn,))
    def look(order: str, **_: object) -> None:
        seen.append(order)
        if seen.count(older) < 3:
            raise HandedOn

    worker = dramatiq.Worker(broker, queues={queue}, worker_threads=1)
    worker.queue_prefetch = 1
    worker.start()
    try:
        until(lambda: newer in seen)
    finally:
        worker.stop()

    assert seen == [older, older, older, newer]


def test_what_is_no_nudge_becomes_a_dead_letter(settings: Settings, queue: str) -> None:
    with channel(settings) as open_channel:
        declare(open_channel, queue)
        for body in (b"\xff", b"[]", b'{"order": 7}', b'{"order": "no id"}'):
            open_channel.basic_publish("", queue, body)
    hands = consumer(settings, queue)
    while depth_of_dead_letters(settings, queue) < 4:
        assert next(hands) is None
    hands.close()

    assert depth(settings, queue) == 0
    assert depth_of_dead_letters(settings, queue) == 4


def depth_of_dead_letters(settings: Settings, queue: str) -> int:
    with channel(settings) as open_channel:
        return int(open_channel.queue_declare(f"{queue}.XQ", passive=True).method.message_count)
