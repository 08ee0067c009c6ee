"""The pages that people see."""

import re
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from events.envelope import Cause
from events.facts import (
    AttentionNeeded,
    MailIntended,
    MailSent,
    OrderCancelled,
    OrderDelivered,
    OrderPlaced,
    PartHeld,
    PartsPlaced,
    PaymentReceived,
    PaymentRefunded,
)
from events.money import Money
from events.products import CATALOGUE
from events.views import order_number
from storage.blobs import Blobs
from storage.record import Log
from storage.settings import Settings, read_from
from tests.examples import asked, bound, failed, started, written
from tests.integration.conftest import Deliver, serving
from tests.integration.test_following import told
from tests.stripe_events import paid, stripe_event

CAUSE = Cause(correlation="c", causation="m", actor="test")
SESSION = paid()["data"]["object"]["id"]
CONTENT = b"%PDF-1.7 all of it"


def add(log: Log, order: str, *events: Any) -> None:
    log.record(log.read(order), events, CAUSE)


def buy(
    http: httpx.Client, deliver: Deliver, log: Log, product: str = "life_clarity"
) -> tuple[str, str]:
    """An order paid for, and the address of its page."""
    amount = CATALOGUE[product].prices[0].amount
    order = deliver(paid(product, amount, name="Jenny Rosen", birth_date="1990-05-17")).json()[
        "order"
    ]
    return order, opened(http, log, order)


def opened(http: httpx.Client, log: Log, order: str) -> str:
    """The address of its page, once the browser has opened the link with the secret."""
    return http.get(f"/o/{log.read(order).sealer.token(order)}").headers["location"]


def seen(page: str) -> str:
    """What a reader sees of a page: its text, spaces made single."""
    text = re.sub(r"<(style|script|title)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_the_way_back_from_the_checkout_leads_to_the_order(
    http: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order, _ = buy(http, deliver, orders_log)

    answer = http.get("/checkout/return", params={"session_id": SESSION})

    link = f"/o/{orders_log.read(order).sealer.token(order)}"
    assert (answer.status_code, answer.headers["location"]) == (303, link)


def test_the_link_s_secret_becomes_a_cookie_that_only_this_order_gets(
    http: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order, page = buy(http, deliver, orders_log)
    token = orders_log.read(order).sealer.token(order)
    http.cookies.clear()

    answer = http.get(f"/o/{token}/report")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{page}/report")
    assert token not in answer.headers["location"]
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"order={token}; HttpOnly; Max-Age=2592000; Path={page}; SameSite=lax")
    assert answer.headers["cache-control"] == "no-store"
    assert token not in http.get(page).text


def test_over_https_the_cookie_stays_there(
    deliver: Deliver, orders_log: Log, environment: dict[str, str]
) -> None:
    order = deliver(paid()).json()["order"]
    secure = read_from({**environment, "PUBLIC_URL": "https://reports.example"})
    with serving(secure) as url:
        answer = httpx.get(f"{url}/o/{orders_log.read(order).sealer.token(order)}")

    assert answer.headers["set-cookie"].startswith("__Secure-order=")
    assert "; Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def test_who_knows_only_the_number_learns_nothing_of_the_customer(
    http: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order, page = buy(http, deliver, orders_log)
    add(orders_log, order, started(), asked("section-001"))
    other = deliver(
        stripe_event(
            "checkout.session.completed.paid",
            id="cs_test_another",
            metadata=paid()["data"]["object"]["metadata"],
            amount_total=4900,
        )
    ).json()["order"]
    foreign = orders_log.read(other).sealer.token(other)

    http.cookies.clear()
    for cookie in ("", f"order={foreign}", "order=nonsense"):
        carried = {"Cookie": cookie}
        answer = http.get(page, headers=carried)

        assert answer.status_code == 200
        text = seen(answer.text)
        assert "Life Clarity" in text
        assert "Being written" in text
        assert "Open the link from our e-mail" in text
        assert "example.com" not in text
        assert CATALOGUE["life_clarity"].sections[0].title not in text
        for further in ("/progress", "/stream", "/report", "/parts/life_clarity/report"):
            refused = http.get(f"{page}{further}", headers=carried)
            assert refused.status_code == 403
            assert "This opens only with your own link" in seen(refused.text)


def test_a_number_that_is_none_or_not_the_only_one_opens_nothing(
    http: httpx.Client, orders_log: Log
) -> None:
    for last in "12":
        name = f"5f0f4a4e-1111-5111-8111-01234567890{last}"
        first = OrderPlaced(
            product="life_clarity", tenant="default", subject=name, at=datetime.now(UTC).isoformat()
        )
        orders_log.record(orders_log.begin(name, uuid.UUID(name)), [first], CAUSE)

    assert http.get(f"/o/{order_number(name)}").status_code == 404
    assert http.get("/o/0000-0000").status_code == 404


def test_the_page_is_followed_as_a_stream(
    http: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order, page = buy(http, deliver, orders_log)
    etag = http.get(page).headers["etag"]
    with http.stream("GET", f"{page}/stream", params={"after": etag}) as answer:
        stream = told(answer)
        add(orders_log, order, started(), written("section-001"))
        moved = next(stream)
        add(orders_log, order, bound(blob="0" * 64, size=1), OrderDelivered(by="mail"))
        done, last = stream

    assert 'data-title="22 % · Life Clarity"' in moved.data
    assert moved.id != etag
    assert 'data-title="Ready · Life Clarity"' in done.data
    assert last.event == "end"


def test_the_page_of_a_bundle_moves_with_its_parts(
    http: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    bundle, page = buy(http, deliver, orders_log, "bundle")
    parts = place_parts(orders_log, bundle)
    etag = http.get(page).headers["etag"]
    with http.stream("GET", f"{page}/stream", headers={"Last-Event-ID": etag}) as answer:
        add(orders_log, parts["life_clarity"], started(), written("section-001"))
        moved = next(told(answer))

    assert "22 %" in moved.data


def test_a_late_report_is_called_late_before_anybody_asks(
    http: httpx.Client, orders_log: Log
) -> None:
    texts = []
    for minutes in (0, 2):
        name = f"5f0f4a4e-1111-5111-8111-01234567890{minutes}"
        first = OrderPlaced(
            product="life_clarity",
            tenant="default",
            subject=name,
            at=(datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(),
        )
        events = [first, PaymentReceived(amount=Money(4900, "usd"))]
        orders_log.record(orders_log.begin(name, uuid.UUID(name)), events, CAUSE)
        http.cookies.clear()
        texts.append(seen(http.get(opened(http, orders_log, name)).text))

    soon, late = texts
    assert "Usually ready in 20 seconds." in soon
    assert "This takes longer than usual. We see it too" in late
    assert "Usually ready" not in late


def test_a_refund_is_told_plainly(http: httpx.Client, deliver: Deliver, orders_log: Log) -> None:
    order, page = buy(http, deliver, orders_log)
    add(
        orders_log,
        order,
        PaymentRefunded(amount=Money(4900, "usd"), full=True),
        OrderCancelled(reason="refunded"),
    )

    text = seen(http.get(page).text)

    assert "Your payment was refunded" in text
    assert "$49 of your payment went back the way it came." in text


def test_who_is_faster_than_their_payment_waits_a_moment(http: httpx.Client) -> None:
    answer = http.get("/checkout/return", params={"session_id": SESSION})

    assert answer.status_code == 200
    assert answer.headers["refresh"] == f"2; url=/checkout/return?session_id={SESSION}&waited=2"
    assert answer.headers["x-robots-tag"] == "noindex"
    assert "Confirming your payment" in seen(answer.text)


def test_an_unknown_link_leads_to_a_page_for_people(http: httpx.Client) -> None:
    for path in ("/o/nobody", "/o/nobody/progress", "/o/nobody/report", "/o/%C3%A9%00"):
        answer = http.get(path)

        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["x-request-id"] in answer.text


def test_the_page_shows_how_far_the_order_is(
    http: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order, page = buy(http, deliver, orders_log)
    sections = CATALOGUE["life_clarity"].sections
    first, second = sections[0], sections[1]
    add(orders_log, order, started(), asked(first.name, second.name), written(first.name))

    answer = http.get(page)

    text = seen(answer.text)
    assert "Life Clarity" in text
    assert "Your report is being written" in text
    assert "1 of 4 sections" in text
    assert f"Being written now {second.title}" in text
    assert f"Done: {first.title}" in text
    assert "You can close this page: we will e-mail you at j•••@example.com" in text
    assert 'role="progressbar"' in answer.text
    assert 'aria-valuenow="22"' in answer.text
    assert "<title>22 % · Life Clarity</title>" in answer.text


def test_the_page_needs_no_script_and_allows_none_from_elsewhere(
    http: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    _, page = buy(http, deliver, orders_log)

    answer = http.get(page)

    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-robots-tag"] == "noindex"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert '<noscript><meta http-equiv="refresh"' in answer.text
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", answer.text)
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text):
        assert http.get(address).status_code == 200


def test_only_what_has_changed_is_sent(
    http: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order, page = buy(http, deliver, orders_log)
    etag = http.get(page).headers["etag"]
    known = {"If-None-Match": etag}

    same = http.get(f"{page}/progress", headers=known)
    add(orders_log, order, started(), written("section-001"))
    moved = http.get(f"{page}/progress", headers=known)

    assert (same.status_code, same.headers["retry-after"]) == (304, "1")
    assert moved.status_code == 200
    assert moved.text.lstrip().startswith('<article id="order"')
    assert 'data-title="22 % · Life Clarity"' in moved.text


def test_a_delivered_report_is_there_to_be_fetched(
    http: httpx.Client, deliver: Deliver, orders_log: Log, settings: Settings
) -> None:
    order, page = buy(http, deliver, orders_log)
    blob = Blobs(settings.blob_url).put(CONTENT, orders_log.read(order).sealer)
    mail = {"mail": "report", "message_id": "<x@y.example>"}
    add(
        orders_log,
        order,
        started(),
        bound(blob=blob, size=len(CONTENT)),
        MailIntended(attempt=1, **mail),
        MailSent(**mail),
        OrderDelivered(by="mail"),
    )

    answer = http.get(page)

    assert "Your report is ready" in seen(answer.text)
    assert "It went to j•••@example.com" in seen(answer.text)
    assert f'href="{page}/report"' in answer.text
    assert "11 pages" in seen(answer.text)
    assert http.get(f"{page}/report").content == CONTENT
    assert "retry-after" not in answer.headers
    assert "<noscript>" not in answer.text
    assert "live.js" not in answer.text


def test_the_link_from_a_mail_leads_to_the_report_for_as_long_as_it_is_good(
    http: httpx.Client, deliver: Deliver, orders_log: Log, settings: Settings
) -> None:
    order, _ = buy(http, deliver, orders_log)
    sealer = orders_log.read(order).sealer
    blob = Blobs(settings.blob_url).put(CONTENT, sealer)
    add(
        orders_log, order, started(), bound(blob=blob, size=len(CONTENT)), OrderDelivered(by="mail")
    )
    later, before = int(time.time()) + 60, int(time.time()) - 60

    good = http.get(f"/r/{order}/{later}/{sealer.signature(order, later)}")
    over = http.get(f"/r/{order}/{before}/{sealer.signature(order, before)}")
    stretched = http.get(f"/r/{order}/{later}/{sealer.signature(order, before)}")

    assert good.content == CONTENT
    assert over.status_code == 410
    assert "This link has expired" in seen(over.text)
    assert stretched.status_code == 404
    for forged in (f"/r/{order}/{later}/-", f"/r/{uuid.uuid4()}/{later}/x", "/r/x/1/\u00e9"):
        assert http.get(forged).status_code == 404


def test_a_report_that_is_not_ready_is_a_page_too(
    http: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    _, page = buy(http, deliver, orders_log)

    answer = http.get(f"{page}/report")

    assert answer.status_code == 404
    assert "The report is not ready yet" in seen(answer.text)


def test_trouble_is_told_plainly(http: httpx.Client, deliver: Deliver, orders_log: Log) -> None:
    order, page = buy(http, deliver, orders_log)
    due = (datetime.now(UTC) + timedelta(minutes=5)).replace(microsecond=0)
    add(orders_log, order, started(), failed(retry_at=due.isoformat()))
    pause = seen(http.get(page).text)
    trouble = AttentionNeeded(reason="budget", attempt=1, detail="0.5 of 0.4", advice="Look.")
    add(orders_log, order, started(2), trouble)
    attention = seen(http.get(page).text)

    assert "A short pause" in pause
    assert f"at {due:%H:%M:%S} UTC" in pause
    assert "A person is looking at your order" in attention
    assert "Your payment is safe" in attention
    assert "0.5 of 0.4" not in attention


def test_an_unusable_payment_says_what_stands_in_the_way(
    http: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order = deliver(paid(amount=100)).json()["order"]

    text = seen(http.get(opened(http, orders_log, order)).text)

    assert "1.00 USD was paid" in text
    assert "An e-mail to j•••@example.com is on its way." in text


def test_an_unknown_product_has_a_page_as_well(
    http: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    event = stripe_event("unusual.unicode-name")
    order = deliver(event).json()["order"]

    answer = http.get(opened(http, orders_log, order))

    assert answer.status_code == 200
    assert "A person is looking at your order" in seen(answer.text)
    assert "<b>bold</b>" not in answer.text


def place_parts(orders_log: Log, bundle: str) -> dict[str, str]:
    """The orders of a bundle's parts, by product."""
    sealer = orders_log.read(bundle).sealer
    names = CATALOGUE["bundle"].parts
    parts = {name: f"5f0f4a4e-1111-5111-8111-01234567890{n}" for n, name in enumerate(names)}
    for name, part in parts.items():
        first = OrderPlaced(
            product=name,
            tenant="default",
            subject=str(sealer.subject),
            at=datetime.now(UTC).isoformat(),
            parent=bundle,
            parent_product="bundle",
        )
        child = orders_log.begin(part, sealer.subject)
        orders_log.record(child, [first, PaymentReceived(amount=Money(0, "usd"))], CAUSE)
    add(orders_log, bundle, started(), PartsPlaced(parts=parts))
    return parts


def test_a_bundle_with_a_held_part_says_so_and_hands_out_the_others(
    http: httpx.Client, deliver: Deliver, orders_log: Log, settings: Settings
) -> None:
    bundle, page = buy(http, deliver, orders_log, "bundle")
    parts = place_parts(orders_log, bundle)
    blob = Blobs(settings.blob_url).put(CONTENT, orders_log.read(bundle).sealer)
    done = bound(blob=blob, size=len(CONTENT))
    add(orders_log, parts["life_clarity"], started(), done, OrderDelivered(by="bundle"))
    stuck, reason = parts["personal_blueprint"], "model-refusal"
    trouble = AttentionNeeded(reason=reason, attempt=1, detail="It would not.", advice="Retry it.")
    add(orders_log, stuck, started(), trouble)
    held = PartHeld(product="personal_blueprint", order=stuck, number=1, reason=reason)
    add(orders_log, bundle, held)

    answer = http.get(page)
    add(orders_log, bundle, MailSent(mail="trouble", message_id="<x>"))
    told = seen(http.get(page).text)

    text = seen(answer.text)
    assert "Part of your set takes longer" in text
    assert "An e-mail to j•••@example.com is on its way." in text
    assert "Personal Blueprint" in text
    assert "A person is looking at it" in text
    assert "model-refusal" not in text
    assert http.get(f"{page}/parts/life_clarity/report").content == CONTENT
    assert answer.headers["retry-after"] == "60"
    assert "We have written to j•••@example.com." in told


def test_a_bundle_has_a_card_for_each_report(
    http: httpx.Client, deliver: Deliver, orders_log: Log, settings: Settings
) -> None:
    bundle, page = buy(http, deliver, orders_log, "bundle")
    parts, sealer = place_parts(orders_log, bundle), orders_log.read(bundle).sealer
    before = http.get(page)
    blob = Blobs(settings.blob_url).put(CONTENT, sealer)
    done = bound(blob=blob, size=len(CONTENT))
    add(orders_log, parts["life_clarity"], started(), done, OrderDelivered(by="bundle"))

    moved = http.get(f"{page}/progress", headers={"If-None-Match": before.headers["etag"]})

    assert moved.status_code == 200
    assert "1 of 3 reports ready" in seen(moved.text)
    assert moved.text.count('role="progressbar"') == 4
    report = f"{page}/parts/life_clarity/report"
    assert f'href="{report}"' in moved.text
    assert http.get(report).content == CONTENT
    assert http.get(f"{page}/parts/personal_horoscope/report").status_code == 404
    assert http.get(f"{page}/parts/nothing/report").status_code == 404


def test_a_long_report_is_counted_part_by_part(
    http: httpx.Client, deliver: Deliver, orders_log: Log
) -> None:
    order, page = buy(http, deliver, orders_log, "personal_horoscope")
    product = CATALOGUE["personal_horoscope"]
    first = product.sections[0].part
    members = [section.name for section in product.sections if section.part == first]
    add(orders_log, order, started(), *(written(name) for name in members))

    text = seen(http.get(page).text)

    assert f"{len(members)} of {len(product.sections)} sections" in text
    assert f"01 {first} Done:" in text


@pytest.mark.parametrize("product", CATALOGUE.values(), ids=CATALOGUE)
def test_every_product_has_its_place_in_the_shop(http: httpx.Client, product: Any) -> None:
    text = seen(http.get("/").text)

    assert product.title in text
    assert product.tagline.split(",")[0] in text
    assert f"${product.prices[0].amount // 100}" in text


def test_a_browser_is_told_of_errors_on_a_page(http: httpx.Client) -> None:
    answer = http.get("/nowhere", headers={"Accept": "text/html,application/xhtml+xml"})

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_a_page_can_be_looked_for_without_being_fetched(http: httpx.Client) -> None:
    answer = http.head("/")

    assert (answer.status_code, answer.content) == (200, b"")
