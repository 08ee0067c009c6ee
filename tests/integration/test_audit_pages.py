"""The auditor's pages: the log searched, an order at any moment, and nothing personal in any of it."""

import io
import json
import re
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from api.saying import order_number
from api.sessions import cookie_name
from events.envelope import Cause
from events.facts import (
    NoteMade,
    OrderCorrected,
    OrderErased,
    OrderPlaced,
    PartsPlaced,
    PaymentReceived,
)
from events.money import Money
from storage import readings
from storage.checkpoints import Folder, sign
from storage.disk import Disk
from storage.record import Log
from storage.sealer import seal_all
from storage.settings import Settings
from tests.examples import ORDER, SUBJECT, asked, bound, paid, placed, started, written
from tests.integration.test_checkpoints import OURS
from tests.integration.test_pages import seen
from tests.integration.test_sealer import whole_log, write
from tests.integration.test_sessions import log_in

STRIPE = Cause(correlation="c-1", causation="evt_1", actor="stripe")
OPERATOR = Cause(correlation="cli-1", causation="cli-1", actor="operator")
WORKER = Cause(correlation="c-1", causation="m-1", actor="life_clarity@worker-1:7")
PERSONAL = ("jenny", "Jenny", "Jenná", "rosen", "1990-05-17", "canary")
PAGE = f"/audit/orders/{ORDER}"
VIEWS = ("changes", "state", "event", "why", "customer")


@pytest.fixture
def log(orders_log: Log) -> Log:
    """An order of eight events in a log of eleven."""
    write(orders_log.engine, "payment-default/pi_example")
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    history = orders_log.record(history, [placed(), paid()], STRIPE)
    told = [NoteMade(number=1, text="canary"), OrderCorrected(number=1, fields={"name": "Jenná"})]
    history = orders_log.record(history, told, OPERATOR)
    write(orders_log.engine, "order-other", 2)
    work = [started(), asked("section-001"), written("section-001", text="canary"), bound()]
    orders_log.record(history, work, WORKER)
    seal_all(orders_log.engine)
    return orders_log


@contextmanager
def let_in(url: str, token: str) -> Iterator[httpx.Client]:
    """A browser in which somebody has logged in."""
    with httpx.Client(base_url=url) as client:
        assert log_in(client, token, "/audit").status_code == 303
        yield client


@pytest.fixture
def auditor(api_url: str, log: Log) -> Iterator[httpx.Client]:  # noqa: ARG001 - the log they look at
    with let_in(api_url, "auditor-secret") as client:
        yield client


@pytest.mark.parametrize(
    "path",
    ["/audit", PAGE, f"{PAGE}/moment", f"{PAGE}/evidence", f"{PAGE}/bundle.zip", "/audit/events/x"],
)
def test_who_is_not_logged_in_is_led_to_where_they_can(http: httpx.Client, path: str) -> None:
    answer = http.get(path)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/log-in?next=%2Faudit")


# An order at a moment.


def test_an_order_is_shown_at_its_latest_version_first(auditor: httpx.Client) -> None:
    text = seen(auditor.get(PAGE).text)

    assert f"Order {order_number(ORDER)}" in text
    assert "Version 8 of 8" in text
    assert "document-bound" in text


def test_what_an_event_changed_is_told(auditor: httpx.Client) -> None:
    text = seen(auditor.get(f"{PAGE}?at=7").text)

    assert "section-written" in text
    assert "done 0 of 4 sections 1 of 4 sections" in text
    assert "sections.section-001.text none sealed" in text
    assert "placed.email" not in text


def test_two_moments_are_compared(auditor: httpx.Client) -> None:
    text = seen(auditor.get(f"{PAGE}?at=5&against=2").text)

    assert "attempt none 1" in text
    assert "placed.fields sealed sealed" in text
    assert seen(auditor.get(f"{PAGE}?at=5&against=5").text).count("Nothing is different.") == 1


def test_the_state_the_event_and_its_reasons_are_told(auditor: httpx.Client) -> None:
    state = seen(auditor.get(f"{PAGE}?at=7&view=state").text)
    event = seen(auditor.get(f"{PAGE}?at=7&view=event").text)
    why = seen(auditor.get(f"{PAGE}?at=7&view=why").text)

    assert "word writing" in state
    assert "paid 49.00 USD" in state
    assert "email sealed" in state
    assert "cost $0.001280" in event
    assert "text sealed, hash kept" in event
    assert "causation m-1" in event
    _, outside, chain = why.partition("From outside: stripe evt_1")
    assert outside
    links = ("1 order-placed", "2 payment-received", "5 attempt-started", "7 section-written")
    assert [chain.index(each) for each in links] == sorted(chain.index(each) for each in links)
    assert "4 order-corrected" not in why[: why.index("Told by the house")]


def test_the_page_is_shown_as_the_customer_saw_it(auditor: httpx.Client) -> None:
    before = auditor.get(f"{PAGE}?at=2&view=customer").text
    during = auditor.get(f"{PAGE}?at=7&view=customer").text

    assert "Thank you, your payment is here" in seen(before)
    assert "1 of 4 sections" in seen(during)
    assert "we will e-mail you at ••••@•••" in seen(during)
    assert '<div class="screen" inert>' in during
    assert "/o/" not in during


def test_a_time_and_an_event_name_a_moment_as_well(auditor: httpx.Client, log: Log) -> None:
    fifth = log.recorded(ORDER)[4]

    by_id = auditor.get(PAGE, params={"at": str(fifth.id)})
    by_time = auditor.get(PAGE, params={"at": fifth.recorded_at.isoformat()})
    led = auditor.get(f"/audit/events/{fifth.id}")

    assert "Version 5 of 8" in seen(by_id.text)
    assert "Version 8 of 8" in seen(by_time.text)  # recorded together with the three behind it
    assert led.headers["location"] == f"{PAGE}?at=5&view=event"
    assert auditor.get(f"/audit/events/{uuid.uuid4()}").status_code == 404


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("at=yesterday", 400, "moment is a version (37)"),
        ("at=0", 400, "moment is a version (37)"),
        ("at=2&against=never", 400, "moment is a version (37)"),
        ("at=9", 404, "ask for one from 1 to 8"),
        ("at=2001-01-01T00:00:00Z", 404, "ask for a later time"),
        ("at=5fcbfa12-cfd5-4616-baba-052f7c3c84d7", 404, "no event of that id"),
    ],
)
def test_a_moment_that_is_none_is_told_on_the_page(
    query: str, status: int, told: str, auditor: httpx.Client
) -> None:
    for path in (PAGE, f"{PAGE}/moment"):
        answer = auditor.get(f"{path}?{query}")

        assert answer.status_code == status
        assert "Version 8 of 8" in seen(answer.text)
    assert told.replace("'", "&#39;") in auditor.get(f"{PAGE}?{query}").text


def test_an_unknown_view_is_the_first_one(auditor: httpx.Client) -> None:
    assert "Since version" in seen(auditor.get(f"{PAGE}?view=nothing").text)


def test_an_order_is_found_by_its_other_names(auditor: httpx.Client) -> None:
    for name in (order_number(ORDER), "cs_test_example", "pi_example"):
        assert auditor.get(f"/audit/orders/{name}?at=3").headers["location"] == f"{PAGE}?at=3"
    lost = auditor.get("/audit/orders/nobody's", follow_redirects=True)
    assert lost.status_code == 404
    assert "No order has that name" in seen(lost.text)


def test_every_page_works_without_a_script_and_allows_none_from_elsewhere(
    auditor: httpx.Client,
) -> None:
    answer = auditor.get(f"{PAGE}?at=7")

    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", answer.text)
    for address in re.findall(r'"(/static/[^"]+)"', answer.text):
        assert auditor.get(address).status_code == 200
    for link in ("?at=6&amp;view=changes", "?at=8&amp;view=changes", "?at=1&amp;view=changes"):
        assert f'href="{link}"' in answer.text
    assert answer.headers["cache-control"] == "private, no-cache"


def test_nothing_personal_is_on_any_page(auditor: httpx.Client) -> None:
    pages = [auditor.get(f"{PAGE}?at={at}&view={view}") for at in range(1, 9) for view in VIEWS]
    pages += [auditor.get("/audit"), auditor.get(f"{PAGE}/evidence")]

    for page in pages:
        for personal in PERSONAL:
            assert personal not in page.text


def test_what_was_erased_says_since_when(auditor: httpx.Client, log: Log) -> None:
    log.record(log.read(ORDER), [OrderErased(by="customer", reason="asked for")], OPERATOR)
    days = {datetime.now(UTC)}
    assert log.vault.destroy(uuid.UUID(SUBJECT))
    days.add(datetime.now(UTC))  # another one if that was at midnight

    for view, name in (
        ("state", "email"),
        ("event", "text"),
        ("changes", "sections.section-001.text none"),
    ):
        text = seen(auditor.get(f"{PAGE}?at=7&view={view}").text)
        assert any(f"{name} erased on {day:%-d %B %Y}, hash kept" in text for day in days)
    assert auditor.get(f"{PAGE}?at=7&view=customer").status_code == 200


def test_a_part_of_a_bundle_comes_from_it(auditor: httpx.Client, log: Log) -> None:
    bundle, part = str(uuid.uuid4()), str(uuid.uuid4())
    history = log.begin(bundle, uuid.UUID(bundle))
    first = placed("bundle", subject=bundle, session="cs_bundle")
    log.record(
        history, [first, paid(), started(), PartsPlaced(parts={"life_clarity": part})], STRIPE
    )
    child = OrderPlaced(
        product="life_clarity",
        tenant="default",
        subject=bundle,
        at=first.at,
        parent=bundle,
        parent_product="bundle",
    )
    cause = Cause(correlation="c-1", causation=bundle, actor="keeper")
    facts = [child, PaymentReceived(amount=Money(0, "usd"))]
    log.record(log.begin(part, uuid.UUID(bundle)), facts, cause)

    why = auditor.get(f"/audit/orders/{part}?view=why").text
    placing = auditor.get(f"/audit/orders/{bundle}?view=event").text
    early = seen(auditor.get(f"/audit/orders/{bundle}?at=2&view=customer").text)
    late = seen(auditor.get(f"/audit/orders/{bundle}?at=2030-01-01T00:00:00Z&view=customer").text)

    assert f'From its bundle:</span> <a href="/audit/orders/{bundle}">' in why
    assert f'<a href="/audit/orders/{part}">' in placing
    assert early.count("Begins soon") == 3
    assert "0 of 3 reports ready" in late


# The proof.


def test_the_evidence_is_that_of_the_bundle(
    auditor: httpx.Client, log: Log, tmp_path: Path
) -> None:
    early = auditor.get(f"{PAGE}/evidence")
    assert (early.status_code, early.headers["retry-after"]) == (404, "60")
    assert auditor.get(f"{PAGE}/bundle.zip").status_code == 404
    seal_all(log.engine)
    sign(log.engine, OURS, Folder(Disk(tmp_path)))

    evidence = auditor.get(f"{PAGE}/evidence").json()
    bundle = auditor.get(f"{PAGE}/bundle.zip")

    assert bundle.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        proofs = json.loads(archive.read("proofs.json"))
        rows = [json.loads(line) for line in archive.read("events.ndjson").splitlines()]
        script = archive.read("index.html").decode()
    assert evidence["events"] == rows
    assert evidence["proofs"]["inclusion"] == proofs["inclusion"]
    assert evidence["left_out"] == 0
    assert len(evidence["checkpoints"]) == 1
    served = auditor.get("/static/proof.js")
    assert served.headers["content-type"].startswith("text/javascript")
    assert served.text in script


# The log.


def positions(page: str) -> list[int]:
    return [int(each) for each in re.findall(r'<td class="place">(\d+)</td>', page)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ({"type": "section-written"}, [10]),
        ({"actor": "operator"}, [5, 4]),
        ({"actor": "life_clarity@"}, [11, 10, 9, 8]),
        ({"order": ORDER}, [11, 10, 9, 8, 5, 4, 3, 2, 1]),
        ({"order": "pi_example", "type": "note-made"}, [4, 1]),
        ({"since": "2001-01-01T00:00", "until": "2001-01-02T00:00:00"}, []),
        ({"since": "2001-01-01", "until": "2001-12-31"}, []),
        ({"since": "2001-01-01"}, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ({"type": "nothing"}, []),
    ],
)
def test_the_log_is_searched_by_what_is_in_the_url(
    query: dict[str, str], found: list[int], auditor: httpx.Client
) -> None:
    answer = auditor.get("/audit", params=query)

    assert answer.status_code == 200
    assert positions(answer.text) == found
    for value in query.values():
        assert f'value="{value}"' in answer.text


def test_older_pages_are_linked_with_the_same_search(auditor: httpx.Client, log: Log) -> None:
    write(log.engine, "order-many", 120)
    seal_all(log.engine)
    sizes, path = [], "/audit?type=note-made&actor=test"
    while path:
        page = auditor.get(path).text
        sizes.append(len(positions(page)))
        link = re.search(r'href="([^"]+)" rel="next"', page)
        path = link[1].replace("&amp;", "&") if link else ""

    assert sizes == [50, 50, 23]


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ({"before": "abc"}, 400, "search again, from the newest event on"),
        ({"before": "-5"}, 400, "search again, from the newest event on"),
        ({"before": "9" * 30}, 400, "search again, from the newest event on"),
        ({"since": "yesterday"}, 400, "neither a date (2026-11-21) nor a time with seconds"),
        ({"since": "0001-01-01"}, 400, "say a date or time from 1970 to 9998"),
        ({"until": "9999-12-31T23:59:59Z"}, 400, "say a date or time from 1970 to 9998"),
        ({"until": "37"}, 400, "neither a date (2026-11-21) nor a time with seconds"),
        ({"order": "7F3K-Q2XW"}, 404, "No order has that name"),
    ],
)
def test_a_search_that_cannot_be_made_says_why(
    query: dict[str, str], status: int, told: str, auditor: httpx.Client
) -> None:
    answer = auditor.get("/audit", params=query)

    assert answer.status_code == status
    assert told in seen(answer.text)
    assert positions(answer.text) == []


def test_what_is_typed_in_is_shown_as_text(auditor: httpx.Client) -> None:
    answer = auditor.get("/audit", params={"type": '"><script>alert(1)</script>'})

    assert "<script>alert" not in answer.text
    assert answer.status_code == 200


# Who looked.


def test_every_look_is_noted_before_anything_is_shown(
    auditor: httpx.Client, log: Log, api_url: str
) -> None:
    auditor.get(f"{PAGE}?at=7&view=why")
    with let_in(api_url, "operator-secret") as operator:
        operator.get(f"{PAGE}/moment?at=3&view=state")
        operator.get(f"{PAGE}/evidence")
    auditor.get("/audit?actor=jenny.rosen@example.com")

    looks = [(each.who, each.what, each.version) for each in readings.of_order(log.engine, ORDER)]
    assert looks == [("auditor", "why", 7), ("operator", "state", 3), ("operator", "evidence", 8)]
    assert "Looked at 4 times, last by the auditor" in seen(auditor.get(PAGE).text)
    seal_all(log.engine)
    everything = whole_log(log.engine)
    assert [each.link.type for each in everything[11:]] == ["log-read"] * 5
    assert json.loads(everything[14].link.data) == {"what": "log", "filters": ["actor"]}
    for each in everything:
        assert "rosen" not in each.link.data + each.link.meta


def test_looks_are_left_out_of_the_log_unless_they_are_asked_for(
    auditor: httpx.Client, log: Log
) -> None:
    auditor.get(PAGE)
    seal_all(log.engine)

    plain = auditor.get("/audit").text
    seal_all(log.engine)
    all_of_it = auditor.get("/audit?looks=1").text
    of_order = auditor.get(f"/audit?order={ORDER}&looks=1").text

    assert positions(plain)[0] == 11
    assert positions(all_of_it)[:2] == [13, 12]
    assert f"looks at {order_number(ORDER)}" in seen(all_of_it)
    assert positions(of_order)[0] == 12


def test_what_cannot_be_noted_is_not_shown(auditor: httpx.Client, database: str) -> None:
    with psycopg.connect(database) as superuser:
        superuser.execute("revoke execute on function ledgerpress.record from ledgerpress_app")

    answer = auditor.get(PAGE)

    assert answer.status_code == 500
    assert "section-written" not in answer.text


def test_a_session_is_needed_and_a_bearer_is_none(http: httpx.Client, settings: Settings) -> None:
    bearer: dict[str, Any] = {"headers": {"Authorization": "Bearer auditor-secret"}}

    assert http.get("/audit", **bearer).status_code == 303
    http.cookies.set(cookie_name(settings), "auditor.9999999999.x.y")
    assert http.get("/audit").status_code == 303
