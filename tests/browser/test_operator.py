"""An operator logs in, sees what needs a human, looks at what a retry leads to, and does it."""

import re
import secrets
import time
from collections.abc import Sequence

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from events.products import CATALOGUE
from sandbox.purchase import checkout_completed, post
from sandbox.system import System
from tests.browser.looking import DESKTOP, LOOKS, PHONE, Look, Looking, overflow
from tests.waiting import until

pytestmark = pytest.mark.acceptance

DELIVERED = 120_000


def underpaid(system: System, product: str = "life_clarity") -> str:
    """An order in attention: what was paid is not its price."""
    event = checkout_completed(CATALOGUE[product], email="jenny.rosen@example.com")
    event["data"]["object"]["amount_total"] = 100
    answer = post(event, url=system.url, secret=system.webhook_secret).raise_for_status()
    order: str = answer.json()["order"]
    return order


def told_of(system: System, orders: Sequence[str]) -> None:
    """Wait until the mails about them are out: nothing moves them any more."""
    asking = {"Authorization": f"Bearer {system.environment['OPERATOR_TOKEN']}"}

    def told(order: str) -> bool:
        url = f"{system.url}/v1/orders/{order}/events"
        events = httpx.get(url, headers=asking, timeout=30).json()
        return [each["type"] for each in events["data"]].count("mail-sent") == 2

    for order in orders:
        until(lambda: told(order))  # noqa: B023 - at once


def loaded_until_it_shows(page: Page, wanted: Locator) -> None:
    """Load the page again until it shows that: without a script, it stays what it was a second before."""
    deadline = time.monotonic() + DELIVERED / 1000
    while not wanted.count() and time.monotonic() < deadline:
        page.wait_for_timeout(500)
        page.reload()


def log_in(page: Page, system: System, next_: str = "/ops") -> None:
    page.goto(next_)
    page.get_by_label("Token").fill(system.environment["OPERATOR_TOKEN"])
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile(re.escape(next_) + "$"))
    page.wait_for_load_state()  # no key is heard before


def looked_at(looking: Looking, page: Page, name: str, look: Look) -> None:
    looking.photograph(page, f"ops-{name}", look)
    assert overflow(page) <= 0


@pytest.mark.parametrize("look", LOOKS)
def test_an_operator_resolves_an_order_by_a_retry(
    looking: Looking, system: System, look: Look
) -> None:
    order = underpaid(system)
    told_of(system, [order])
    page = looking.begin(look)
    page.goto("/ops")
    looked_at(looking, page, "log-in", look)
    log_in(page, system)
    cause = page.locator(".cause", has_text="unusable-payment")
    loaded_until_it_shows(page, cause)
    expect(cause).to_contain_text("1.00 USD was paid for, but Life Clarity costs 49.00 USD.")
    looked_at(looking, page, "board", look)

    page.goto(f"/ops/orders?q={order}")
    expect(page.locator("#stand")).to_contain_text("attention")
    page.get_by_role("link", name="Retry…").click()
    expect(page.locator(".foretold")).to_contain_text("4 of 4 sections")
    expect(page.locator(".foretold")).to_contain_text("the customer gets the report")
    looked_at(looking, page, "preview", look)
    page.get_by_label("Why").fill("A voucher of ours; the price is right.")
    page.get_by_role("button", name="Retry").click()

    expect(page.get_by_role("status")).to_contain_text("Retry: it is recorded")
    if look.script:
        expect(page.locator("#stand")).to_contain_text("delivered", timeout=DELIVERED)
    else:
        loaded_until_it_shows(page, page.locator("#stand", has_text="delivered"))
    expect(page.locator("#stand")).to_contain_text("delivered")
    expect(page.locator(".fall-title", has_text="Mail: report")).to_be_visible()
    looked_at(looking, page, "order", look)
    page.goto("/ops")
    expect(page.locator(".acts")).to_contain_text("A voucher of ours")


@pytest.mark.parametrize("look", [PHONE, DESKTOP], ids=str)
def test_many_are_cancelled_at_once_after_a_look_ahead(
    looking: Looking, system: System, look: Look
) -> None:
    orders = [underpaid(system, "personal_blueprint") for _ in range(3)]
    told_of(system, orders)
    page = looking.begin(look)
    query = "status=attention&product=personal_blueprint"
    log_in(page, system, f"/ops/orders?{query}")
    for order in orders:
        expect(page.locator(f'a[href$="{order}"]')).to_be_visible()
    looked_at(looking, page, "orders", look)
    page.get_by_role("link", name="Cancel all…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel 3 orders")
    looked_at(looking, page, "many", look)
    page.get_by_label("Why").fill("Ordered by mistake.")
    page.get_by_role("button", name="Cancel 3 orders").click()

    expect(page.get_by_role("status")).to_contain_text("Cancel: 3 orders done.")
    expect(page.locator(".nothing")).to_be_visible()


def test_the_page_is_current_without_being_loaded_again(looking: Looking, system: System) -> None:
    page = looking.begin(DESKTOP)
    log_in(page, system)
    page.evaluate("window.stayed = true")
    product = f"unheard_of_{secrets.token_hex(4)}"

    event = checkout_completed(CATALOGUE["life_clarity"], email="jenny.rosen@example.com")
    event["data"]["object"]["metadata"]["product"] = product
    post(event, url=system.url, secret=system.webhook_secret).raise_for_status()

    expect(page.locator(".cause", has_text=product)).to_have_count(1)
    expect(page).to_have_title(re.compile("need a human"))
    assert page.evaluate("window.stayed")


def test_rows_are_walked_through_by_keys(looking: Looking, system: System) -> None:
    order = underpaid(system)
    page = looking.begin(DESKTOP)
    log_in(page, system, "/ops/orders?status=attention")

    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(f"/ops/orders/{order}$"))
    page.wait_for_load_state()
    page.keyboard.press("e")
    expect(page.locator("#live details:not([open])")).to_have_count(0)


def test_an_auditor_is_shown_nothing_to_press(looking: Looking, system: System) -> None:
    order = underpaid(system)
    page = looking.begin(DESKTOP)
    page.goto(f"/ops/orders/{order}")
    page.get_by_label("Token").fill(system.environment["AUDITOR_TOKEN"])
    page.get_by_role("button", name="Log in").click()

    expect(page.locator("#stand")).to_contain_text("attention")
    assert page.get_by_role("link", name="Retry").count() == 0
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(re.compile("/log-in"))
    page.goto(f"/ops/orders/{order}")
    expect(page).to_have_url(re.compile("/log-in"))
