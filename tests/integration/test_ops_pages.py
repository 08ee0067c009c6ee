"""The operator's pages: what needs a human, how everything stands, and what a person does about it."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pika
import pytest

from api.ops import lists
from events.envelope import Cause
from events.facts import (
    AttentionNeeded,
    MailIntended,
    MailSent,
    NoteMade,
    OrderDelivered,
    OrderRetried,
)
from events.products import CATALOGUE
from storage import dead_letters, readings
from storage.publisher import declare, parameters
from storage.record import Log
from storage.settings import Settings
from tests.examples import asked, bound, failed, started, written
from tests.integration.conftest import OPERATOR, Deliver
from tests.integration.test_pages import seen
from tests.integration.test_sessions import form_token, log_in
from tests.stripe_events import paid

CAUSE = Cause(correlation="c", causation="m", actor="test")
SETTINGS = "model-settings"


@pytest.fixture
def ops(http: httpx.Client) -> httpx.Client:
    """An operator's browser."""
    log_in(http, next_="/ops")
    return http


@pytest.fixture
def auditor(api_url: str) -> Iterator[httpx.Client]:
    """An auditor's browser."""
    with httpx.Client(base_url=api_url, timeout=20) as client:
        log_in(client, "auditor-secret", "/ops")
        yield client


def buy(deliver: Deliver, number: int = 1, product: str = "life_clarity") -> str:
    event = paid(
        product, CATALOGUE[product].prices[0].amount, name="Jenny", birth_date="1990-05-17"
    )
    event["id"] += str(number)
    event["data"]["object"]["id"] += str(number)
    event["data"]["object"]["payment_intent"] += str(number)
    order: str = deliver(event).json()["order"]
    return order


def add(log: Log, order: str, *events: Any) -> None:
    log.record(log.read(order), events, CAUSE)


def stuck(deliver: Deliver, log: Log, number: int = 1, reason: str = SETTINGS) -> str:
    order = buy(deliver, number)
    trouble = AttentionNeeded(
        reason=reason, attempt=1, detail="The key is refused.", advice="Mend it, then retry."
    )
    add(log, order, started(), asked("section-001"), trouble)
    return order


def delivered(deliver: Deliver, log: Log, number: int = 1) -> str:
    order = buy(deliver, number)
    sections = [section.name for section in CATALOGUE["life_clarity"].sections]
    mail = {"mail": "report", "message_id": "<x@y.example>"}
    add(
        log,
        order,
        started(),
        asked(*sections),
        *(written(name) for name in sections),
        bound(),
        MailIntended(attempt=1, **mail),
        MailSent(**mail),
        OrderDelivered(by="mail"),
    )
    return order


def do(
    ops: httpx.Client, order: str, verb: str, reason: str = "The key is right again.", **fields: str
) -> httpx.Response:
    page = ops.get(f"/ops/orders/{order}/{verb}").text
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version
    filled = {"form_token": form_token(page), "version": version[1], "reason": reason, **fields}
    return ops.post(f"/ops/orders/{order}/{verb}", data=filled)


def kinds(log: Log, order: str) -> list[str]:
    return [each.type for each in log.recorded(order)]


@pytest.mark.parametrize("path", ["/ops", "/ops/orders", "/ops/orders/x", "/ops/orders/all/retry"])
def test_nobody_sees_them_without_logging_in(http: httpx.Client, path: str) -> None:
    answer = http.get(path)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/log-in?next=%2Fops")


def test_one_cause_is_one_row(ops: httpx.Client, deliver: Deliver, orders_log: Log) -> None:
    for number in range(3):
        stuck(deliver, orders_log, number)
    stuck(deliver, orders_log, 4, reason="mail-refused")

    page = ops.get("/ops").text

    text = seen(page)
    assert "Needs a human 4" in text
    assert page.count('class="cause"') == 2
    assert "3 orders model-settings Life Clarity · gpt-4.1-mini · code 0.1.0" in text
    assert "1 order mail-refused Life Clarity · code 0.1.0" in text
    assert 'href="/ops/orders/all/retry?status=attention&amp;product=life_clarity' in page


def test_what_is_empty_is_not_drawn(ops: httpx.Client) -> None:
    page = ops.get("/ops").text

    assert "All is well" in page or "Worth a look" in page
    for section in ("needs", "retrying", "products", "tenants", "dead-letters"):
        assert f'id="{section}"' not in page


def test_the_products_are_counted(ops: httpx.Client, deliver: Deliver, orders_log: Log) -> None:
    delivered(deliver, orders_log, 1)
    stuck(deliver, orders_log, 2)
    buy(deliver, 3)

    text = seen(ops.get("/ops").text)

    assert re.search(r"Life Clarity 3 1 . 1 1 . .* / 20 s \$0\.0051 / \$49", text)
    assert "1 delivered · 1 got stuck · 1 still stuck" in text


def test_who_goes_on_by_themselves_are_told_apart(
    ops: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order = buy(deliver)
    due = (datetime.now(UTC) + timedelta(minutes=5)).replace(microsecond=0)
    add(orders_log, order, started(), failed(retry_at=due.isoformat()))

    text = seen(ops.get("/ops").text)

    assert "Goes on by itself 1" in text
    assert f"next automatic try {due:%H:%M:%S}" in text


def test_what_people_did_is_told_with_their_reasons_until_it_is_read(
    ops: httpx.Client, auditor: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order = stuck(deliver, orders_log)
    do(ops, order, "retry", "The provider was out.")
    page = ops.get("/ops").text
    until = re.search(r'name="until" value="([^"]+)"', page)
    assert until
    private = seen(auditor.get("/ops").text)

    ops.post("/ops/read", data={"form_token": form_token(page), "until": until[1]})
    again = seen(ops.get("/ops").text)

    assert "retried by operator: “The provider was out.”" in seen(page)
    assert "retried by operator" in private
    assert "The provider was out." not in private
    assert "Since you left" in again
    assert "retried by operator" not in again


def test_an_unchanged_page_is_not_sent_again(ops: httpx.Client) -> None:
    etag = ops.get("/ops/orders").headers["etag"]

    assert ops.get("/ops/orders", headers={"If-None-Match": etag}).status_code == 304


def test_lists_are_filtered_by_their_address(
    ops: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    one = stuck(deliver, orders_log, 1)
    two = delivered(deliver, orders_log, 2)

    for query, found in (
        ("", {one, two}),
        ("status=attention", {one}),
        (f"reason={SETTINGS}", {one}),
        ("status=delivered&product=life_clarity", {two}),
        ("tenant=nobody", set()),
        ("late=1", set()),
        ("status=&product=bundle", set()),
    ):
        page = ops.get(f"/ops/orders?{query}").text

        assert {each for each in (one, two) if each in page} == found
    assert ops.get("/ops/orders?status=nonsense").status_code == 422
    assert ops.get("/ops/orders?after=nonsense").status_code == 422


def test_a_long_list_has_pages(ops: httpx.Client, deliver: Deliver) -> None:
    orders = {buy(deliver, number) for number in range(52)}
    first = ops.get("/ops/orders").text
    more = re.search(r'href="(/ops/orders\?[^"]*after=[^"]+)"', first)
    assert more

    second = ops.get(more[1].replace("&amp;", "&")).text

    on_first = {each for each in orders if each in first}
    on_second = {each for each in orders if each in second}
    assert (len(on_first), len(on_second)) == (50, 2)
    assert on_first | on_second == orders


def test_an_order_is_found_by_whatever_is_known_of_it(
    ops: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order = buy(deliver)
    placed = orders_log.read(order).order.placed
    assert placed
    number = ops.get(f"/v1/orders/{order}", headers=OPERATOR).json()["number"]

    for known in (order, number, number.lower().replace("-", ""), placed.session, placed.intent):
        answer = ops.get("/ops/orders", params={"q": f" {known} "})

        assert answer.headers["location"] == f"/ops/orders/{order}"
    assert "No order is like that" in ops.get("/ops/orders?q=7F3K-Q2XW").text


def test_an_order_is_shown_from_all_sides(
    ops: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order = delivered(deliver, orders_log)

    page = ops.get(f"/ops/orders/{order}").text

    text = seen(page)
    assert "delivered" in text
    assert "j•••@example.com" in text
    assert "Jenny" not in page
    for section in CATALOGUE["life_clarity"].sections:
        assert section.title in text
    assert page.count('class="fall-line"') >= 6
    assert re.search(r"gpt-4.1-mini 4 . . 5,600 \$0\.0051", text)
    assert "report taken by the mail server" in text
    assert "led to order-placed, payment-received" in text
    assert re.search(r"\d+ section-written", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", page)


def test_there_is_no_page_of_an_unknown_order(ops: httpx.Client) -> None:
    for path in ("x", "0b4bd1a6-54f1-5cc4-9df1-6a3d9b9f3c11", "x/retry"):
        answer = ops.get(f"/ops/orders/{path}")

        assert answer.status_code == 404
        assert "Look for it by its number" in seen(answer.text)
        assert 'href="/ops"' in answer.text


def test_the_preview_says_what_a_retry_leads_to_and_the_retry_is_an_event(
    ops: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order = stuck(deliver, orders_log)
    preview = seen(ops.get(f"/ops/orders/{order}/retry").text)

    answer = do(ops, order, "retry")

    assert "Still to do 4 of 4 sections the document" in preview
    assert "the customer gets the report" in preview
    assert re.search(r"Costs up to \$\d", preview)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/ops/orders/{order}?did=retry",
    )
    assert kinds(orders_log, order)[-2:] == ["note-made", "order-retried"]
    last = orders_log.recorded(order)[-1]
    assert isinstance(last.event, OrderRetried)
    assert last.cause.actor == "operator"
    assert "Retry: it is recorded" in seen(ops.get(answer.headers["location"]).text)


def test_nothing_is_done_without_a_reason(
    ops: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order = stuck(deliver, orders_log)

    answer = do(ops, order, "retry", "  ")

    assert answer.status_code == 422
    assert "Nothing is done without a reason" in answer.text
    assert kinds(orders_log, order)[-1] == "attention-needed"


def test_an_order_that_moved_on_is_shown_anew_and_left_alone(
    ops: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order = stuck(deliver, orders_log)
    page = ops.get(f"/ops/orders/{order}/cancel").text
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version
    add(orders_log, order, NoteMade(number=1, text="somebody was here"))

    filled = {"form_token": form_token(page), "version": version[1], "reason": "ordered twice"}
    answer = ops.post(f"/ops/orders/{order}/cancel", data=filled)

    assert answer.status_code == 412
    assert "The order is not as you saw it" in answer.text
    assert "ordered twice" in answer.text
    assert "order-cancelled" not in kinds(orders_log, order)


def test_what_cannot_be_done_says_why_and_what_to_do_instead(
    ops: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order = delivered(deliver, orders_log)

    text = seen(ops.get(f"/ops/orders/{order}/retry").text)
    page = seen(ops.get(f"/ops/orders/{order}").text)

    assert "It has been delivered. To mail it once more, resend it." in text
    assert "Resend… Correct…" in page
    assert "Retry It has been delivered." in page


def test_a_correction_changes_only_what_was_changed(
    ops: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order = stuck(deliver, orders_log)
    page = ops.get(f"/ops/orders/{order}/correct").text
    given = dict(re.findall(r'name="(field\.\w+|email)" value="([^"]*)"', page))

    answer = do(ops, order, "correct", **{**given, "field.birth_date": "1991-05-17"})
    wrong = do(ops, order, "correct", **{**given, "field.birth_date": "soon"})

    assert answer.status_code == 303
    corrected = orders_log.recorded(order)[-1].event
    assert dict(corrected.fields) == {"birth_date": "1991-05-17"}
    assert corrected.email == ""
    assert wrong.status_code == 422
    assert 'value="soon"' in wrong.text


def test_an_order_of_no_product_is_given_one(
    ops: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    event = paid("no_such", 4900, name="Jenny", birth_date="1990-05-17", question="Where to?")
    order = deliver(event).json()["order"]
    page = ops.get(f"/ops/orders/{order}")
    form = ops.get(f"/ops/orders/{order}/correct").text
    given = dict(re.findall(r'name="(field\.\w+|email)" value="([^"]*)"', form))

    answer = do(ops, order, "correct", product="life_clarity", **given)

    assert page.status_code == 200
    assert "No product of ours" in page.text
    assert answer.status_code == 303
    assert orders_log.recorded(order)[-1].event.product == "life_clarity"


def test_a_customer_is_forgotten_after_a_look_ahead(
    ops: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order = delivered(deliver, orders_log)
    preview = seen(ops.get(f"/ops/orders/{order}/erase").text)
    telling = do(ops, order, "erase", "Jenny Rosen wrote to us.", by="customer")

    answer = do(ops, order, "erase", "Request 1234.", by="customer")

    assert "Nothing brings them back." in preview
    assert "the history, its hashes and what it cost" in preview
    assert telling.status_code == 422
    assert "kept for ever, in the clear" in telling.text
    assert answer.status_code == 303
    assert kinds(orders_log, order)[-1] == "order-erased"
    assert orders_log.read(order).sealer.erased
    assert "Customer erased" in seen(ops.get(answer.headers["location"]).text)
    assert "erased by operator: “Request 1234.”" in seen(ops.get("/ops").text)


def test_many_are_done_at_once_after_a_look_ahead(
    ops: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    orders = [stuck(deliver, orders_log, number) for number in range(7)]
    query = f"status=attention&reason={SETTINGS}"
    page = ops.get(f"/ops/orders/all/retry?{query}").text
    named = re.search(r'name="orders" value="([^"]+)"', page)
    assert named
    add(orders_log, orders[0], NoteMade(number=1, text="moved on"))

    filled = {"form_token": form_token(page), "orders": named[1], "reason": "It is mended."}
    answer = ops.post(f"/ops/orders/all/retry?{query}", data=filled)

    text = seen(page)
    assert "Retry 7 orders" in text
    assert text.count("attention model-settings") == 5
    assert re.search(r"up to \$\d+\.\d+ in all", text)
    assert answer.headers["location"].endswith("did=retry&done=6&left=1")
    assert "6 orders done, 1 left" in seen(ops.get(answer.headers["location"]).text)
    assert [kinds(orders_log, each)[-1] for each in orders[1:]] == ["order-retried"] * 6
    assert kinds(orders_log, orders[0])[-1] == "note-made"
    told = seen(ops.get("/ops").text)
    assert "6 orders retried by operator: “It is mended.”" in told


def test_more_than_are_done_at_once_are_all_reached_and_each_is_done_once(
    ops: httpx.Client, deliver: Deliver, orders_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MOST_AT_ONCE", 2)
    orders = [delivered(deliver, orders_log, number) for number in range(5)]
    at, seen_at = "/ops/orders/all/resend?status=delivered", []

    while at:
        page = ops.get(at).text
        seen_at.append(seen(page))
        action, named, behind = (
            re.findall(pattern, page)[0]
            for pattern in (
                r'action="([^"]+all[^"]+)"',
                r'"orders" value="([^"]+)"',
                r'"behind" value="([^"]*)"',
            )
        )
        filled = {"form_token": form_token(page), "orders": named, "behind": behind}
        unsaid = ops.post(html.unescape(action), data={**filled, "reason": ""})
        assert (unsaid.status_code, named in unsaid.text) == (422, True)
        done = ops.post(html.unescape(action), data={**filled, "reason": "The mails were lost."})
        onward = re.search(
            r'href="(/ops/orders/all/resend[^"]+after=[^"]+)"',
            ops.get(done.headers["location"]).text,
        )
        at = html.unescape(onward[1]) if onward else ""

    assert ["There are more: the next 2" in text for text in seen_at] == [True, True, False]
    assert [kinds(orders_log, each).count("resend-asked") for each in orders] == [1] * 5


@pytest.mark.parametrize("named", ["x:1", "1", f"{'0' * 32}:x"])
def test_a_list_that_was_not_made_by_us_is_refused(ops: httpx.Client, named: str) -> None:
    token = form_token(ops.get("/log-in").text)
    filled = {"form_token": token, "orders": named, "reason": "because"}

    assert ops.post("/ops/orders/all/retry", data=filled).status_code == 400


def test_an_auditor_sees_and_does_nothing(
    auditor: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order = stuck(deliver, orders_log)
    page = auditor.get(f"/ops/orders/{order}").text
    auditor.get(f"/ops/orders/{order}", headers={"If-None-Match": '"another"'})

    assert "Customer sealed" in seen(page)
    assert "@example.com" not in page
    looks = readings.of_order(orders_log.engine, order)
    assert [(each.who, each.what) for each in looks] == [("auditor", "page")] * 2
    for path in (f"/ops/orders/{order}/retry", "/ops/orders/all/retry"):
        assert auditor.get(path).status_code == 403
        assert auditor.post(path).status_code == 403
        assert path not in page


def test_only_an_operators_page_of_an_order_asks_again_by_itself(
    ops: httpx.Client, auditor: httpx.Client, deliver: Deliver
) -> None:
    order = buy(deliver)

    theirs, audited = (each.get(f"/ops/orders/{order}").text for each in (ops, auditor))

    assert re.search(r'data-wait="\d+"', theirs)
    assert 'http-equiv="refresh"' in theirs
    assert 'data-wait=""' in audited
    assert 'http-equiv="refresh"' not in audited


def test_a_dead_letter_is_a_row_that_can_be_put_back(
    ops: httpx.Client, settings: Settings, orders_log: Log
) -> None:
    queue = "queue.life_clarity"
    with pika.BlockingConnection(parameters(settings.rabbitmq_url.get_secret_value())) as line:
        channel = line.channel()
        declare(channel, queue)
        channel.queue_purge(queue)
        channel.queue_purge(f"{queue}.XQ")
        channel.basic_publish("", f"{queue}.XQ", b"no nudge", pika.BasicProperties(message_id="m"))
        while dead_letters.keep(settings, orders_log.engine, [queue]) == 0:
            pass
        page = ops.get("/ops").text
        letter = re.search(r"/ops/dead-letters/([0-9a-f-]+)/put-back", page)
        assert letter

        filled = {"form_token": form_token(page)}
        answer = ops.post(f"/ops/dead-letters/{letter[1]}/put-back", data=filled)
        again = ops.post(f"/ops/dead-letters/{letter[1]}/put-back", data=filled)
        none_waiting = dead_letters.waiting(orders_log.engine) == []
        method, properties, body = channel.basic_get(queue)
        channel.basic_nack(method.delivery_tag, requeue=False)
        while dead_letters.keep(settings, orders_log.engine, [queue]) == 0:
            pass

    assert "Dead letters 1" in seen(page)
    assert (answer.status_code, again.status_code) == (303, 404)
    assert body == b"no nudge"
    assert properties.message_id not in ("", "m")
    assert none_waiting
    assert rows_of_letters(orders_log) == [(b"", "returned", ""), (b"no nudge", None, "")]


def rows_of_letters(log: Log) -> list[tuple[bytes, str | None, str]]:
    query = "select body, settled, reason from dead_letters order by kept_at"
    with log.engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_a_dead_letter_is_discarded_with_a_reason_and_says_nothing_any_more(
    ops: httpx.Client, auditor: httpx.Client, settings: Settings, orders_log: Log
) -> None:
    def die() -> None:
        with pika.BlockingConnection(parameters(settings.rabbitmq_url.get_secret_value())) as line:
            channel = line.channel()
            declare(channel, "inbox.stripe")
            channel.queue_purge("inbox.stripe.XQ")
            channel.basic_publish("", "inbox.stripe.XQ", b"sealed")
            while dead_letters.keep(settings, orders_log.engine, ["inbox.stripe"]) == 0:
                pass

    die()
    (letter,) = dead_letters.waiting(orders_log.engine)
    where = f"/ops/dead-letters/{letter.id}/discard"
    page = ops.get(where).text
    filled = {"form_token": form_token(page)}

    assert where in ops.get("/ops").text
    assert where not in auditor.get("/ops").text
    assert auditor.get(where).status_code == 403
    assert "a payment that Stripe told of" in seen(page)
    assert ops.post(where, data=filled).status_code == 422
    answer = ops.post(where, data={**filled, "reason": "Refunded by hand."})
    assert answer.headers["location"] == "/ops#dead-letters"
    assert dead_letters.waiting(orders_log.engine) == []
    assert rows_of_letters(orders_log) == [(b"", "discarded", "Refunded by hand.")]
    assert ops.get(where).status_code == 404
    die()
    assert rows_of_letters(orders_log) == [
        (b"", "discarded", "Refunded by hand."),
        (b"sealed", None, ""),
    ]
