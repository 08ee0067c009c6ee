"""Every event is announced to other systems: at least once, in order, without personal data, whatever dies."""

import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
import pika
import psycopg
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from sqlalchemy import text

from events.announcement import CONTENT_TYPE, EXCHANGE
from events.asyncapi import asyncapi, envelope
from events.codec import encode
from events.envelope import Cause, all_kinds, kind_named
from events.errors import Unavailable
from events.facts import PaymentRefunded
from events.money import Money
from events.products import CATALOGUE
from events.shapes import public_shape
from sandbox.proxy import proxied
from storage.announcer import ForeignAnnouncements, announce_again, announce_some, standing
from storage.database import connected
from storage.event_log import Fact, append, metadata
from storage.exchange import Exchange, Message
from storage.payments import payment_stream
from storage.publisher import parameters
from storage.record import Log
from storage.sealer import seal_all
from storage.settings import Settings
from tests.examples import EXAMPLES, asked, paid, placed, started, written
from tests.forking import ledgerpress
from tests.integration.conftest import serving, sockets
from tests.running import keeper

CAUSE = Cause(correlation="c", causation="c", actor="test")
SOURCE = "https://shop.example"
CANARY = "canary-of-a-person"

# The end of a batch on the wire: tx.commit, a method frame of AMQP's class 90.
COMMIT = b"\x00\x5a\x00\x14\xce"


@pytest.fixture
def channel(settings: Settings) -> Iterator[BlockingChannel]:
    """A channel on which somebody listens to everything; the exchange begins anew."""
    given = parameters(settings.rabbitmq_url.get_secret_value())
    given.heartbeat = 0  # nobody answers it while the test is about something else
    with pika.BlockingConnection(given) as connection:
        ours = connection.channel()
        ours.exchange_delete(EXCHANGE)
        yield ours


Heard = Callable[[], list[tuple[str, dict[str, Any]]]]


@pytest.fixture
def queue(channel: BlockingChannel) -> str:
    """The queue of somebody who is bound to everything."""
    name = str(channel.queue_declare("", exclusive=True).method.queue)
    bind(channel, name)
    return name


def bind(channel: BlockingChannel, queue: str) -> None:
    channel.exchange_declare(EXCHANGE, "topic", durable=True)
    channel.queue_bind(queue, EXCHANGE, "#")


@pytest.fixture
def heard(channel: BlockingChannel, queue: str) -> Heard:
    """What they have heard since the last time: routing keys and announcements."""

    def take() -> list[tuple[str, dict[str, Any]]]:
        found: list[tuple[str, dict[str, Any]]] = []
        while True:
            method, properties, body = channel.basic_get(queue, auto_ack=True)
            if method is None:
                return found
            event = json.loads(body)
            assert (properties.content_type, properties.message_id) == (CONTENT_TYPE, event["id"])
            found.append((method.routing_key, event))

    return take


@pytest.fixture
def exchange(settings: Settings) -> Iterator[Exchange]:
    ours = Exchange(settings.rabbitmq_url.get_secret_value())
    yield ours
    ours.close()


def record(log: Log, *facts: Any, name: str = "") -> str:
    name = name or str(uuid.uuid4())
    first = placed(session=f"cs_{name}", fields={"name": CANARY}, email=f"{CANARY}@example.com")
    history = log.begin(name, uuid.UUID(first.subject))
    if history.order.placed is None:
        history = log.record(history, [first], CAUSE)
    log.record(history, list(facts), CAUSE)
    return f"order-{name}"


def announce_all(log: Log, exchange: Exchange) -> int:
    exchange.keep_alive()  # as the keeper does: it may have lain idle for longer than the broker waits
    seal_all(log.engine)
    return sum(iter(lambda: announce_some(log.engine, exchange, SOURCE, most=7), 0))


def test_every_event_is_announced_once_and_in_order(
    orders_log: Log, exchange: Exchange, heard: Heard
) -> None:
    first = record(orders_log, paid(), started(), asked("section-001"), written("section-001"))
    second = record(orders_log, paid())

    announced = announce_all(orders_log, exchange)

    found = heard()
    assert announced == len(found) == 7
    assert [event["position"] for _, event in found] == [str(n) for n in range(1, 8)]
    assert [(e["subject"], e["version"]) for _, e in found if e["subject"] == second] == [
        (second, "1"),
        (second, "2"),
    ]
    assert [key for key, event in found if event["subject"] == first][-2:] == [
        "life_clarity.sections-asked",
        "life_clarity.section-written",
    ]
    assert standing(orders_log.engine).behind == 0


def test_the_bookmark_moves_with_each_batch(
    orders_log: Log, exchange: Exchange, heard: Heard
) -> None:
    record(orders_log, paid())
    seal_all(orders_log.engine)

    announced, reached = [], []
    for _ in range(3):
        announced.append(announce_some(orders_log.engine, exchange, SOURCE, most=1))
        reached.append(standing(orders_log.engine).position)

    assert announced == [1, 1, 0]
    assert reached == [1, 2, 2]
    assert [event["position"] for _, event in heard()] == ["1", "2"]


def test_an_announcement_is_as_its_schema_says_and_names_nobody(
    orders_log: Log, exchange: Exchange, heard: Heard
) -> None:
    record(orders_log, *[each for name, each in EXAMPLES.items() if name != "order-placed"])
    announce_all(orders_log, exchange)

    found = [event for _, event in heard()]

    assert {event["type"] for event in found} == EXAMPLES.keys()
    for event in found:
        kind = kind_named(event["type"])
        assert kind is not None
        jsonschema.validate(event, envelope() | {"$defs": {}})
        jsonschema.validate(event["data"], public_shape(kind))
        assert event["dataschema"] == f"{SOURCE}/schemas/{kind.name}.json"
        assert not kind.personal & event["data"].keys()
    told = json.dumps(found)
    assert CANARY not in told
    assert "Jenny" not in told
    assert "sealed" not in {name for event in found for name in event["data"]}


def test_what_happens_to_a_payment_alone_is_announced_as_a_payments(
    orders_log: Log, exchange: Exchange, heard: Heard
) -> None:
    fact = PaymentRefunded(amount=Money(4900, "usd"), full=True)
    stored = Fact(id=uuid.uuid4(), type="payment-refunded", schema=1, data=encode(fact, bytes))
    with connected(orders_log.engine) as connection:
        append(connection, payment_stream("default", "pi_1"), [stored], metadata(CAUSE, "0"))

    announce_all(orders_log, exchange)

    ((key, _),) = heard()
    assert key == "payment.payment-refunded"


def test_an_event_of_a_later_release_is_announced_as_it_is(
    orders_log: Log, exchange: Exchange, heard: Heard, database: str
) -> None:
    stream = record(orders_log, paid())
    data = '{"colour": "red", "sealed": "bm90aGluZw=="}'
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set search_path = ledgerpress")
        connection.execute(
            "select append(%s, null, null, null, false, %s::uuid[], %s, %s::smallint[], %s, %s)",
            (
                stream,
                [str(uuid.uuid4())],
                ["from-tomorrow"],
                [3],
                [data],
                '{"correlation":"c","causation":"c","actor":"a","code":"9"}',
            ),
        )

    announce_all(orders_log, exchange)

    key, event = heard()[-1]
    assert key == "life_clarity.from-tomorrow"
    assert event["data"] == {"colour": "red"}
    assert event["schemaversion"] == "3"
    assert "dataschema" not in event


def test_while_rabbitmq_is_away_nothing_is_taken_for_announced(
    orders_log: Log, exchange: Exchange, heard: Heard
) -> None:
    record(orders_log, paid(), started())
    seal_all(orders_log.engine)
    away = Exchange("amqp://nobody:nothing@127.0.0.1:9/")

    with pytest.raises(Unavailable):
        announce_some(orders_log.engine, away, SOURCE)
    before = standing(orders_log.engine)
    announce_all(orders_log, exchange)

    assert (before.position, before.behind) == (0, 3)
    assert len(heard()) == 3


def test_a_message_longer_than_a_frame_arrives_whole(
    exchange: Exchange, channel: BlockingChannel, queue: str
) -> None:
    long = Message(key="life_clarity.order-placed", body=os.urandom(300_000), id="long")
    short = Message(key="life_clarity.order-delivered", body=b"{}", id="short")

    exchange.publish([long, short])

    found = [channel.basic_get(queue, auto_ack=True) for _ in range(2)]
    assert [body for _, _, body in found] == [long.body, short.body]


def test_an_exchange_that_was_deleted_is_made_again(
    orders_log: Log, exchange: Exchange, channel: BlockingChannel
) -> None:
    record(orders_log, paid())
    announce_all(orders_log, exchange)
    channel.exchange_delete(EXCHANGE)
    record(orders_log, paid(), started())
    seal_all(orders_log.engine)

    with pytest.raises(Unavailable):
        announce_some(orders_log.engine, exchange, SOURCE)
    announce_all(orders_log, exchange)

    assert standing(orders_log.engine).behind == 0
    channel.exchange_declare(EXCHANGE, passive=True)


def test_an_exchange_that_cannot_be_declared_costs_no_connection_a_try(
    orders_log: Log, exchange: Exchange, channel: BlockingChannel
) -> None:
    channel.exchange_declare(EXCHANGE, "fanout")
    record(orders_log, paid())
    seal_all(orders_log.engine)
    before = sockets()

    for _ in range(6):
        with pytest.raises(Unavailable):
            announce_some(orders_log.engine, exchange, SOURCE)
    after = sockets()
    channel.exchange_delete(EXCHANGE)

    assert after < before + 6  # the log's own publisher may have connected meanwhile
    assert announce_all(orders_log, exchange) == 2


@pytest.mark.parametrize(("lost", "known"), [("drop_request", 0), ("drop_replies_after", 90)])
def test_a_batch_of_which_nobody_knows_whether_rabbitmq_has_it_is_announced_again(
    orders_log: Log, environment: dict[str, str], heard: Heard, lost: str, known: int
) -> None:
    for _ in range(30):
        record(orders_log, paid(), started())
    seal_all(orders_log.engine)
    with proxied(environment["RABBITMQ_URL"]) as line:
        exchange = Exchange(line.url)
        getattr(line, lost)(lambda sent: COMMIT in sent)
        with pytest.raises(Unavailable):
            announce_some(orders_log.engine, exchange, SOURCE)
        assert line.struck == 1
        assert standing(orders_log.engine).position == 0
        first = heard()
        announce_all(orders_log, exchange)
        exchange.close()

    assert len(first) == known
    assert standing(orders_log.engine).behind == 0
    found = [int(event["position"]) for _, event in [*first, *heard()]]
    assert found == [*range(1, known + 1), *range(1, 91)]


def test_a_bookmark_of_another_log_is_told_and_can_be_set_anew(
    orders_log: Log,
    exchange: Exchange,
    heard: Heard,
    database: str,
    environment: dict[str, str],
) -> None:
    record(orders_log, paid(), started())
    announce_all(orders_log, exchange)
    heard()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("update ledgerpress.announced set hash = sha256('another')")

    with pytest.raises(ForeignAnnouncements, match="announcements again --after"):
        announce_some(orders_log.engine, exchange, SOURCE)
    command(environment, "announcements", "status", code=1)
    command(environment, "announcements", "again", "--after", "4", code=2)
    command(environment, "announcements", "again", "--after", "1")
    announce_all(orders_log, exchange)

    assert [event["position"] for _, event in heard()] == ["2", "3"]
    found = json.loads(command(environment, "announcements", "status", "--json").stdout)
    assert found == {"state": "live", "position": 3, "behind": 0}


def test_all_can_be_announced_again(orders_log: Log, exchange: Exchange, heard: Heard) -> None:
    record(orders_log, paid())
    announce_all(orders_log, exchange)

    announce_again(orders_log.engine, 0)
    announce_all(orders_log, exchange)

    assert [event["position"] for _, event in heard()] == ["1", "2", "1", "2"]


def test_keepers_that_are_killed_leave_out_nothing(
    orders_log: Log, heard: Heard, environment: dict[str, str]
) -> None:
    keepers = [keeper(environment), keeper(environment)]
    streams = set()
    told = heard()
    try:
        for round_ in range(30):
            streams.add(record(orders_log, paid(), started(), asked("section-001")))
            told += heard()
            if round_ % 7 == 6:
                keepers[0].kill()
                keepers[0].wait()
                keepers = [keepers[1], keeper(environment)]
        deadline = time.monotonic() + 240
        while not _announced(orders_log) and time.monotonic() < deadline:
            told += heard()
            time.sleep(0.2)
    finally:
        for each in keepers:
            each.kill()
            each.wait()

    found = [int(event["position"]) for _, event in [*told, *heard()]]
    assert list(dict.fromkeys(found)) == list(range(1, standing(orders_log.engine).position + 1))
    assert len(set(found)) >= 4 * len(streams) == 120


def _announced(log: Log) -> bool:
    with log.engine.connect() as connection:
        unsealed = connection.execute(text("select count(*) from unsealed")).scalar_one()
    return unsealed == 0 and standing(log.engine).behind == 0


def command(
    environment: Mapping[str, str], *words: str, code: int = 0
) -> subprocess.CompletedProcess[str]:
    done = ledgerpress(*words, environment=environment)
    assert done.returncode == code, done.stderr
    return done


# Described for programs.


def resolved(document: Any, value: Any) -> None:
    """Every reference in the document leads somewhere."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "$ref":
                place = document
                for step in each.removeprefix("#/").split("/"):
                    place = place[step]
            else:
                resolved(document, each)
    elif isinstance(value, list):
        for each in value:
            resolved(document, each)


def test_the_description_is_whole_and_the_same_everywhere(
    settings: Settings, environment: dict[str, str]
) -> None:
    printed = json.loads(command(environment, "asyncapi", "--json").stdout)
    with serving(settings) as url:
        served = httpx.get(f"{url}/asyncapi.json")
        schemas = {kind.name: httpx.get(f"{url}/schemas/{kind.name}.json") for kind in all_kinds()}
        around = httpx.get(f"{url}/schemas/announcement.json").json()
        unknown = httpx.get(f"{url}/schemas/what.json")

    assert served.json() == printed
    assert printed["asyncapi"] == "3.0.0"
    assert printed == asyncapi(CATALOGUE.values(), printed["info"]["version"])
    resolved(printed, printed)
    assert printed["components"]["messages"].keys() == schemas.keys()
    for name, answer in schemas.items():
        assert answer.headers["content-type"] == "application/schema+json"
        jsonschema.Draft202012Validator.check_schema(answer.json())
        assert answer.json()["title"] == name
    jsonschema.Draft202012Validator.check_schema(around)
    assert unknown.status_code == 404
    assert unknown.json()["type"] == "/problems/schema-not-found"


def test_a_cursor_of_another_log_is_refused(orders_log: Log, settings: Settings) -> None:
    record(orders_log, paid())
    seal_all(orders_log.engine)
    auditor = {"Authorization": "Bearer auditor-secret"}
    with serving(settings) as url:
        at_the_end = httpx.get(f"{url}/v1/events?after=2", headers=auditor)
        beyond = httpx.get(f"{url}/v1/events?after=3", headers=auditor)

    assert at_the_end.json() == {"data": []}
    assert beyond.status_code == 400
    assert beyond.json()["type"] == "/problems/cursor-beyond-the-end"
