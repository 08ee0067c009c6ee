"""An order at any moment, for programs: what it was then, and what to do about a moment that never was."""

from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from events.envelope import Cause
from events.facts import OrderDelivered
from events.products import CATALOGUE
from storage import readings
from storage.record import Log
from tests.examples import asked, bound, started, written
from tests.integration.conftest import OPERATOR, Deliver
from tests.integration.test_orders_api import AUDITOR, PROBLEM, bearer, token
from tests.stripe_events import paid

CAUSE = Cause(correlation="c", causation="m", actor="test")


@pytest.fixture
def order(deliver: Deliver, orders_log: Log) -> str:
    """An order with nine events: placed and paid for, written in one attempt, delivered."""
    found: str = deliver(paid()).json()["order"]
    for events in (
        [started(), asked("section-001", "section-002")],
        [written("section-001", text="canary")],
        [written("section-002"), written("section-003"), bound()],
        [OrderDelivered(by="mail")],
    ):
        orders_log.record(orders_log.read(found), events, CAUSE)
    return found


def told(http: httpx.Client, order: str, at: object, **given: Any) -> httpx.Response:
    return http.get(f"/v1/orders/{order}", params={"at": str(at)}, headers=OPERATOR, **given)


def test_an_order_is_told_as_it_was_at_a_version(http: httpx.Client, order: str) -> None:
    then, now = told(http, order, 5), told(http, order, 9)

    assert (then.json()["status"], then.json()["version"]) == ("writing", "5")
    assert then.json()["progress"]["done"] == 1
    assert then.json()["progress"]["now"] == [
        CATALOGUE["life_clarity"].section("section-002").title
    ]
    assert "report" not in then.json()
    assert now.json() == http.get(f"/v1/orders/{order}", headers=OPERATOR).json()


def test_staff_who_open_an_orders_past_are_noted_and_its_tenant_is_not(
    http: httpx.Client, order: str, orders_log: Log
) -> None:
    etag = told(http, order, 5).headers["etag"]
    http.get(f"/v1/orders/{order}/events", headers=AUDITOR)
    unseen = [
        told(http, order, 99),
        http.get(f"/v1/orders/{order}?at=5", headers={**OPERATOR, "If-None-Match": etag}),
        http.get(f"/v1/orders/{order}", headers=AUDITOR),
    ]
    token = orders_log.read(order).sealer.token(order)
    own = http.get(f"/v1/orders/{order}?at=5", headers={"Authorization": f"Bearer {token}"})

    looks = readings.of_order(orders_log.engine, order)
    assert ([each.status_code for each in unseen], own.status_code) == ([404, 304, 200], 200)
    assert [(each.who, each.what, each.version) for each in looks] == [
        ("operator", "memento", 5),
        ("auditor", "events", 9),
    ]


def test_an_event_and_its_time_name_the_same_version(http: httpx.Client, order: str) -> None:
    events = http.get(f"/v1/orders/{order}/events", headers=OPERATOR).json()["data"]

    by_id = told(http, order, events[4]["id"])
    by_time = told(http, order, events[4]["time"])

    assert by_id.json() == by_time.json() == told(http, order, 5).json()
    assert by_id.json()["updated_at"] == events[4]["time"]


def test_a_memento_says_when_it_was_and_where_its_neighbours_are(
    http: httpx.Client, order: str
) -> None:
    answer = told(http, order, 5)

    here = f"/v1/orders/{order}"
    assert parsedate_to_datetime(answer.headers["Memento-Datetime"]).tzinfo is not None
    assert answer.links["original"]["url"] == here
    assert answer.links["prev memento"]["url"] == f"{here}?at=4"
    assert answer.links["next memento"]["url"] == f"{here}?at=6"
    assert answer.links["last memento"]["url"] == f"{here}?at=9"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Retry-After" not in answer.headers
    assert "prev memento" not in told(http, order, 1).links
    assert "next memento" not in told(http, order, 9).links


def test_what_the_asker_has_is_not_sent_again(http: httpx.Client, order: str) -> None:
    etag = told(http, order, 5).headers["ETag"]
    known = {**OPERATOR, "If-None-Match": etag}

    same = http.get(f"/v1/orders/{order}?at=5", headers=known)
    other = http.get(f"/v1/orders/{order}?at=6", headers=known)
    now = http.get(f"/v1/orders/{order}", headers={**OPERATOR, "If-None-Match": 'W/"v9"'})

    assert (same.status_code, other.status_code, now.status_code) == (304, 200, 304)
    assert same.headers["Memento-Datetime"]


@pytest.mark.parametrize(
    ("at", "status", "slug"),
    [
        ("yesterday", 400, "bad-at"),
        ("", 400, "bad-at"),
        ("0", 400, "bad-at"),
        ("2026-11-21T09:00:00", 400, "bad-at"),
        ("10", 404, "version-not-reached"),
        ("999999999", 404, "version-not-reached"),
        ("2001-01-01T00:00:00Z", 404, "before-first-event"),
        ("0b4bd1a6-54f1-5cc4-9df1-6a3d9b9f3c11", 404, "event-not-found"),
        ("x" * 65, 422, "invalid-request"),
    ],
)
def test_a_moment_that_is_none_is_a_problem_with_what_to_do(
    at: str, status: int, slug: str, http: httpx.Client, order: str
) -> None:
    answer = told(http, order, at)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM)
    assert answer.json()["type"] == f"/problems/{slug}"
    assert answer.json()["next"]
    assert http.get(f"/problems/{slug}").status_code == 200


def test_who_may_see_the_order_may_see_it_then_and_nobody_else(
    http: httpx.Client, order: str, orders_log: Log
) -> None:
    path = f"/v1/orders/{order}?at=5"

    assert "spent" in http.get(path, headers=AUDITOR).json()
    assert "spent" not in http.get(path, headers=bearer(token(orders_log, order))).json()
    assert http.get(path, headers=bearer("stranger")).status_code == 404
    assert http.get(path).status_code == 401


def test_no_answer_about_the_past_tells_personal_data(http: httpx.Client, order: str) -> None:
    for version in range(1, 10):
        text = told(http, order, version).text
        for personal in ("Jenny", "jenny.rosen", "1990-05-17", "canary"):
            assert personal not in text
