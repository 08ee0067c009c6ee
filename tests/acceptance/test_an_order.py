"""A paid order becomes a mailed PDF, through real processes, once."""

import io
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pypdf
import pytest

from events.products import CATALOGUE, find
from sandbox.calls import Calls
from sandbox.purchase import checkout_completed
from sandbox.system import System
from storage.opening import opened
from storage.publisher import Letter
from storage.settings import read_from
from tests.acceptance.buying import Bought, buy, get, post, requests, slowly

pytestmark = pytest.mark.acceptance


def types(order: Bought) -> list[str]:
    return [event["type"] for event in order.ask("/events")["data"]]


def calls(*orders: Bought) -> Calls:
    system = orders[0].system
    with opened(read_from(system.environment), CATALOGUE, pool=1) as log:
        histories = {order.id: log.recorded(order.id) for order in orders}
    return Calls.of(requests(system), histories)


def test_a_signed_payment_becomes_a_mailed_pdf(system: System) -> None:
    order = buy(system)

    status = order.delivered()
    assert status["progress"]["percent"] == 100
    (mail,) = order.mails()
    assert mail["to"] == ["canary.bird@example.com"]
    assert "Jenny Rosen" in mail["text"]
    (attachment,) = mail["attachments"]
    assert attachment["name"] == "life-clarity.pdf"

    report = get(system, f"/v1/orders/{order.id}/report").content
    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(report)).pages)
    assert "Jenny Rosen" in text
    for section in find("life_clarity").sections:
        assert section.title in text


def test_one_correlation_id_goes_from_the_webhook_to_the_mail(system: System) -> None:
    order = buy(system)
    order.delivered()

    with opened(read_from(system.environment), CATALOGUE, pool=1) as log:
        events = log.recorded(order.id)
    assert {event.cause.correlation for event in events} == {order.correlation}


def test_a_webhook_and_a_message_delivered_twice_change_nothing(system: System) -> None:
    event = checkout_completed(find("life_clarity"), email="canary.bird@example.com")
    answers = [post(system, event) for _ in range(3)]
    order = Bought(system, answers[0].json()["order"], "")
    nudge_again(system, order)
    order.delivered()
    nudge_again(system, order)
    time.sleep(1)

    assert [answer.json()["verdict"] for answer in answers] == [
        "recorded",
        "duplicate",
        "duplicate",
    ]
    counts = Counter(types(order))
    assert counts["order-placed"] == counts["order-delivered"] == counts["mail-sent"] == 1
    assert counts["section-written"] == 4
    assert calls(order) == Calls(asked=4, written=4, repeated=0, needless=0)
    assert len(order.mails()) == 1


def nudge_again(system: System, order: Bought) -> None:
    with opened(read_from(system.environment), CATALOGUE, pool=1) as log:
        log.publisher.publish(
            Letter(queue="queue.life_clarity", order=order.id, correlation="again", outbox_id=0)
            for _ in range(5)
        )


def test_a_killed_worker_costs_at_most_the_calls_in_flight(system: System) -> None:
    moments = random.Random(1)
    order = buy(system, "personal_blueprint")
    width = find("personal_blueprint").width
    kills = 3
    for kill in range(1, kills + 1):
        until_written(order, kill * moments.randint(1, 14))
        time.sleep(moments.random() / 10)
        system.processes.kill("personal_blueprint")

    order.delivered()
    made = calls(order)
    assert made.needless == 0
    assert made.written == 52
    assert made.repeated <= kills * width
    assert len(order.mails()) == 1


def test_a_worker_told_to_stop_hands_its_order_on_and_repeats_nothing(system: System) -> None:
    with slowly(system, 2.0):  # it has rounds to go for half a minute when it is stopped
        order = buy(system, "personal_blueprint")
        until_written(order, 1)
        system.processes.stop("personal_blueprint")
    stopped = Counter(types(order))
    system.processes.start("personal_blueprint")

    order.delivered()
    assert stopped["attempt-ended"] == 1
    assert stopped["attempt-failed"] == 0
    assert calls(order) == Calls(asked=52, written=52, repeated=0, needless=0)


def until_written(order: Bought, sections: int) -> None:
    order.until(lambda status: status["progress"]["done"] >= sections)


def test_a_bundle_is_made_side_by_side_and_mailed_together(system: System) -> None:
    order = buy(system, "bundle")

    status = order.delivered(240)
    (mail,) = order.mails()
    assert sorted(each["name"] for each in mail["attachments"]) == [
        "life-clarity.pdf",
        "personal-blueprint.pdf",
        "personal-horoscope.pdf",
    ]
    parts = [Bought(system, part, "") for part in part_ids(status)]
    assert {part.ask()["status"] for part in parts} == {"delivered"}
    assert not any(part.mails() for part in parts)
    made = calls(order, *parts)
    assert (made.asked, made.written, made.repeated) == (217, 217, 0)


def part_ids(status: dict[str, Any]) -> list[str]:
    return [part["order"] for part in status["parts"]]


def test_a_document_is_analysed_and_fetched_without_a_mail(system: System) -> None:
    order = buy(system, "document_analysis")
    order.delivered()

    report = get(system, f"/v1/orders/{order.id}/report")
    assert report.headers["content-type"].startswith("application/json")
    assert report.json()["sections"]["section-001"]["summary"]
    assert report.json()["markdown"]
    assert order.mails() == []


def test_no_log_line_tells_a_secret_or_who_the_customer_is(system: System) -> None:
    buy(system).delivered()

    lines = "".join(path.read_text() for path in Path(system.folder, "logs").glob("*.log"))
    assert "section-written" in lines
    for canary in (
        "canary",
        "Jenny",
        "another city",
        system.environment["STRIPE_WEBHOOK_SECRET"],
        system.environment["VAULT_KEY"],
        system.environment["OPERATOR_TOKEN"],
        system.environment["OPENAI_API_KEY"],
        system.environment["DATABASE_URL"],
    ):
        assert canary not in lines


def test_the_customers_page_shows_the_finished_report(system: System) -> None:
    order = buy(system)
    order.delivered()
    (mail,) = order.mails()
    link = next(word for word in mail["text"].split() if word.startswith(f"{system.url}/o/"))

    with httpx.Client(follow_redirects=True, timeout=30) as browser:
        page = browser.get(link)
        report = browser.get(f"{link}/report")

    assert page.status_code == 200
    assert "Life Clarity" in page.text
    assert report.content.startswith(b"%PDF")
