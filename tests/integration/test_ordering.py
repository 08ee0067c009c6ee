"""Orders by tenants' programs: one for each key, refused with what is wrong, and nobody else's to see."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import httpx
import psycopg
import pytest

from api.bodies import LARGEST_BYTES
from events.envelope import Cause
from events.facts import CallFailed, OrderCorrected, OrderDelivered
from events.money import Tokens
from events.request import order_id
from storage import api_keys, tenants
from storage.blobs import Blobs
from storage.record import Log
from storage.settings import Settings, read_from
from tests.examples import asked, bound, started, written
from tests.integration.conftest import OPERATOR, serving
from tests.projecting import feed_all

AUDITOR = {"Authorization": "Bearer auditor-secret"}
CHANGING = {"date", "x-request-id", "ratelimit", "ratelimit-policy"}
CAUSE = Cause(correlation="c", causation="m", actor="test")
TEXT = {"text": "Canary says that notice is ninety days."}
ANALYSIS = {"product": "document_analysis", "fields": TEXT}
CLARITY = {
    "product": "life_clarity",
    "fields": {"name": "Canary Rosen", "birth_date": "1990-05-17", "question": "What now?"},
    "email": "canary@example.com",
}
LOST = CallFailed(
    section="section-002",
    attempt=1,
    model="gpt-4.1-mini",
    reason="timeout",
    tokens=Tokens(0, 0),
    cost=0,
    lost=1,
)
FOREIGN = "0b9d1c52-6a1e-5c3f-9a55-1f0a4a3f7c11"


@dataclass(frozen=True)
class Program:
    """A tenant's program with its key."""

    http: httpx.Client
    tenant: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def order(self, wanted: dict[str, Any] = ANALYSIS, key: str = "k-1") -> httpx.Response:
        headers = {**self.headers, "Idempotency-Key": key}
        return self.http.post("/v1/orders", json=wanted, headers=headers)

    def post(self, content: bytes, **headers: str) -> httpx.Response:
        given = {"Idempotency-Key": "k-1", "Content-Type": "application/json"}
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(
            "/v1/orders", content=content, headers={**self.headers, **given, **shown}
        )

    def get(self, path: str, **headers: str) -> httpx.Response:
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.get(path, headers={**self.headers, **shown})


def program(http: httpx.Client, log: Log, tenant: str) -> Program:
    tenants.add(log.engine, tenant, tenant.title())
    return Program(http, tenant, api_keys.make(log.engine, tenant, "test")[0])


@pytest.fixture
def acme(http: httpx.Client, orders_log: Log) -> Program:
    return program(http, orders_log, "acme")


@pytest.fixture
def zebra(http: httpx.Client, orders_log: Log) -> Program:
    return program(http, orders_log, "zebra")


def add(log: Log, order: str, *events: Any) -> None:
    log.record(log.read(order), events, CAUSE)


def counted(settings: Settings) -> int:
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        row = connection.execute("select count(*) from ledgerpress.orders").fetchone()
    assert row is not None
    return int(row[0])


# One order for each key.


def test_an_order_is_placed_and_nothing_is_due(acme: Program, orders_log: Log) -> None:
    answer = acme.order(CLARITY)

    assert answer.status_code == 202
    told = answer.json()
    assert told["id"] == order_id("acme", "k-1")
    assert told["status"] == "queued"
    assert answer.headers["location"] == f"/v1/orders/{told['id']}"
    assert int(answer.headers["retry-after"]) > 0
    assert "idempotent-replayed" not in answer.headers
    order = orders_log.read(told["id"]).order
    assert order.placed is not None
    assert order.paid is not None
    assert order.workable
    assert (order.placed.tenant, order.placed.email) == ("acme", "canary@example.com")
    assert order.placed.fields == CLARITY["fields"]
    assert (order.paid.amount, order.paid.currency) == (0, "usd")
    assert orders_log.recorded(told["id"])[0].cause.actor == "tenant:acme"


def test_the_same_key_means_the_same_order(
    acme: Program, orders_log: Log, settings: Settings
) -> None:
    first = acme.order(CLARITY)
    order = first.json()["id"]
    add(orders_log, order, OrderCorrected(number=1, email="other@example.com"))

    again = acme.order(CLARITY)

    assert again.status_code == 202
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert again.json()["id"] == order
    assert again.json()["version"] == "3"
    assert counted(settings) == 1


@pytest.mark.parametrize(
    "other",
    [
        {**CLARITY, "email": "someone@example.com"},
        {**CLARITY, "fields": {**CLARITY["fields"], "question": "Which way?"}},  # type: ignore[dict-item]
        ANALYSIS,
    ],
)
def test_a_key_orders_one_thing(acme: Program, settings: Settings, other: dict[str, Any]) -> None:
    acme.order(CLARITY)

    answer = acme.order(other)

    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/key-reused"
    assert answer.json()["retryable"] is False
    assert counted(settings) == 1


def test_two_tenants_may_use_the_same_key(acme: Program, zebra: Program) -> None:
    assert acme.order().json()["id"] != zebra.order().json()["id"]


def test_of_twenty_at_once_one_places_the_order(acme: Program, settings: Settings) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: acme.order(CLARITY), range(20)))

    assert {each.status_code for each in answers} == {202}
    assert len({each.json()["id"] for each in answers}) == 1
    assert sum("idempotent-replayed" not in each.headers for each in answers) == 1
    assert counted(settings) == 1


def test_of_twenty_different_ones_at_once_one_is_placed(acme: Program, settings: Settings) -> None:
    def one(number: int) -> httpx.Response:
        return acme.order({**ANALYSIS, "fields": {"text": f"Text {number}."}})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(one, range(20)))

    assert sorted(each.status_code for each in answers) == [202, *[409] * 19]
    assert counted(settings) == 1


def test_an_erased_order_is_not_told_again(acme: Program, settings: Settings) -> None:
    acme.order()
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute("update ledgerpress.subjects set wrapped = null, erased_at = now()")

    assert acme.order().status_code == 410


# What is refused.

FAULTS: list[tuple[dict[str, Any], set[str]]] = [
    ({"product": "nonsense"}, {"/product"}),
    ({"fields": TEXT}, {"/product"}),
    ({"product": 7, "fields": []}, {"/product", "/fields"}),
    ({"product": "document_analysis"}, {"/fields/text"}),
    ({"product": "document_analysis", "fields": {"text": " "}}, {"/fields/text"}),
    ({"product": "document_analysis", "fields": {"text": "x" * 60_001}}, {"/fields/text"}),
    ({"product": "document_analysis", "fields": {"text": "a\0b"}}, {"/fields/text"}),
    ({"product": "document_analysis", "fields": {"text": 1}}, {"/fields/text"}),
    ({**ANALYSIS, "fields": {**TEXT, "a/b~": "x"}}, {"/fields/a~1b~0"}),
    ({**ANALYSIS, "fields": {**TEXT, "canary" * 20: "x"}}, {"/fields"}),
    ({**ANALYSIS, "email": "canary@"}, {"/email"}),
    ({**ANALYSIS, "colour": "red"}, {"/colour"}),
    ({**CLARITY, "email": ""}, {"/email"}),
    (
        {"product": "life_clarity", "fields": {"birth_date": "17.5.1990"}},
        {"/fields/name", "/fields/birth_date", "/email"},
    ),
]


@pytest.mark.parametrize(("wanted", "pointers"), FAULTS, ids=lambda each: str(sorted(each))[:40])
def test_every_fault_is_named(
    acme: Program, settings: Settings, wanted: dict[str, Any], pointers: set[str]
) -> None:
    answer = acme.order(wanted)

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/invalid-request"
    assert {each["pointer"] for each in answer.json()["errors"]} == pointers
    assert all(each["message"] for each in answer.json()["errors"])
    assert "anary" not in answer.text
    assert counted(settings) == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"7", b"{", b"\xff", b'{"product": "\\ud800"}', b"\xef\xbb\xbf{}", b"[" * 9000],
)
def test_what_is_no_json_object_is_refused(acme: Program, content: bytes) -> None:
    answer = acme.post(content)

    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-body")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "json"])
def test_what_does_not_say_that_it_is_json_is_refused(acme: Program, kind: str) -> None:
    answer = acme.post(json.dumps(ANALYSIS).encode(), Content_Type=kind)

    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/not-json")


def test_more_than_a_megabyte_is_refused(acme: Program) -> None:
    assert acme.post(b" " * (LARGEST_BYTES + 1)).status_code == 413


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ä"])
def test_an_order_needs_a_visible_key(acme: Program, key: str) -> None:
    answer = acme.http.post(
        "/v1/orders",
        json=ANALYSIS,
        headers=[
            (b"Authorization", f"Bearer {acme.key}".encode()),
            (b"Idempotency-Key", key.encode("latin-1")),
        ],
    )

    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/idempotency-key-missing"
    assert acme.http.post("/v1/orders", json=ANALYSIS, headers=acme.headers).status_code == 400


def test_the_longest_key_is_good(acme: Program) -> None:
    assert acme.order(key="~" * 255).status_code == 202


def test_only_a_tenants_program_orders(acme: Program, orders_log: Log) -> None:
    first = acme.order().json()["id"]
    customer = orders_log.read(first).sealer.token(first)

    def status(authorization: str | None) -> tuple[int, str]:
        given = {"Authorization": authorization} if authorization else {}
        headers = {**given, "Idempotency-Key": "k-2"}
        answer = acme.http.post("/v1/orders", json=ANALYSIS, headers=headers)
        assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)
        return answer.status_code, answer.json()["type"].rpartition("/")[2]

    assert status(None) == (401, "credentials-missing")
    assert status("Basic b3A6b3A=") == (401, "credentials-missing")
    assert status(f"Bearer {customer}") == (401, "credentials-unknown")
    assert status(f"Bearer {acme.key[:-1]}x") == (401, "credentials-unknown")
    assert status("Bearer operator-secret") == (403, "tenants-only")
    assert status("Bearer auditor-secret") == (403, "tenants-only")


def test_a_revoked_key_opens_nothing_from_then_on(acme: Program, orders_log: Log) -> None:
    order = acme.order().headers["location"]
    (known,) = api_keys.listed(orders_log.engine, "acme")
    assert acme.get(order).status_code == 200

    api_keys.revoke(orders_log.engine, "acme", known.name)

    assert acme.get(order).status_code == 401
    assert acme.order(key="k-2").status_code == 401
    assert acme.get("/v1/usage").status_code == 401


def test_when_the_months_budget_is_used_up_nothing_more_is_ordered(
    orders_log: Log, settings: Settings
) -> None:
    tenants.add(orders_log.engine, "acme", "Acme", tenants.Limits(month_budget=30_000))
    key, _ = api_keys.make(orders_log.engine, "acme", "test")
    with serving(settings) as url, httpx.Client(base_url=url, timeout=20) as http:
        acme = Program(http, "acme", key)
        order = acme.order().json()["id"]
        add(orders_log, order, started(), asked("section-001"))
        assert acme.order(key="k-2").status_code == 202
        second = order_id("acme", "k-2")
        add(orders_log, second, started(), asked("section-001"))

        answer = acme.order(key="k-3")

        assert answer.status_code == 429
        assert answer.json()["type"] == "/problems/budget-used-up"
        assert 0 < int(answer.headers["retry-after"]) <= 31 * 86400 + 1
        assert acme.order(key="k-2").headers["idempotent-replayed"] == "true"
        assert counted(settings) == 2


def test_while_postgres_is_away_the_program_is_asked_to_come_back(
    acme: Program, environment: dict[str, str]
) -> None:
    away = {**environment, "DATABASE_URL": "postgresql://ledgerpress:x@127.0.0.1:9/nowhere"}
    with serving(read_from(away)) as url, httpx.Client(base_url=url, timeout=20) as http:
        answer = Program(http, "acme", acme.key).order()

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["retryable"] is True


def test_no_line_of_the_log_repeats_a_key_or_a_person(
    acme: Program, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    acme.order(CLARITY, key="canary-key")
    acme.order({**CLARITY, "fields": {"canary": "Canary"}}, key="canary-2")
    acme.post(b'{"product": "canary"', Content_Type="application/json")

    shown = "".join(capfd.readouterr()) + caplog.text
    assert "order-placed" in shown
    assert "anary" not in shown
    assert acme.key[-43:] not in shown


# Whose orders are seen.


@pytest.fixture
def finished(acme: Program, orders_log: Log, settings: Settings) -> str:
    """An analysis, delivered."""
    order: str = acme.order().json()["id"]
    content = json.dumps({"markdown": "# Analysis\n\nNinety dáys.", "sections": {}}).encode()
    blob = Blobs(settings.blob_url).put(content, orders_log.read(order).sealer)
    whole = bound(
        blob=blob,
        size=len(content),
        pages=0,
        filename="document-analysis.json",
        media_type="application/json",
    )
    add(orders_log, order, started(), whole, OrderDelivered(by="api"))
    return order


def test_a_program_sees_its_tenants_order_and_what_it_cost(acme: Program) -> None:
    answer = acme.get(acme.order().headers["location"])

    assert answer.status_code == 200
    assert answer.json()["spent"]["cost"]["amount"] == 0
    assert acme.get(answer.url.path, If_None_Match=answer.headers["etag"]).status_code == 304


@pytest.mark.parametrize("path", ["", "/report"])
def test_another_tenants_order_looks_like_a_missing_one(
    acme: Program, zebra: Program, finished: str, path: str
) -> None:
    answers = [zebra.get(f"/v1/orders/{order}{path}") for order in (finished, FOREIGN, "no-id")]

    def shown(answer: httpx.Response) -> tuple[Any, ...]:
        body = {name: value for name, value in answer.json().items() if name != "request_id"}
        headers = {name: value for name, value in answer.headers.items() if name not in CHANGING}
        return body, headers

    assert {each.status_code for each in answers} == {404}
    assert all(shown(each) == shown(answers[0]) for each in answers)
    assert acme.get(f"/v1/orders/{finished}{path}").status_code == 200


def test_a_program_does_not_read_the_history(acme: Program, finished: str) -> None:
    assert acme.get(f"/v1/orders/{finished}/events").status_code == 403


def test_a_report_is_had_as_json_and_as_markdown(acme: Program, finished: str) -> None:
    url = f"/v1/orders/{finished}/report"
    plain = acme.get(url)
    told = acme.get(url, Accept="text/markdown, application/json;q=0.5")

    assert plain.headers["content-type"] == "application/json"
    assert plain.json()["markdown"] == told.text == "# Analysis\n\nNinety dáys."
    assert told.headers["content-type"] == "text/markdown; charset=utf-8"
    assert told.headers["content-disposition"] == 'attachment; filename="document-analysis.md"'
    assert told.headers["etag"] != plain.headers["etag"]
    assert told.headers["repr-digest"] != plain.headers["repr-digest"]
    assert "Accept" in told.headers["vary"]
    assert plain.headers["vary"] == told.headers["vary"]
    again = acme.get(url, Accept="text/markdown", If_None_Match=told.headers["etag"])
    assert again.status_code == 304


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/json, text/markdown;q=0.9", "text/markdown;q=0"]
)  # fmt: skip
def test_json_is_what_there_is_unless_markdown_is_preferred(
    acme: Program, finished: str, accept: str
) -> None:
    answer = acme.get(f"/v1/orders/{finished}/report", Accept=accept)

    assert answer.headers["content-type"] == "application/json"


# Lists.


def pages(http: httpx.Client, headers: dict[str, str], first: str) -> Iterator[list[str]]:
    """The ids on each page, by following Link."""
    url: str | None = first
    while url:
        answer = http.get(url, headers=headers)
        assert answer.status_code == 200, answer.text
        yield [each["id"] for each in answer.json()["data"]]
        url = answer.links.get("next", {}).get("url")


def test_a_list_is_paged_newest_first(acme: Program, zebra: Program) -> None:
    mine = [acme.order(key=f"k-{number}").json()["id"] for number in range(5)]
    theirs = [zebra.order().json()["id"]]
    newest = mine[::-1]

    assert list(pages(acme.http, acme.headers, "/v1/orders?limit=2")) == [
        newest[:2],
        newest[2:4],
        newest[4:],
    ]
    assert list(pages(acme.http, acme.headers, "/v1/orders")) == [newest]
    assert list(pages(acme.http, zebra.headers, "/v1/orders?limit=2")) == [theirs]
    for staff in (OPERATOR, AUDITOR):
        assert list(pages(acme.http, staff, "/v1/orders")) == [theirs + newest]
        assert list(pages(acme.http, staff, "/v1/orders?limit=1&tenant=zebra")) == [theirs]
        every = chain.from_iterable(pages(acme.http, staff, "/v1/orders?limit=4"))
        assert [*every] == theirs + newest


def test_orders_placed_meanwhile_do_not_disturb_the_pages(acme: Program) -> None:
    before = [acme.order(key=f"k-{number}").json()["id"] for number in range(4)]
    following = pages(acme.http, acme.headers, "/v1/orders?limit=2")
    first = next(following)

    acme.order(key="later")

    assert [*first, *chain.from_iterable(following)] == before[::-1]


def test_a_list_is_of_one_state(acme: Program, finished: str) -> None:
    queued = acme.order(key="k-2").json()["id"]

    def ids(status: str) -> list[list[str]]:
        return list(pages(acme.http, acme.headers, f"/v1/orders?limit=1&status={status}"))

    assert ids("queued") == [[queued]]
    assert ids("delivered") == [[finished]]
    assert ids("cancelled") == [[]]


@pytest.mark.parametrize(
    "query",
    ["status=lost", "limit=0", "limit=101", "after=x", "after=" + "A" * 28, "after=____", "colour=red"],
)  # fmt: skip
def test_a_list_that_makes_no_sense_is_refused(acme: Program, query: str) -> None:
    answer = acme.get(f"/v1/orders?{query}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["name"].startswith(query.partition("=")[0])


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/usage"])
@pytest.mark.usefixtures("finished")
def test_no_list_shows_another_tenants_orders(acme: Program, path: str) -> None:
    customer = {"Authorization": "Bearer somebodys-page"}

    assert acme.get(f"{path}?tenant=zebra").status_code == 403
    assert acme.get(f"{path}?tenant=acme").status_code == 200
    assert acme.http.get(path, headers=customer).status_code == 403
    assert acme.http.get(path).status_code == 401


# The ledger.


def test_the_ledger_adds_up_what_was_used(
    acme: Program, zebra: Program, orders_log: Log, database: str
) -> None:
    month = datetime.now(UTC).strftime("%Y-%m")
    for key in ("k-1", "k-2"):
        order = acme.order(CLARITY, key=key).json()["id"]
        add(
            orders_log,
            order,
            started(),
            asked("section-001", "section-002"),
            written("section-001"),
            LOST,
        )
    zebra.order()
    before = acme.get("/v1/usage").json()
    feed_all(orders_log.engine, database)

    mine = acme.get("/v1/usage").json()["data"]
    reach = acme.get("/v1/usage").json()["up_to"]
    everybodys = acme.http.get("/v1/usage", headers=OPERATOR).json()["data"]

    money = {"currency": "usd", "unit": "millionths"}
    assert mine == [
        {
            "tenant": "acme",
            "month": month,
            "product": "life_clarity",
            "orders": 2,
            "calls": 2,
            "tokens": 2800,
            "cost": {"amount": 2560, **money},
            "lost_calls": 2,
            "lost_cost": {"amount": 30_000, **money},
        }
    ]
    assert before == {"data": [], "up_to": {"position": "0", "time": None, "behind": 0}}
    assert (reach["position"], reach["behind"]) == ("14", 0)
    assert [each["tenant"] for each in everybodys] == ["acme", "zebra"]
    assert acme.http.get("/v1/usage?tenant=acme", headers=AUDITOR).json()["data"] == mine
    assert acme.get("/v1/usage?month=2020-01").json()["data"] == []
    assert acme.get("/v1/usage?month=now").status_code == 422


def test_the_api_is_described_with_examples(http: httpx.Client) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    place = paths["/v1/orders"]["post"]

    assert place["operationId"] == "placeOrder"
    assert paths["/v1/orders"]["get"]["operationId"] == "findOrders"
    assert paths["/v1/usage"]["get"]["operationId"] == "getUsage"
    assert {each["name"] for each in place["parameters"]} == {"Idempotency-Key"}
    assert {"Location", "Retry-After"} <= place["responses"]["202"]["headers"].keys()
    names = {each["name"] for each in paths["/v1/orders"]["get"]["parameters"]}
    assert names == {"payment", "status", "tenant", "after", "limit"}


def test_the_example_of_an_order_can_be_ordered(acme: Program) -> None:
    described = acme.http.get("/openapi.json").json()["paths"]["/v1/orders"]["post"]
    example = described["requestBody"]["content"]["application/json"]["example"]

    assert acme.order(example).status_code == 202
