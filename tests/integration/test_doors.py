"""Who may go where: every operation of the API, asked by everybody."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.kinds import KINDS
from events.views import order_number
from storage import api_keys, tenants
from storage.record import Log
from storage.settings import read_from
from tests.integration.conftest import Deliver, serving
from tests.stripe_events import paid

NOBODY, STRANGER, CUSTOMER, TENANT, OTHER, AUDITOR, OPERATOR = (
    "nobody",
    "a stranger",
    "the customer",
    "the tenant",
    "another tenant",
    "the auditor",
    "the operator",
)
EVERYBODY = {NOBODY, STRANGER, CUSTOMER, TENANT, OTHER, AUDITOR, OPERATOR}
STAFF = {AUDITOR, OPERATOR}
# Whom the order belongs to, and who looks after it.
THEIRS = {CUSTOMER, TENANT} | STAFF

# Stripe's signature opens the webhooks, whoever sends it: see test_webhooks.py.
MAY = {
    "receivePayment": EVERYBODY,
    "receivePaymentOfTenant": EVERYBODY,
    "placeOrder": {TENANT, OTHER},
    "findOrders": {TENANT, OTHER} | STAFF,
    "getOrder": THEIRS,
    "getReport": THEIRS - {AUDITOR},
    "streamOrder": THEIRS,
    "retryOrder": {OPERATOR},
    "cancelOrder": {OPERATOR},
    "resendOrder": {OPERATOR},
    "correctOrder": {OPERATOR},
    "markOrderArrived": {OPERATOR},
    "eraseOrder": {OPERATOR},
    "getUsage": {TENANT, OTHER} | STAFF,
    "getOrderEvents": STAFF,
    "followEvents": STAFF,
    "listCheckpoints": STAFF,
    "getBundle": STAFF,
    "listProducts": EVERYBODY,
    "describeAnnouncements": EVERYBODY,
    "describeEvent": EVERYBODY,
    "isAlive": EVERYBODY,
    "isReady": EVERYBODY,
    "canTakePayments": EVERYBODY,
}
SHUT = {
    "credentials-missing",
    "credentials-unknown",
    "forbidden",
    "order-not-found",
    "tenants-only",
}


@pytest.fixture
def tokens(orders_log: Log, http: httpx.Client) -> dict[str, str]:
    """Everybody's token, and the ``order`` of a customer of the tenant's."""
    found = {NOBODY: "", STRANGER: "c3RyYW5nZXItMTIzNDU2Nw"}
    for who, name in ((TENANT, "acme"), (OTHER, "emca")):
        tenants.add(orders_log.engine, name, name.title())
        found[who], _ = api_keys.make(orders_log.engine, name, "test")
    body = {"product": "life_clarity", "fields": {"name": "Jenny"}, "email": "jenny@example.com"}
    headers = {"Authorization": f"Bearer {found[TENANT]}", "Idempotency-Key": "one"}
    order = http.post("/v1/orders", json=body, headers=headers).json()["id"]
    found[CUSTOMER] = orders_log.read(order).sealer.token(order)
    found[AUDITOR], found[OPERATOR] = "auditor-secret", "operator-secret"
    return {**found, "order": order}


def operations(http: httpx.Client) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, found in http.get("/openapi.json").json()["paths"].items():
        for method, operation in found.items():
            yield method, path, operation


def slug(answer: httpx.Response) -> str:
    if answer.headers.get("content-type") != "application/problem+json":
        return ""
    return str(answer.json()["type"].removeprefix("/problems/"))


def test_every_door_opens_for_whom_it_should_and_for_nobody_else(
    http: httpx.Client, tokens: dict[str, str]
) -> None:
    wrong = []
    for method, path, operation in operations(http):
        name = operation["operationId"]
        for who in EVERYBODY:
            headers = {"Authorization": f"Bearer {tokens[who]}"} if tokens[who] else {}
            where = path.format(order_id=tokens["order"], tenant="acme", event_type="order-placed")
            # A preview does nothing; a stream's first event is enough.
            query = {"dry_run": "1"} if method == "post" else {}
            with http.stream(method, where, params=query, headers=headers) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    opened = slug(answer) not in SHUT
                    assert slug(answer), (name, answer.text)
                else:
                    opened = True
            assert answer.status_code < 500 or slug(answer) == "unavailable", (name, who)
            if opened != (who in MAY[name]):
                wrong.append((name, who, answer.status_code, slug(answer)))

    assert wrong == []


def test_every_operation_has_a_stable_name_a_summary_and_an_example(http: httpx.Client) -> None:
    found = {operation["operationId"]: operation for _, _, operation in operations(http)}

    assert {*found} == {*MAY}
    for name, operation in found.items():
        assert operation["summary"], name
        assert operation["description"], name
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        assert body is None or example_in(body, http), name


def example_in(body: dict[str, Any], http: httpx.Client) -> bool:
    if "example" in body or "examples" in body:
        return True
    name = body["schema"]["$ref"].rpartition("/")[2]
    shape = http.get("/openapi.json").json()["components"]["schemas"][name]
    given = shape["properties"].values()
    return "examples" in shape or all("examples" in each for each in given)


def test_every_kind_of_problem_has_a_page(http: httpx.Client) -> None:
    for name in KINDS:
        assert http.get(f"/problems/{name}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "problem"),
    [
        ("DELETE", "/v1/orders", 405, "method-not-allowed"),
        ("PUT", "/", 405, "method-not-allowed"),
        ("GET", "/v1/nowhere", 404, "page-not-found"),
        ("GET", "/problems/nothing", 404, "page-not-found"),
        ("GET", "/v1/orders/7F3K-Q2XW", 404, "order-not-found"),
        ("GET", "/v1/orders/%00", 404, "page-not-found"),
        ("GET", "/v1/audit/bundles/%00", 404, "page-not-found"),
        ("POST", "/webhooks/stripe/%00", 404, "page-not-found"),
        ("GET", "/v1/orders?payment=cs_%00", 422, "invalid-request"),
        ("GET", "/v1/orders?tenant=%00", 422, "invalid-request"),
        ("GET", "/v1/usage?tenant=a%00b", 422, "invalid-request"),
        ("GET", "/v1/usage?%00=a", 422, "invalid-request"),
        ("GET", "/v1/orders?limit=0", 422, "invalid-request"),
        ("GET", "/v1/orders?after=nowhere", 422, "invalid-request"),
        ("GET", "/v1/orders?colour=red", 422, "invalid-request"),
        ("GET", "/v1/events?after=-1", 400, "bad-cursor"),
        ("GET", "/v1/events?after=" + "9" * 40, 400, "bad-cursor"),
        ("GET", "/v1/orders/x/events?after=two", 400, "bad-cursor"),
        ("POST", "/v1/orders", 403, "tenants-only"),
        ("TRACE", "/v1/orders", 405, "method-not-allowed"),
    ],
)
def test_bad_questions_get_a_problem_that_says_what_to_do(
    http: httpx.Client, method: str, path: str, status: int, problem: str
) -> None:
    headers = {"Authorization": "Bearer operator-secret"}

    answer = http.request(method, path, headers=headers)

    assert (answer.status_code, slug(answer)) == (status, problem)
    assert answer.json()["next"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.usefixtures("no_time_passes")
def test_one_program_that_asks_too_often_is_told_when_to_come_back(
    environment: dict[str, str], tokens: dict[str, str]
) -> None:
    few = read_from({**environment, "API_REQUESTS_PER_MINUTE": "3"})
    mine, others = ({"Authorization": f"Bearer {tokens[who]}"} for who in (TENANT, OTHER))
    with serving(few) as url:
        answers = [httpx.get(f"{url}/v1/orders", headers=mine) for _ in range(4)]
        other = httpx.get(f"{url}/v1/orders", headers=others)
        staff = [
            httpx.get(f"{url}/v1/orders", headers={"Authorization": "Bearer operator-secret"})
            for _ in range(4)
        ]

    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"requests";q=3;w=60'
    assert answers[0].headers["ratelimit"] == '"requests";r=2;t=20'
    assert answers[3].headers["ratelimit"].startswith('"requests";r=0;t=')
    assert 0 < int(answers[3].headers["retry-after"]) <= 20
    assert slug(answers[3]) == "too-many-requests"
    assert answers[3].json()["retryable"] is True
    assert other.status_code == 200
    assert {each.status_code for each in staff} == {200}


@pytest.mark.usefixtures("no_time_passes")
def test_a_cookie_opens_no_more_than_its_token_does(
    environment: dict[str, str], tokens: dict[str, str]
) -> None:
    few = read_from({**environment, "API_REQUESTS_PER_MINUTE": "3"})
    page = f"/o/{order_number(tokens['order'])}"
    with serving(few) as url, httpx.Client(base_url=url) as http:
        http.get(f"/o/{tokens[CUSTOMER]}")
        answers = [http.get(f"{page}/{what}") for what in ("progress", "report", "report")]
        one_too_many = http.get(f"{page}/stream")

    assert [each.status_code for each in answers] == [200, 404, 404]
    assert one_too_many.status_code == 429
    assert 0 < int(one_too_many.headers["retry-after"]) <= 20


@pytest.mark.usefixtures("no_time_passes")
def test_orders_cannot_be_looked_for_by_number_without_end(
    http: httpx.Client, deliver: Deliver
) -> None:
    deliver(paid())

    answers = [http.get(f"/o/ABCD-0{number:03}") for number in range(70)]

    assert [each.status_code for each in answers] == [404] * 60 + [429] * 10
    assert "Too many requests" in answers[-1].text
