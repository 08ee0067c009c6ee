"""A customer watches their order from payment to download, while its worker is killed."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from events.products import CATALOGUE
from sandbox.purchase import checkout_completed, post
from sandbox.system import System
from tests.acceptance.buying import slowly
from tests.browser.looking import (
    DESKTOP,
    LOOKS,
    PHONE,
    WITHOUT_SCRIPT,
    Look,
    Looking,
    faint,
    overflow,
)
from tests.waiting import until

pytestmark = pytest.mark.acceptance

WATCHED = [PHONE, Look(1280, dark=True), WITHOUT_SCRIPT, Look(1280, dark=True, script=False)]
DELIVERED = 120_000


def pay(system: System, product: str) -> dict[str, Any]:
    """Pay for it; the checkout session that was paid."""
    event = checkout_completed(CATALOGUE[product], email="jenny.rosen@example.com")
    post(event, url=system.url, secret=system.webhook_secret).raise_for_status()
    session: dict[str, Any] = event["data"]["object"]
    return session


def arrive(page: Page, session: dict[str, Any]) -> None:
    """Come back from the checkout."""
    page.goto(f"/checkout/return?session_id={session['id']}")
    expect(page).to_have_url(re.compile(r"/o/[0-9A-Z]{4}-[0-9A-Z]{4}$"))
    page.wait_for_load_state()


@pytest.mark.parametrize("look", WATCHED, ids=str)
def test_a_report_is_bought_in_the_shop(looking: Looking, look: Look) -> None:
    page = looking.begin(look)
    page.goto("/")
    page.get_by_role("link", name="Order Life Clarity").click()
    page.get_by_label("Your question").fill("What should I look at before I decide?")
    page.locator("form").evaluate("form => { form.noValidate = true }")
    page.get_by_role("button", name="To the payment").click()
    expect(page.get_by_role("alert")).to_contain_text("your name")
    looking.photograph(page, "form", look)
    page.get_by_label("Your name").fill("Jenny Rosen")
    page.get_by_label("€45").check()
    page.get_by_role("button", name="To the payment").click()
    page.get_by_role("button", name="Pay").click()

    expect(page).to_have_url(re.compile(r"/o/[0-9A-Z]{4}-[0-9A-Z]{4}$"))
    expect(page.locator("#headline")).to_have_text("Your report is ready", timeout=DELIVERED)
    assert overflow(page) <= 0


@pytest.mark.parametrize("look", WATCHED, ids=str)
def test_a_customer_watches_a_blueprint_while_its_worker_dies(
    looking: Looking, system: System, look: Look
) -> None:
    page = looking.begin(look)
    with slowly(system, 2.0):  # it cannot be ready before it is looked at
        arrive(page, pay(system, "personal_blueprint"))
        bar = page.get_by_role("progressbar")
        expect(bar).to_have_count(1)
        # Some sections are there: the rest will be written by another worker.
        expect(page.locator(".counted")).to_have_text(re.compile(r"^([5-9]|\d\d) of 52"))
        looking.photograph(page, "writing", look)
        assert faint(page) == []
        system.processes.kill("personal_blueprint")

    expect(page.locator("#headline")).to_have_text("Your report is ready", timeout=DELIVERED)
    expect(page.locator(".stages li[aria-current]")).to_have_count(0, timeout=DELIVERED)
    looking.photograph(page, "ready", look)
    assert overflow(page) <= 0
    assert faint(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Download Personal Blueprint").click()
    assert download.value.suggested_filename.endswith(".pdf")
    assert download.value.path().read_bytes().startswith(b"%PDF")


def test_the_bar_moves_with_events_and_never_back(looking: Looking, system: System) -> None:
    page = looking.begin(PHONE)
    with slowly(system, 2.0):  # what comes together is shown together
        arrive(page, pay(system, "personal_blueprint"))
        page.evaluate(
            """() => {
                window.seen = [];
                new MutationObserver(() => {
                    const bar = document.querySelector('[role=progressbar]');
                    if (bar) window.seen.push(Number(bar.getAttribute('aria-valuenow')));
                }).observe(document.querySelector('#live'), {childList: true});
            }"""
        )
        until(lambda: len(set(page.evaluate("window.seen"))) > 5)

    expect(page.locator("#headline")).to_have_text("Your report is ready", timeout=DELIVERED)

    seen = page.evaluate("window.seen")
    assert seen == sorted(seen)
    assert page.title() == "Ready · Personal Blueprint"
    assert page.locator("#said").inner_text() == "Your report is ready"


@pytest.mark.parametrize("look", [PHONE, DESKTOP, WITHOUT_SCRIPT], ids=str)
def test_finished_reports_of_a_bundle_can_be_fetched_as_they_land(
    looking: Looking, system: System, look: Look
) -> None:
    page = looking.begin(look)
    with slowly(system, 1.0):  # the long one is written in minutes
        arrive(page, pay(system, "bundle"))

        first = page.get_by_role("link", name="Download Life Clarity")
        expect(first).to_be_visible(timeout=DELIVERED)
        looking.photograph(page, "bundle", look)
        with page.expect_download() as download:
            first.click()

        assert download.value.path().read_bytes().startswith(b"%PDF")
        assert overflow(page) <= 0
        expect(page.get_by_role("progressbar")).to_have_count(4)


@pytest.mark.parametrize("look", LOOKS)
def test_another_browser_sees_nothing_of_the_customer(
    looking: Looking, system: System, look: Look
) -> None:
    page = looking.begin(look)
    arrive(page, pay(system, "life_clarity"))
    stranger = looking.begin(look)

    stranger.goto(page.url)

    expect(stranger.get_by_text("Open the link from our e-mail")).to_be_visible()
    looking.photograph(stranger, "redacted", look)
    assert "example.com" not in stranger.content()
    assert httpx.get(f"{page.url}/report", timeout=30).status_code == 403


@pytest.mark.parametrize("look", LOOKS)
def test_who_comes_back_before_the_payment_is_known_waits(
    looking: Looking, system: System, look: Look
) -> None:
    event = checkout_completed(CATALOGUE["life_clarity"], email="jenny.rosen@example.com")
    page = looking.begin(look)
    page.goto(f"/checkout/return?session_id={event['data']['object']['id']}")
    expect(page.get_by_text("Confirming your payment")).to_be_visible()
    looking.photograph(page, "waiting", look)

    post(event, url=system.url, secret=system.webhook_secret).raise_for_status()

    expect(page).to_have_url(re.compile(r"/o/[0-9A-Z]{4}-[0-9A-Z]{4}$"))


def test_a_tab_in_the_background_asks_and_one_that_is_seen_streams(
    looking: Looking, system: System
) -> None:
    page = looking.begin(PHONE)
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url.rpartition("/")[2].partition("?")[0])
    )
    with slowly(system, 2.0):
        arrive(page, pay(system, "personal_blueprint"))
        expect(page.locator(".counted")).to_have_text(re.compile("^[1-9]"))
    assert "stream" in asked
    assert "progress" not in asked

    # Chromium without a window calls every tab visible.
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true})"
    page.evaluate(hide % "true")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    asked.clear()
    with page.expect_request(re.compile("/progress$")):
        pass
    assert "stream" not in asked
    page.evaluate(hide % "false")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(page.locator("#headline")).to_have_text("Your report is ready", timeout=DELIVERED)
