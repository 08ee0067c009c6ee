"""Waiting for an order's news: held answers and streams."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI

from events.envelope import Cause
from events.facts import OrderDelivered, OrderErased
from events.views import order_number
from storage.record import Log
from storage.settings import Settings
from tests.examples import bound, started, written
from tests.integration.conftest import OPERATOR, Deliver, serving
from tests.stripe_events import paid
from tests.waiting import until

CAUSE = Cause(correlation="c", causation="m", actor="test")
HELD = {**OPERATOR, "Prefer": "wait=25"}


@pytest.fixture
def order(deliver: Deliver) -> str:
    found: str = deliver(paid()).json()["order"]
    return found


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def add(log: Log, order: str, *events: object) -> None:
    log.record(log.read(order), events, CAUSE)


def finish(log: Log, order: str) -> None:
    add(log, order, bound(blob="0" * 64, size=1), OrderDelivered(by="mail"))


@dataclass
class Told:
    """What a stream said: each event's id, type and data."""

    id: str = ""
    event: str = "message"
    data: str = ""


def told(answer: httpx.Response) -> Iterator[Told]:
    found = Told()
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if not line and found.data:
            yield found
            found = Told(id=found.id)
        elif name == "data":
            found.data += value
        elif name in ("id", "event"):
            setattr(found, name, value)


def test_an_answer_is_held_until_the_order_moves(
    settings: Settings, order: str, orders_log: Log, aside: ThreadPoolExecutor
) -> None:
    path = f"/v1/orders/{order}"
    apps: list[FastAPI] = []
    with serving(settings, apps.append) as url, httpx.Client(base_url=url, timeout=60) as http:
        known = {"If-None-Match": http.get(path, headers=OPERATOR).headers["etag"]}

        asked: Future[httpx.Response] = aside.submit(http.get, path, headers={**HELD, **known})
        until(lambda: apps[0].state.desk.news.waiting(order))
        add(orders_log, order, started(), written("section-001"))
        answer = asked.result()

    assert answer.status_code == 200
    assert answer.json()["progress"]["done"] == 1
    assert answer.headers["etag"] == 'W/"v4"'
    assert answer.headers["preference-applied"] == "wait=25"


def test_who_waits_for_an_order_that_is_erased_hears_that_it_is_gone(
    settings: Settings, order: str, orders_log: Log, aside: ThreadPoolExecutor
) -> None:
    path, page = f"/v1/orders/{order}", f"/o/{order_number(order)}"
    apps: list[FastAPI] = []
    with ExitStack() as held:
        url = held.enter_context(serving(settings, apps.append))
        http = held.enter_context(httpx.Client(base_url=url, timeout=60))
        http.get(f"/o/{orders_log.read(order).sealer.token(order)}")
        news = apps[0].state.desk.news  # there once it has started
        asked: Future[httpx.Response] = aside.submit(
            http.get, path, headers={**HELD, "If-None-Match": 'W/"v2"'}
        )
        until(lambda: news.waiting(order))
        streams = [
            told(held.enter_context(http.stream("GET", f"{each}/stream", headers=headers)))
            for each, headers in ((path, OPERATOR), (page, {}))
        ]
        first = [next(each).id for each in streams]

        add(orders_log, order, OrderErased(reason="Request 2027-12", by="customer"))

        assert (asked.result().status_code, first[0]) == (410, "2")
        assert [list(each) for each in streams] == [[], []]
        assert http.get(f"{page}/stream").status_code == 410


def test_who_waited_in_vain_is_told_so(http: httpx.Client, order: str) -> None:
    path = f"/v1/orders/{order}"
    known = {"If-None-Match": 'W/"v2"', "Prefer": "respond-async, wait=1"}

    answer = http.get(path, headers={**OPERATOR, **known})

    assert (answer.status_code, answer.headers["preference-applied"]) == (304, "wait=1")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    "known", [{}, {"If-None-Match": 'W/"v1"'}, {"If-None-Match": 'W/"v2"', "Prefer": "wait=soon"}]
)
def test_nobody_waits_for_what_is_there_already(
    http: httpx.Client, order: str, known: dict[str, str]
) -> None:
    answer = http.get(f"/v1/orders/{order}", headers={**HELD, **known})

    assert answer.status_code == (304 if known.get("Prefer") else 200)
    assert "preference-applied" not in answer.headers


def test_nobody_waits_for_an_order_that_is_settled(
    http: httpx.Client, order: str, orders_log: Log
) -> None:
    finish(orders_log, order)
    known = {"If-None-Match": http.get(f"/v1/orders/{order}", headers=OPERATOR).headers["etag"]}

    answer = http.get(f"/v1/orders/{order}", headers={**HELD, **known})

    assert answer.status_code == 304
    assert not {"preference-applied", "retry-after"} & answer.headers.keys()


def test_a_stream_tells_every_move_until_the_end(
    http: httpx.Client, order: str, orders_log: Log
) -> None:
    with http.stream("GET", f"/v1/orders/{order}/stream", headers=OPERATOR) as answer:
        stream = told(answer)
        first = next(stream)
        add(orders_log, order, started(), written("section-001"))
        second = next(stream)
        finish(orders_log, order)
        third, last = stream

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    assert (first.id, json.loads(first.data)["status"]) == ("2", "queued")
    assert (second.id, json.loads(second.data)["progress"]["done"]) == ("4", 1)
    assert json.loads(third.data)["status"] == "delivered"
    assert last.event == "end"


def test_a_stream_goes_on_behind_the_last_version_seen(
    http: httpx.Client, order: str, orders_log: Log
) -> None:
    seen = {"Last-Event-ID": "2"}
    path = f"/v1/orders/{order}/stream"
    with http.stream("GET", path, headers={**OPERATOR, **seen}) as answer:
        add(orders_log, order, started())
        first = next(told(answer))

    with http.stream("GET", path, params={"after": "1"}, headers=OPERATOR) as answer:
        again = next(told(answer))

    assert first.id == again.id == "3"


def test_a_stream_that_has_told_all_does_not_begin_again(
    http: httpx.Client, order: str, orders_log: Log
) -> None:
    finish(orders_log, order)
    path = f"/v1/orders/{order}/stream"

    missed = [each.event for each in told(http.get(path, headers=OPERATOR))]
    version = orders_log.read(order).order.version
    known = http.get(path, headers={**OPERATOR, "Last-Event-ID": str(version)})

    assert missed == ["message", "end"]
    assert (known.status_code, known.content) == (204, b"")


@pytest.mark.parametrize("place", ["-1", "two", "²", "9" * 30])
def test_a_stream_cannot_go_on_behind_nowhere(http: httpx.Client, order: str, place: str) -> None:
    path = f"/v1/orders/{order}/stream"

    answer = http.get(path, params={"after": place}, headers=OPERATOR)

    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/bad-cursor"


def test_the_head_of_a_stream_is_all_that_was_asked_for(http: httpx.Client, order: str) -> None:
    answer = http.head(f"/v1/orders/{order}/stream", headers=OPERATOR)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    # On the same connection, which is free only once that answer has ended.
    assert http.get("/livez").status_code == 200


def test_one_order_leaves_room_for_all_others(
    http: httpx.Client, order: str, deliver: Deliver, orders_log: Log
) -> None:
    event = paid()
    event["data"]["object"]["id"] = "cs_test_other"
    other = deliver(event).json()["order"]
    path, number = f"/v1/orders/{order}", order_number(order)
    http.get(f"/o/{orders_log.read(order).sealer.token(order)}")
    with ExitStack() as held:
        begun = [
            told(held.enter_context(http.stream("GET", f"{path}/stream", headers=OPERATOR)))
            for _ in range(30)
        ]
        assert {next(each).id for each in begun} == {"2"}
        refused = [
            http.get(f"{path}/stream", headers=OPERATOR),
            http.get(f"/o/{number}/stream"),
        ]
        known = {"If-None-Match": 'W/"v2"'}
        at_once = http.get(path, headers={**HELD, **known})
        others = held.enter_context(
            http.stream("GET", f"/v1/orders/{other}/stream", headers=OPERATOR)
        )

        assert [each.status_code for each in refused] == [503, 503]
        assert refused[0].json()["type"] == "/problems/too-many-streams"
        assert refused[0].headers["retry-after"] == "5"
        assert (at_once.status_code, "preference-applied" in at_once.headers) == (304, False)
        assert next(told(others)).id == "2"


def test_a_burst_gets_no_more_places_than_one_order_has(api_url: str, order: str) -> None:
    path = f"/v1/orders/{order}/stream"

    async def begun(http: httpx.AsyncClient, all_answered: asyncio.Barrier) -> tuple[int, str]:
        async with http.stream("GET", path, headers=OPERATOR) as answer:
            await all_answered.wait()
            return answer.status_code, answer.headers.get("retry-after", "")

    async def burst(number: int) -> Counter[tuple[int, str]]:
        all_answered = asyncio.Barrier(number)
        async with httpx.AsyncClient(base_url=api_url, timeout=60) as http:
            return Counter(
                await asyncio.gather(*(begun(http, all_answered) for _ in range(number)))
            )

    assert asyncio.run(burst(60)) == {(200, ""): 30, (503, "5"): 30}


def test_a_stranger_cannot_follow(http: httpx.Client, order: str) -> None:
    path = f"/v1/orders/{order}/stream"

    assert http.get(path).status_code == 401
    assert http.get(path, headers={"Authorization": "Bearer nobody"}).status_code == 404


def test_who_follows_is_sent_home_when_the_server_stops(
    settings: Settings, order: str, aside: ThreadPoolExecutor
) -> None:
    server = ExitStack()
    apps: list[FastAPI] = []
    url = server.enter_context(serving(settings, apps.append))
    assert httpx.get(f"{url}/livez").is_success  # it has started
    held = aside.submit(
        httpx.get,
        f"{url}/v1/orders/{order}",
        headers={**HELD, "If-None-Match": 'W/"v2"'},
    )
    until(lambda: apps[0].state.desk.news.waiting(order))
    with httpx.stream("GET", f"{url}/v1/orders/{order}/stream", headers=OPERATOR) as answer:
        stream = told(answer)
        first = next(stream)
        stopped = aside.submit(server.close)

        # Not cut off: a broken answer would raise.
        assert (first.id, list(stream)) == ("2", [])
    stopped.result()
    assert held.result().status_code == 304
