"""HTTP for auditors: what was signed, an order's bundle, and the whole log to follow."""

import json
import uuid
from pathlib import Path

import httpx
import pytest

from events.envelope import Cause
from storage import readings
from storage.bundle.verify import verify
from storage.checkpoints import Folder, sign
from storage.disk import Disk
from storage.record import Log
from storage.sealer import seal_all
from tests.examples import ORDER, SUBJECT, paid, placed, started, written
from tests.integration.conftest import OPERATOR
from tests.integration.test_checkpoints import OURS
from tests.integration.test_orders_api import AUDITOR, PROBLEM, bearer
from tests.integration.test_sealer import write

CAUSE = Cause(correlation="c-1", causation="evt_1", actor="test")
FEEDS = ("/v1/events", f"/v1/orders/{ORDER}/events")
PATHS = ("/v1/audit/checkpoints", f"/v1/audit/bundles/{ORDER}", *FEEDS)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(Disk(tmp_path))


@pytest.fixture
def recorded(orders_log: Log) -> Log:
    """Five events: an order's, the fifth of which is of another stream."""
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    facts = [placed(), paid(), started(), written("section-001", text="canary")]
    orders_log.record(history, facts, CAUSE)
    write(orders_log.engine, "payment-default/pi_other")
    seal_all(orders_log.engine)
    return orders_log


@pytest.mark.parametrize("path", PATHS)
def test_only_staff_may_look(path: str, http: httpx.Client) -> None:
    assert http.get(path).status_code == 401
    refused = http.get(path, headers=bearer("stranger"))
    assert (refused.status_code, refused.headers["Content-Type"]) == (403, PROBLEM)


@pytest.mark.usefixtures("recorded")
def test_the_log_is_followed_page_by_page_without_a_gap(http: httpx.Client) -> None:
    seen, path = [], "/v1/events?limit=2"
    while path:
        answer = http.get(path, headers=AUDITOR)
        assert answer.status_code == 200
        seen += answer.json()["data"]
        path = answer.links.get("next", {}).get("url", "")

    assert [each["position"] for each in seen] == ["1", "2", "3", "4", "5"]
    assert [each["type"] for each in seen[:2]] == ["order-placed", "payment-received"]
    assert seen[4]["subject"] == "payment-default/pi_other"
    assert seen[0]["specversion"] == "1.0"
    assert (seen[3]["version"], seen[3]["correlation"]) == ("4", "c-1")


def test_what_is_not_sealed_is_not_shown(http: httpx.Client, recorded: Log) -> None:
    write(recorded.engine, "order-late")

    answer = http.get("/v1/events?after=5", headers=AUDITOR)

    assert answer.json() == {"data": []}
    assert "Link" not in answer.headers
    seal_all(recorded.engine)
    later = http.get("/v1/events?after=5", headers=AUDITOR).json()["data"]
    assert [each["subject"] for each in later] == ["order-late"]


@pytest.mark.usefixtures("recorded")
def test_nothing_personal_is_in_the_feed_or_the_bundle(http: httpx.Client) -> None:
    told = http.get("/v1/events", headers=AUDITOR).text
    order = http.get(f"/v1/orders/{ORDER}/events", headers=AUDITOR).json()["data"]

    for personal in ("canary", "jenny", "Jenny", "1990-05-17", "sealed"):
        assert personal not in told
    assert json.loads(told)["data"][:4] == order


@pytest.mark.parametrize(("path", "last"), [(FEEDS[0], 5), (FEEDS[1], 4)])
@pytest.mark.usefixtures("recorded")
def test_events_come_as_lines_too(path: str, last: int, http: httpx.Client) -> None:
    answer = http.get(path, headers={**AUDITOR, "Accept": "application/x-ndjson"})

    told = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    assert [each["position"] for each in told] == [str(each) for each in range(1, last + 1)]


def test_an_orders_events_are_followed_before_they_are_sealed(
    http: httpx.Client, recorded: Log
) -> None:
    history = recorded.read(ORDER)
    recorded.record(history, [written("section-002")], CAUSE)
    path = f"/v1/orders/{ORDER}/events"

    first = http.get(f"{path}?after=1&limit=3", headers=AUDITOR)
    second = http.get(first.links["next"]["url"], headers=AUDITOR)

    assert [each["version"] for each in first.json()["data"]] == ["2", "3", "4"]
    assert [each["version"] for each in second.json()["data"]] == ["5"]
    assert "next" not in second.links
    assert "position" not in second.json()["data"][0]
    assert http.get(f"{path}?after=5", headers=AUDITOR).json() == {"data": []}
    seal_all(recorded.engine)
    (sealed,) = http.get(f"{path}?after=4", headers=AUDITOR).json()["data"]
    assert sealed == {**second.json()["data"][0], "position": "6"}


@pytest.mark.parametrize("path", FEEDS)
@pytest.mark.parametrize(
    ("query", "status", "problem"),
    [
        ("after=-1", 400, "bad-cursor"),
        ("after=x", 400, "bad-cursor"),
        ("after=1e30", 400, "bad-cursor"),
        ("after=²", 400, "bad-cursor"),
        ("after=9223372036854775808", 400, "bad-cursor"),
        ("after=9223372036854775807", 400, "cursor-beyond-the-end"),
        ("limit=0", 422, "invalid-request"),
        ("limit=1001", 422, "invalid-request"),
    ],
)
@pytest.mark.usefixtures("recorded")
def test_a_cursor_that_is_none_is_refused(
    path: str, query: str, status: int, problem: str, http: httpx.Client
) -> None:
    answer = http.get(f"{path}?{query}", headers=OPERATOR)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM)
    assert answer.json()["type"] == f"/problems/{problem}"


def test_checkpoints_are_listed_with_the_keys(
    http: httpx.Client, recorded: Log, folder: Folder
) -> None:
    for _ in range(3):
        assert sign(recorded.engine, OURS, folder)
        write(recorded.engine, "order-x")
        seal_all(recorded.engine)

    first = http.get("/v1/audit/checkpoints?limit=2", headers=AUDITOR)
    second = http.get(first.links["next"]["url"], headers=AUDITOR)

    assert [each["size"] for each in first.json()["data"]] == ["5", "6"]
    assert [each["size"] for each in second.json()["data"]] == ["7"]
    assert "next" not in second.links
    assert first.json()["keys"] == [str(OURS.keys[0])]
    assert first.json()["data"][0]["note"].startswith("reports.example/log\n5\n")


def test_a_bundle_is_fetched_and_verified(
    http: httpx.Client, recorded: Log, folder: Folder, tmp_path: Path
) -> None:
    path = f"/v1/audit/bundles/{ORDER}"
    early = http.get(path, headers=AUDITOR)
    assert (early.status_code, early.json()["retryable"]) == (404, True)
    assert early.headers["Retry-After"] == "60"
    sign(recorded.engine, OURS, folder)

    answer = http.get(path, headers=AUDITOR)

    assert answer.headers["Content-Type"] == "application/zip"
    assert "attachment" in answer.headers["Content-Disposition"]
    bundle = tmp_path / "bundle.zip"
    bundle.write_bytes(answer.content)
    assert verify(bundle, [str(OURS.keys[0])]).events == 4
    assert b"canary" not in answer.content
    looks = readings.of_order(recorded.engine, ORDER)
    assert [(each.who, each.what, each.version) for each in looks] == [("auditor", "bundle", 4)] * 2
    missing = http.get(f"/v1/audit/bundles/{uuid.uuid4()}", headers=AUDITOR)
    assert (missing.status_code, missing.headers["Content-Type"]) == (404, PROBLEM)
    unknown = http.get(f"{path}?checkpoint={10**30}", headers=AUDITOR)
    assert unknown.status_code == 404
    strange = http.get("/v1/audit/bundles/nonsense", headers=AUDITOR)
    assert strange.status_code == 404
