"""Orders for programs: who may see them, what they are told, and when to ask again."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import psycopg
import pytest

from api.saying import order_number
from events.envelope import Cause
from events.facts import AttentionNeeded, OrderCancelled, OrderDelivered, PartsPlaced
from events.products import CATALOGUE
from storage.blobs import Blobs
from storage.record import Log
from storage.settings import Settings, read_from
from tests.examples import asked, bound, failed, placed, started, written
from tests.examples import paid as paid_nothing
from tests.integration.conftest import OPERATOR, Deliver, serving
from tests.stripe_events import paid

AUDITOR = {"Authorization": "Bearer auditor-secret"}
CHANGING = {"date", "x-request-id", "ratelimit", "ratelimit-policy"}
CAUSE = Cause(correlation="c", causation="m", actor="test")
PROBLEM = "application/problem+json"
CONTENT = b"%PDF-1.7 all of it"


@pytest.fixture
def order(deliver: Deliver) -> str:
    """An order for life_clarity, paid for."""
    found: str = deliver(paid()).json()["order"]
    return found


def add(log: Log, order: str, *events: Any) -> None:
    log.record(log.read(order), events, CAUSE)


def token(log: Log, order: str) -> str:
    return log.read(order).sealer.token(order)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def finished(order: str, orders_log: Log, settings: Settings) -> str:
    """That order, with its document whole."""
    blob = Blobs(settings.blob_url).put(CONTENT, orders_log.read(order).sealer)
    add(orders_log, order, started(), bound(blob=blob, size=len(CONTENT), pages=11))
    return order


# Who may see it.


def test_the_operator_sees_where_an_order_stands(http: httpx.Client, order: str) -> None:
    answer = http.get(f"/v1/orders/{order}", headers=OPERATOR)

    assert answer.status_code == 200
    told = answer.json()
    assert told["id"] == order
    assert told["number"] == order_number(order)
    assert told["product"] == "life_clarity"
    assert told["status"] == "queued"
    assert told["version"] == "2"
    assert told["progress"] == {
        "done": 0,
        "total": 4,
        "unit": "sections",
        "percent": 0,
        "now": [],
    }
    assert told["spent"]["cost"] == {"amount": 0, "currency": "usd", "unit": "millionths"}
    assert datetime.fromisoformat(told["placed_at"]).tzinfo is not None
    assert told["placed_at"].endswith("Z")
    assert not {"retry_at", "attention", "parts", "report"} & told.keys()


def test_progress_is_what_is_recorded(http: httpx.Client, order: str, orders_log: Log) -> None:
    add(orders_log, order, started(), asked("section-001", "section-002"), written("section-001"))

    told = http.get(f"/v1/orders/{order}", headers=OPERATOR).json()

    assert told["status"] == "writing"
    assert told["progress"]["done"] == 1
    assert told["progress"]["now"] == [CATALOGUE["life_clarity"].section("section-002").title]
    assert told["spent"] == {
        "calls": 1,
        "tokens": 1400,
        "cost": {"amount": 1280, "currency": "usd", "unit": "millionths"},
        "lost": {
            "calls": 0,
            "at_most": {"amount": 0, "currency": "usd", "unit": "millionths"},
        },
    }


def test_the_customer_sees_their_order_but_not_what_it_cost(
    http: httpx.Client, order: str, orders_log: Log
) -> None:
    answer = http.get(f"/v1/orders/{order}", headers=bearer(token(orders_log, order)))

    assert answer.status_code == 200
    assert "spent" not in answer.json()


def test_no_answer_tells_personal_data(http: httpx.Client, order: str) -> None:
    for path in ("", "/events"):
        text = http.get(f"/v1/orders/{order}{path}", headers=OPERATOR).text

        assert "Jenny" not in text
        assert "jenny.rosen" not in text
        assert "1990-05-17" not in text


@pytest.mark.parametrize("path", ["", "/report"])
def test_without_a_token_it_is_401(http: httpx.Client, order: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Basic b3A6b3A="}, {"Authorization": "Bearer"}):
        answer = http.get(f"/v1/orders/{order}{path}", headers=headers)

        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize("path", ["", "/report"])
def test_foreign_and_missing_orders_look_the_same(
    http: httpx.Client, order: str, deliver: Deliver, orders_log: Log, path: str
) -> None:
    other = paid()
    other["data"]["object"]["id"] = "cs_test_other"
    foreign = deliver(other).json()["order"]
    mine = bearer(token(orders_log, order))
    missing = "0b9d1c52-6a1e-5c3f-9a55-1f0a4a3f7c11"

    answers = [
        http.get(f"/v1/orders/{which}{path}", headers=headers)
        for which, headers in (
            (foreign, mine),
            (missing, mine),
            ("not-an-id", mine),
            (order, bearer("nobody's")),
            (missing, OPERATOR),
        )
    ]

    def without_id(answer: httpx.Response) -> dict[str, Any]:
        return {name: value for name, value in answer.json().items() if name != "request_id"}

    def shown(answer: httpx.Response) -> dict[str, str]:
        told = answer.headers.items()
        return {name: value for name, value in told if name not in CHANGING}

    assert {answer.status_code for answer in answers} == {404}
    assert all(without_id(answer) == without_id(answers[0]) for answer in answers)
    assert all(shown(answer) == shown(answers[0]) for answer in answers)


def test_a_bundle_opens_its_parts(http: httpx.Client, deliver: Deliver, orders_log: Log) -> None:
    bundle = deliver(paid("bundle", 19900, name="A", birth_date="1990-05-17")).json()["order"]
    history = orders_log.read(bundle)
    part = "5f0f4a4e-1111-5111-8111-0123456789ab"
    child = orders_log.begin(part, history.sealer.subject)
    subject = str(history.sealer.subject)
    first = placed(subject=subject, parent=bundle, parent_product="bundle", session="", intent="")
    orders_log.record(child, [first, paid_nothing()], CAUSE)
    add(orders_log, bundle, started(), PartsPlaced(parts={"life_clarity": part}))
    mine = bearer(token(orders_log, bundle))

    told = http.get(f"/v1/orders/{bundle}", headers=mine).json()

    url = f"/v1/orders/{part}"
    assert told["parts"] == [{"product": "life_clarity", "order": part, "url": url}]
    assert http.get(url, headers=mine).status_code == 200
    assert (
        http.get(f"/v1/orders/{bundle}/report", headers=mine).json()["type"]
        == "/problems/report-in-parts"
    )


# When to ask again.


def test_nothing_new_is_not_sent_again(http: httpx.Client, order: str, orders_log: Log) -> None:
    url = f"/v1/orders/{order}"
    first = http.get(url, headers=OPERATOR)
    known = {**OPERATOR, "If-None-Match": first.headers["etag"]}

    same = http.get(url, headers=known)
    add(orders_log, order, started())
    moved = http.get(url, headers=known)

    assert first.headers["etag"] == 'W/"v2"'
    assert first.headers["cache-control"] == "private, no-cache"
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["etag"] == first.headers["etag"]
    assert same.headers["retry-after"]
    assert (moved.status_code, moved.headers["etag"]) == (200, 'W/"v3"')


def test_a_short_product_may_be_asked_for_every_second(http: httpx.Client, order: str) -> None:
    assert http.get(f"/v1/orders/{order}", headers=OPERATOR).headers["retry-after"] == "1"


def test_a_long_product_says_how_long_to_wait(http: httpx.Client, deliver: Deliver) -> None:
    event = paid("personal_blueprint", CATALOGUE["personal_blueprint"].prices[0].amount)
    order = deliver(event).json()["order"]

    wait = int(http.get(f"/v1/orders/{order}", headers=OPERATOR).headers["retry-after"])

    assert 2 <= wait <= 60


def test_a_settled_order_needs_not_be_asked_for_again(
    http: httpx.Client, order: str, orders_log: Log
) -> None:
    add(orders_log, order, OrderDelivered(by="mail"))

    answer = http.get(f"/v1/orders/{order}", headers=OPERATOR)

    assert answer.json()["status"] == "delivered"
    assert answer.json()["progress"]["percent"] == 100
    assert "retry-after" not in answer.headers


def test_a_retry_says_when(http: httpx.Client, order: str, orders_log: Log) -> None:
    began = datetime.now(UTC)
    due = (began + timedelta(seconds=20)).isoformat()
    add(orders_log, order, started(), failed(retry_at=due))

    answer = http.get(f"/v1/orders/{order}", headers=OPERATOR)
    seconds = (datetime.now(UTC) - began).total_seconds()

    assert answer.json()["status"] == "retrying"
    assert answer.json()["retry_at"] == due
    assert max(1, 19 - seconds) <= int(answer.headers["retry-after"]) <= 20


def test_attention_says_why_and_what_to_do(http: httpx.Client, order: str, orders_log: Log) -> None:
    trouble = AttentionNeeded(reason="budget", attempt=1, detail="Too dear.", advice="Look.")
    add(orders_log, order, started(), trouble)

    told = http.get(f"/v1/orders/{order}", headers=OPERATOR).json()

    assert told["status"] == "attention"
    assert told["attention"] == {"reason": "budget", "detail": "Too dear.", "advice": "Look."}


# Finding it.


def test_an_order_is_found_by_its_payment(http: httpx.Client, order: str) -> None:
    session = paid()["data"]["object"]["id"]

    found = http.get("/v1/orders", params={"payment": session}, headers=AUDITOR)
    nothing = http.get("/v1/orders", params={"payment": "cs_test_no"}, headers=AUDITOR)

    assert [each["id"] for each in found.json()["data"]] == [order]
    assert nothing.json() == {"data": []}


def test_only_staff_may_look_for_orders(http: httpx.Client, order: str, orders_log: Log) -> None:
    for path in ("/v1/orders?payment=cs_test_1", f"/v1/orders/{order}/events"):
        assert http.get(path).status_code == 401
        assert http.get(path, headers=bearer(token(orders_log, order))).status_code == 403


# The report.


def test_the_report_is_sent_with_its_digest(
    http: httpx.Client, finished: str, orders_log: Log
) -> None:
    answer = http.get(f"/v1/orders/{finished}/report", headers=bearer(token(orders_log, finished)))

    digest = hashlib.sha256(CONTENT)
    assert answer.content == CONTENT
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="life-clarity.pdf"'
    assert answer.headers["etag"] == f'"{digest.hexdigest()}"'
    encoded = base64.b64encode(digest.digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{encoded}:"
    told = http.get(f"/v1/orders/{finished}", headers=OPERATOR).json()
    assert told["report"] == {
        "filename": "life-clarity.pdf",
        "pages": 11,
        "size": len(CONTENT),
        "url": f"/v1/orders/{finished}/report",
    }


def test_a_report_known_already_is_not_sent_again(http: httpx.Client, finished: str) -> None:
    url = f"/v1/orders/{finished}/report"
    etag = http.get(url, headers=OPERATOR).headers["etag"]

    assert http.get(url, headers={**OPERATOR, "If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(
    ("asked_for", "status", "expected"),
    [
        ("bytes=0-4", 206, CONTENT[:5]),
        ("bytes=5-", 206, CONTENT[5:]),
        ("bytes=-3", 206, CONTENT[-3:]),
        ("bytes=0-9999", 206, CONTENT),
        ("bytes=-9999", 206, CONTENT),
        ("bytes=0-1,3-4", 200, CONTENT),
        ("pages=1-2", 200, CONTENT),
        ("bytes=-", 200, CONTENT),
        ("bytes=5-2", 200, CONTENT),
        ("bytes=" + "9" * 5000 + "-", 200, CONTENT),
    ],
)
def test_a_download_can_be_resumed(
    http: httpx.Client, finished: str, asked_for: str, status: int, expected: bytes
) -> None:
    headers = {**OPERATOR, "Range": asked_for}

    answer = http.get(f"/v1/orders/{finished}/report", headers=headers)

    assert (answer.status_code, answer.content) == (status, expected)


def test_bytes_that_are_not_there_are_416(http: httpx.Client, finished: str) -> None:
    url = f"/v1/orders/{finished}/report"

    for asked_for in ("bytes=999-", "bytes=-0"):
        answer = http.get(url, headers={**OPERATOR, "Range": asked_for})

        assert answer.status_code == 416
        assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


def test_a_report_that_is_not_ready_says_when_to_ask_again(http: httpx.Client, order: str) -> None:
    answer = http.get(f"/v1/orders/{order}/report", headers=OPERATOR)

    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/report-not-ready"
    assert answer.json()["retryable"] is True
    assert answer.headers["retry-after"] == "1"


def test_a_cancelled_order_has_no_report(
    http: httpx.Client, finished: str, orders_log: Log
) -> None:
    add(orders_log, finished, OrderCancelled(reason="refunded"))

    answer = http.get(f"/v1/orders/{finished}/report", headers=OPERATOR)

    assert answer.json()["type"] == "/problems/report-missing"
    assert "report" not in http.get(f"/v1/orders/{finished}", headers=OPERATOR).json()


def test_whoever_was_erased_is_gone(http: httpx.Client, finished: str, settings: Settings) -> None:
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute(
            "update ledgerpress.subjects set wrapped = null, erased_at = clock_timestamp()"
        )

    answer = http.get(f"/v1/orders/{finished}/report", headers=OPERATOR)

    assert answer.status_code == 410
    assert answer.json()["type"] == "/problems/erased"


# Its history.


def test_the_history_is_complete_and_without_personal_fields(
    http: httpx.Client, order: str, orders_log: Log
) -> None:
    add(orders_log, order, started(), written("section-001"))

    told = http.get(f"/v1/orders/{order}/events", headers=AUDITOR).json()["data"]

    assert [each["type"] for each in told] == [
        "order-placed",
        "payment-received",
        "attempt-started",
        "section-written",
    ]
    assert [each["version"] for each in told] == ["1", "2", "3", "4"]
    assert told[0]["data"]["product"] == "life_clarity"
    assert not {"email", "fields", "sealed"} & told[0]["data"].keys()
    assert "text" not in told[3]["data"]
    assert told[3]["data"]["tokens"] == {"prompt": 800, "completion": 600}
    assert all(later["previous"] == earlier["hash"] for earlier, later in pairwise(told))


# The rest of the house.


def test_the_catalogue_is_told_once(http: httpx.Client) -> None:
    first = http.get("/v1/products")
    again = http.get("/v1/products", headers={"If-None-Match": first.headers["etag"]})

    told = {each["name"]: each for each in first.json()["data"]}
    assert told.keys() == CATALOGUE.keys()
    assert told["life_clarity"]["promise"] == 20.0
    assert {"amount": 4900, "currency": "usd"} in told["life_clarity"]["prices"]
    assert told["life_clarity"]["fields"][0]["required"] is True
    assert told["bundle"]["parts"]
    assert again.status_code == 304


def test_a_sane_request_id_is_kept_and_any_other_replaced(http: httpx.Client) -> None:
    kept = http.get("/livez", headers={"X-Request-Id": "abc-123"})
    made = [
        http.get("/livez", headers={"X-Request-Id": bad})
        for bad in ("", "a b", "<script>", "x" * 129, '{"a":1}')
    ]

    assert kept.headers["x-request-id"] == "abc-123"
    assert all(len(each.headers["x-request-id"]) == 36 for each in made)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("DELETE", "/v1/products", 405),
        ("GET", "/webhooks/stripe", 405),
        ("GET", "/v1/orders/x", 401),
        ("GET", "/checkout/return", 404),
        ("GET", "/checkout/return?session_id=../etc", 404),
    ],
)
def test_every_error_is_a_problem_with_its_request_id(
    http: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = http.request(method, path)

    told = answer.json()
    assert answer.status_code == told["status"] == status
    assert answer.headers["content-type"] == PROBLEM
    assert told["request_id"] == answer.headers["x-request-id"]
    assert {"type", "title", "retryable", "next", "errors"} <= told.keys()
    assert http.get(told["type"]).status_code == 200


def test_a_broken_house_shows_nothing_of_its_insides(
    environment: dict[str, str], database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("alter table ledgerpress.orders rename to canary_orders")
    with serving(read_from(environment)) as url:
        answer = httpx.get(f"{url}/v1/orders?payment=cs_canary", headers=OPERATOR)

    shown = "".join(capfd.readouterr())
    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/internal"
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert "canary" not in answer.text
    assert "request failed" in shown
    assert "cs_canary" not in shown


def test_it_is_ready_when_the_schema_is_the_newest(http: httpx.Client, settings: Settings) -> None:
    ready = http.get("/readyz")
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute("update ledgerpress.alembic_version set version_num = '0000'")
    old = http.get("/readyz")

    assert (ready.status_code, ready.json()) == (200, {"database": "ok", "broker": "ok"})
    assert old.status_code == 503
    assert "schema-out-of-date" in old.json()["detail"]


def test_without_the_broker_it_is_ready_all_the_same(environment: dict[str, str]) -> None:
    alone = {**environment, "RABBITMQ_URL": "amqp://guest:guest@127.0.0.1:9/"}
    with serving(read_from(alone)) as url:
        answer = httpx.get(f"{url}/readyz")

    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "broker": "away"})


def test_without_postgres_it_is_alive_but_not_ready(environment: dict[str, str]) -> None:
    alone = {**environment, "DATABASE_URL": "postgresql://a:b@127.0.0.1:9/c"}
    with serving(read_from(alone)) as url:
        assert httpx.get(f"{url}/livez").json() == {"alive": True}
        assert httpx.get(f"{url}/readyz").status_code == 503


def test_every_operation_is_described_once(http: httpx.Client) -> None:
    described = http.get("/openapi.json").json()

    operations = [each for path in described["paths"].values() for each in path.values()]
    names = [each["operationId"] for each in operations]
    assert len(set(names)) == len(names)
    assert {"receivePayment", "getOrder", "getReport", "getOrderEvents", "listProducts"} <= {*names}
    assert all(each["summary"] and each["responses"]["default"] for each in operations)
    docs = http.get("/docs").text
    assert all(path in docs for path in described["paths"])


def test_every_problem_that_is_foreseen_is_described_with_its_body(http: httpx.Client) -> None:
    described = http.get("/openapi.json").json()["paths"]

    found = {
        (operation["operationId"], status): [*answer.get("content", {})]
        for path in described.values()
        for operation in path.values()
        for status, answer in operation["responses"].items()
        if status[0] in "45d"
    }

    assert ("getReport", "403") in found
    assert {each for each, kinds in found.items() if kinds != [PROBLEM]} == set()
