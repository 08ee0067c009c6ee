"""While Postgres is away, what Stripe says waits in a sealed queue, and is recorded when Postgres is back."""

import base64
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import httpx
import pika
import pytest

import storage.database
import storage.inbox
import storage.payments
import storage.publisher
from actors import inbox
from api import reception
from events.errors import Refused, Unavailable
from events.payments import order_id
from events.products import CATALOGUE
from sandbox.proxy import proxied
from storage import stripe_secrets, tenants
from storage.inbox import Inbox, empty
from storage.opening import opened
from storage.payments import Heard, Signed
from storage.publisher import declare, parameters
from storage.record import Log
from storage.settings import Settings, read_from
from storage.vault import Courier
from tests.integration.conftest import serving
from tests.stripe_events import body, paid, sign, stripe_event
from tests.waiting import until

WEBHOOK = "/webhooks/stripe"


@pytest.fixture(autouse=True)
def queue(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An inbox of the test's own: some other keeper may be at work on this broker."""
    name = f"{storage.inbox.QUEUE}.{uuid.uuid4().hex}"
    monkeypatch.setattr(storage.inbox, "QUEUE", name)
    with channel(settings) as open_channel:
        declare(open_channel, name)
    yield name
    with channel(settings) as open_channel:
        for each in (name, f"{name}.XQ"):
            open_channel.queue_delete(each)


# How long Stripe's answer may take: Postgres is waited for once, and RabbitMQ's confirmation as often as it is tried.
POSTGRES, RABBITMQ, TRIES = (
    reception._PATIENCE,
    storage.inbox._CONFIRM_SECONDS,
    storage.inbox._TRIES,
)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is there may take their time; only who falls silent is waited for as briefly as in earnest."""
    monkeypatch.setattr(reception, "_PATIENCE", 30.0)
    monkeypatch.setattr(storage.inbox, "_CONFIRM_SECONDS", 30.0)


@contextmanager
def channel(settings: Settings) -> Iterator[Any]:
    url = settings.rabbitmq_url.get_secret_value()
    with pika.BlockingConnection(parameters(url)) as connection:
        yield connection.channel()


def depth(settings: Settings, dead: str = "") -> int:
    name = storage.inbox.QUEUE + dead
    with channel(settings) as open_channel:
        return int(open_channel.queue_declare(name, passive=True).method.message_count)


def contents(settings: Settings) -> list[bytes]:
    with channel(settings) as open_channel:
        found = []
        while (message := open_channel.basic_get(storage.inbox.QUEUE))[0] is not None:
            found.append(message[2])
        return found


def post(
    url: str,
    event: dict[str, Any],
    request: str = "from-the-proxy-17",
    *,
    path: str = WEBHOOK,
    secret: str = "whsec_test",
) -> httpx.Response:
    payload = body(event)
    headers = {"Stripe-Signature": sign(payload, secret), "X-Request-Id": request}
    return httpx.post(f"{url}{path}", content=payload, headers=headers)


@contextmanager
def emptying(settings: Settings, see_to: Callable[[Signed], object]) -> Iterator[None]:
    stopping = threading.Event()
    thread = threading.Thread(target=empty, args=(settings, see_to, stopping), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(60)
    assert not thread.is_alive()


def through(environment: dict[str, str], **urls: str) -> Settings:
    return read_from({**environment, **urls})


def signed(event: dict[str, Any]) -> Signed:
    return Signed(
        tenant="default",
        live=False,
        at="2026-11-21T08:00:00+00:00",
        correlation="c-1",
        body=body(event).decode(),
    )


def test_a_payment_waits_in_the_inbox_and_is_recorded_when_postgres_is_back(
    environment: dict[str, str],
    settings: Settings,
    orders_log: Log,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_vain = threading.Event()

    def hear(*given: Any) -> Heard:
        try:
            return storage.payments.hear(*given)
        except Unavailable:
            in_vain.set()
            raise

    monkeypatch.setattr(inbox, "hear", hear)
    event = paid()
    order = order_id("default", event["data"]["object"]["id"])
    with (
        proxied(environment["DATABASE_URL"]) as proxy,
        serving(through(environment, DATABASE_URL=proxy.url)) as url,
    ):
        proxy.cut()
        answer = post(url, event)
        assert (answer.status_code, answer.json()) == (200, {"received": True, "verdict": "queued"})
        assert depth(settings) == 1

        stopping = threading.Event()
        with opened(through(environment, DATABASE_URL=proxy.url), CATALOGUE) as keepers:
            thread = inbox.start(keepers, CATALOGUE, settings, stopping)
            assert in_vain.wait(60)
            proxy.restore()
            until(lambda: written(orders_log, order))
            stopping.set()
            thread.join(60)
            assert not thread.is_alive()
        assert post(url, event, request="later").json() == {
            "received": True,
            "verdict": "duplicate",
            "order": order,
        }

    assert depth(settings) == 0
    assert {each.cause.correlation for each in orders_log.recorded(order)} == {"from-the-proxy-17"}
    assert {each.cause.actor for each in orders_log.recorded(order)} == {"stripe"}
    assert orders_log.read(order).order.workable


def written(log: Log, order: str) -> bool:
    try:
        return log.read(order).order.workable
    except Refused:
        return False


def test_stripe_has_its_answer_within_five_seconds() -> None:
    assert POSTGRES + TRIES * RABBITMQ < 5


def test_a_frozen_postgres_delays_the_answer_by_seconds_only(
    environment: dict[str, str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.database, "_ANSWER_SECONDS", 3600.0)  # nobody else gives it up
    with (
        proxied(environment["DATABASE_URL"]) as proxy,
        serving(through(environment, DATABASE_URL=proxy.url)) as url,
    ):
        assert post(url, paid()).json()["verdict"] == "recorded"
        proxy.black_hole()
        monkeypatch.setattr(reception, "_PATIENCE", POSTGRES)

        answer = post(url, stripe_event("charge.refunded.full"))

        assert answer.json()["verdict"] == "queued"
    assert depth(settings) == 1


def test_requests_that_hang_keep_no_payment_waiting(
    environment: dict[str, str],
    settings: Settings,
    orders_log: Log,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenants.add(orders_log.engine, "acme", "Acme")
    stripe_secrets.add(orders_log.engine, settings, "acme", "whsec_acme")
    hanging, over = threading.Semaphore(0), threading.Event()

    def hang() -> None:
        hanging.release()
        over.wait()

    with (
        proxied(environment["DATABASE_URL"]) as proxy,
        serving(
            through(environment, DATABASE_URL=proxy.url), lambda app: app.get("/hang")(hang)
        ) as url,
        ThreadPoolExecutor(60) as others,
        ExitStack() as held,
    ):
        held.callback(over.set)
        theirs = partial(post, url, path="/webhooks/stripe/acme", secret="whsec_acme")
        assert theirs(paid()).json()["verdict"] == "recorded"
        proxy.black_hole()
        monkeypatch.setattr(reception, "_PATIENCE", POSTGRES)
        for _ in range(60):
            others.submit(httpx.get, f"{url}/hang", timeout=None)
        for _ in range(_THREADS):
            assert hanging.acquire(timeout=60)

        assert theirs(stripe_event("charge.refunded.full")).json()["verdict"] == "queued"
        assert post(url, paid()).json()["verdict"] == "queued"
        ready = httpx.get(f"{url}/readyz/webhooks")
        assert (ready.status_code, ready.json()) == (200, {"payments": "queued"})
    assert depth(settings) == 2


# In which Starlette runs what is not async.
_THREADS = 40


def test_stripe_is_asked_to_come_back_only_if_neither_takes_it(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        proxied(environment["DATABASE_URL"]) as postgres,
        proxied(environment["RABBITMQ_URL"]) as rabbit,
        serving(through(environment, DATABASE_URL=postgres.url, RABBITMQ_URL=rabbit.url)) as url,
    ):
        postgres.cut()
        rabbit.cut()
        monkeypatch.setattr(storage.inbox, "_CONFIRM_SECONDS", RABBITMQ)
        refused = post(url, paid())
        rabbit.restore()
        monkeypatch.setattr(storage.inbox, "_TRIES", 60)
        queued = post(url, paid())
        postgres.restore()
        rabbit.cut()
        recorded = post(url, paid())

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
    assert queued.json()["verdict"] == "queued"
    assert recorded.json()["verdict"] == "recorded"


def test_a_silent_rabbitmq_delays_the_refusal_by_two_seconds_only(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def patient(url: str) -> pika.URLParameters:
        """Whose connection gives nothing up by itself."""
        given = parameters(url)
        given.socket_timeout = given.stack_timeout = 3600
        return given

    monkeypatch.setattr(storage.publisher, "parameters", patient)
    monkeypatch.setattr(storage.inbox, "_CONFIRM_SECONDS", RABBITMQ)
    away = "postgresql://nobody@127.0.0.1:9/nowhere"
    with (
        proxied(environment["RABBITMQ_URL"]) as rabbit,
        serving(through(environment, DATABASE_URL=away, RABBITMQ_URL=rabbit.url)) as url,
    ):
        rabbit.black_hole()

        assert post(url, paid()).status_code == 503


def test_a_queue_holds_nothing_that_anybody_can_read(settings: Settings) -> None:
    desk = Inbox(settings)
    desk.put(signed(paid(name="Canary Rosen")))
    desk.close()

    (message,) = contents(settings)
    sealed = base64.b64decode(message.removeprefix(b'{"sealed":"').removesuffix(b'"}'))
    for canary in (b"Canary", b"example.com", b"default", b"cs_test"):
        assert canary not in message
        assert canary not in sealed


def test_a_queue_that_somebody_deleted_is_made_anew(
    settings: Settings, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Inbox(settings)
    desk.put(signed(paid()))
    with channel(settings) as open_channel:
        open_channel.queue_delete(queue)

    monkeypatch.setattr(storage.inbox, "_CONFIRM_SECONDS", RABBITMQ)
    monkeypatch.setattr(storage.inbox, "_TRIES", 60)
    desk.put(signed(paid()))

    desk.close()
    assert depth(settings) >= 1  # twice, if the confirmation took longer than that


def test_a_message_is_kept_until_it_is_seen_to(settings: Settings) -> None:
    desk = Inbox(settings)
    for number in range(3):
        desk.put(signed({**paid(), "id": f"evt_{number}"}))
    desk.close()
    offered: list[str] = []

    def away_once(each: Signed) -> None:
        offered.append(each.body)
        if len(offered) == 1:
            raise Unavailable("away")

    with emptying(settings, away_once):
        until(lambda: len(offered) == 4)
    assert offered[0] == offered[1]
    assert len(set(offered)) == 3
    assert depth(settings) == 0


def test_a_message_whose_reader_dies_comes_again(settings: Settings) -> None:
    desk = Inbox(settings)
    desk.put(signed(paid()))
    desk.close()
    seen: list[Signed] = []

    def die(each: Signed) -> None:
        seen.append(each)
        raise Died

    stopping = threading.Event()
    with pytest.raises(Died):
        empty(settings, die, stopping)
    with emptying(settings, seen.append):
        until(lambda: len(seen) == 2)

    assert seen[0] == seen[1] == signed(paid())
    assert depth(settings) == 0


class Died(BaseException):
    """The process is gone."""


def test_what_cannot_be_recorded_is_a_dead_letter_and_holds_up_nothing(
    settings: Settings, queue: str
) -> None:
    stranger = Courier([base64.b64encode(bytes(32)).decode()]).seal(b"{}", queue)
    forged = b'{"sealed":"' + base64.b64encode(stranger) + b'"}'
    with channel(settings) as open_channel:
        for message in (b"\xff", b"{}", b'{"sealed":"%"}', b'{"sealed":""}', forged):
            open_channel.basic_publish("", queue, message)
    desk = Inbox(settings)
    desk.put(signed({**paid(), "id": "evt_refused"}))
    desk.put(signed({**paid(), "id": "evt_odd"}))
    desk.put(signed({**paid(), "id": "evt_good"}))
    desk.close()
    good: list[str] = []

    def see_to(each: Signed) -> None:
        if "evt_refused" in each.body:
            raise Refused("no")
        if "evt_odd" in each.body:
            raise ZeroDivisionError
        good.append(each.body)

    with emptying(settings, see_to):
        until(lambda: good)
    until(lambda: (depth(settings), depth(settings, ".XQ")) == (0, 7))


def test_a_reader_finds_its_broker_again(environment: dict[str, str], settings: Settings) -> None:
    before, after = (signed({**paid(), "id": f"evt_{each}"}) for each in ("before", "after"))
    seen: list[Signed] = []
    desk = Inbox(settings)
    desk.put(before)
    with (
        proxied(environment["RABBITMQ_URL"]) as rabbit,
        emptying(through(environment, RABBITMQ_URL=rabbit.url), seen.append),
    ):
        until(lambda: before in seen)
        rabbit.cut()
        desk.put(after)
        assert after not in seen
        rabbit.restore()

        until(lambda: after in seen)
    desk.close()


def test_an_answer_lost_after_the_commit_makes_one_order(
    environment: dict[str, str], orders_log: Log
) -> None:
    event = paid()
    order = order_id("default", event["data"]["object"]["id"])
    refund = stripe_event(
        "charge.refunded.full", payment_intent=event["data"]["object"]["payment_intent"]
    )
    with (
        proxied(environment["DATABASE_URL"]) as proxy,
        serving(through(environment, DATABASE_URL=proxy.url)) as url,
    ):
        for said, written_by in ((event, b"from record("), (refund, b"from record(")):
            proxy.drop_replies_after(partial(contains, written_by))
            struck = proxy.struck

            answer = post(url, said).json()
            assert (answer["order"], answer["verdict"]) == (order, "recorded")
            assert proxy.struck == struck + 1
            assert post(url, said, request="another").json()["verdict"] == "duplicate"

    assert [each.type for each in orders_log.recorded(order)] == [
        "order-placed",
        "payment-received",
        "payment-refunded",
        "order-cancelled",
    ]


def contains(wanted: bytes, sent: bytes) -> bool:
    return wanted in sent


KEYS = [base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2)]


def test_what_one_key_sealed_opens_while_it_is_among_the_keys() -> None:
    old, both, new = Courier(KEYS[:1]), Courier(KEYS[::-1]), Courier(KEYS[1:])
    sealed = old.seal(b"plain", "place")

    assert both.open(sealed, "place") == b"plain"
    assert new.open(both.seal(b"plain", "place"), "place") == b"plain"
    with pytest.raises(Refused):
        new.open(sealed, "place")
    with pytest.raises(Refused):
        old.open(sealed, "elsewhere")
    with pytest.raises(Refused):
        old.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), "place")
    assert old.seal(b"plain", "place") != sealed
