"""An auditor goes from a complaint to a verified answer: with the slider, without JavaScript, on every screen."""

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from events.checkpoint import Key
from events.views import order_number
from sandbox.system import System
from tests.acceptance.buying import Bought, buy
from tests.browser.looking import DESKTOP, LOOKS, PHONE, WITHOUT_SCRIPT, Look, Looking, overflow
from tests.forking import ledgerpress
from tests.integration.test_sessions import log_in

pytestmark = pytest.mark.acceptance

Begin = Callable[[Look], Page]
# Milliseconds that the slider rests on a version; and a moment, in seconds, that no page has been open for.
STEP, HOUR = 700, 3600
VIEWS = ("changes", "state", "event", "why", "customer")


@pytest.fixture(scope="module")
def order(system: System) -> Bought:
    """An order that was delivered, in a log that was signed since."""
    bought = buy(system)
    bought.delivered(120)
    assert command(system, "audit", "checkpoint").returncode == 0
    return bought


def command(system: System, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``ledgerpress`` in that system."""
    return ledgerpress(*words, folder=system.folder, environment=system.environment)


def key_of(system: System) -> str:
    """The public key that the system signs with, as its operator would tell it to an auditor."""
    key: str = json.loads(command(system, "audit", "checkpoint", "--json").stdout)["keys"][0]
    return key


@pytest.fixture(scope="module")
def cookie(system: System) -> tuple[str, str]:
    """What a browser has once its auditor has logged in: from one address, that is possible ten times a minute."""
    with httpx.Client(base_url=system.url, timeout=30) as client:
        assert log_in(client, system.environment["AUDITOR_TOKEN"], "/audit").status_code == 303
        (found,) = client.cookies.items()
    return found


@pytest.fixture
def begin(looking: Looking, system: System, cookie: tuple[str, str]) -> Begin:
    """Opens a window in which an auditor has logged in."""

    def window(look: Look) -> Page:
        page = looking.begin(look)
        page.context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": system.url}])
        return page

    return window


def at(page: Page, version: int) -> None:
    """Wait until that version is shown."""
    expect(page.locator(".moment .counted")).to_contain_text(f"Version {version} of")


@pytest.mark.parametrize("look", LOOKS)
def test_the_log_fits_every_screen(
    begin: Begin, looking: Looking, order: Bought, look: Look
) -> None:
    page = begin(look)

    page.goto(f"/audit?order={order.id}")

    expect(page.locator(".log tbody tr")).to_have_count(int(order.ask()["version"]))
    assert overflow(page) <= 0
    looking.photograph(page, "audit-log", look)


@pytest.mark.parametrize("look", LOOKS)
def test_every_view_of_a_moment_fits_every_screen(
    begin: Begin, looking: Looking, order: Bought, look: Look
) -> None:
    page = begin(look)
    for view in VIEWS:
        page.goto(f"/audit/orders/{order.id}?at=5&view={view}")

        at(page, 5)
        if look.script:
            expect(page.locator("#chain.sound")).to_be_visible()
        assert overflow(page) <= 0
        assert page.locator("h1").count() == 1
        looking.photograph(page, f"audit-{view}", look)


@pytest.mark.parametrize("look", [PHONE, DESKTOP], ids=str)
def test_an_auditor_goes_from_a_complaint_to_a_verified_answer(
    looking: Looking, order: Bought, look: Look, tmp_path: Path
) -> None:
    system = order.system
    # When its sections were asked for: answers may come together, and then nothing is left to be written.
    complained_at = order.ask("/events")["data"][3]["time"]
    page = looking.begin(look)
    page.goto("/audit")
    page.get_by_label("Token").fill(system.environment["AUDITOR_TOKEN"])
    page.get_by_role("button", name="Log in").click()

    # Find the order, and go to the moment.
    page.get_by_label("Order").fill(order_number(order.id))
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=f"Order {order_number(order.id)} at any moment").click()
    page.get_by_label("Version, time or event").fill(complained_at)
    page.get_by_role("button", name="Go there").click()
    expect(page.locator(".moment time")).to_have_attribute("datetime", complained_at)

    # See what the customer saw, what happened, and why.
    page.get_by_role("link", name="As the customer saw it").click()
    expect(page.locator(".screen h2")).to_have_text("Your report is being written")
    assert "canary" not in page.content()
    page.locator('.timeline a:has-text("mail-sent")').click()
    page.get_by_role("link", name="Why").click()
    expect(page.locator(".why li").first).to_contain_text("From outside: stripe evt_")
    expect(page.locator(".why li.here")).to_contain_text("mail-sent")
    page.get_by_role("link", name="Event", exact=True).click()
    expect(page.locator("#moment")).to_contain_text("message_id")

    # Verify it with the key that was told by somebody else.
    expect(page.locator("#chain.sound")).to_contain_text("The key came with these events")
    page.get_by_label("The key you trust").fill(key_of(system))
    page.get_by_label("The key you trust").blur()
    expect(page.locator("#verdict")).to_contain_text("The key you trust has signed it.")
    looking.photograph(page, "audit-verified", look)

    # Take it along.
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the bundle").click()
    bundle = tmp_path / download.value.suggested_filename
    download.value.save_as(bundle)
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path / "bundle")
    verifier = [sys.executable, "-I", str(tmp_path / "bundle" / "verify.py"), str(bundle)]
    ran = subprocess.run([*verifier, "--key", key_of(system)], check=False, capture_output=True)
    assert ran.returncode == 0, ran.stderr
    page.goto((tmp_path / "bundle" / "index.html").as_uri())
    expect(page.locator("#verdict.sound")).to_contain_text("stand unchanged in the log")


@pytest.mark.usefixtures("order")
def test_the_page_of_a_single_event_tells_of_one(
    looking: Looking, system: System, tmp_path: Path
) -> None:
    words = ["--from", "2", "--to", "2", "-o", str(tmp_path / "log.zip")]
    assert command(system, "audit", "export", *words).returncode == 0
    with zipfile.ZipFile(tmp_path / "log.zip") as archive:
        (event,) = map(json.loads, archive.read("events.ndjson").splitlines())
        archive.extractall(tmp_path)
    page = looking.begin(DESKTOP)
    page.goto((tmp_path / "index.html").as_uri())

    time = event["recorded_at"]
    expect(page.locator("#held")).to_contain_text(f"{time} to {time}")


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["--all"], ["events.ndjson"]),
        (["--from", "2", "--to", "5"], ["events.ndjson", "proofs.json"]),
    ],
    ids=["log", "range"],
)
@pytest.mark.usefixtures("order")
def test_the_page_of_more_than_an_order_verifies_what_lies_beside_it(
    *, looking: Looking, system: System, tmp_path: Path, words: list[str], files: list[str]
) -> None:
    assert (
        command(system, "audit", "export", *words, "-o", str(tmp_path / "log.zip")).returncode == 0
    )
    with zipfile.ZipFile(tmp_path / "log.zip") as archive:
        archive.extractall(tmp_path)
    here, verdict = tmp_path / "index.html", "#verdict"
    page = looking.begin(DESKTOP)
    page.goto(here.as_uri())

    expect(page.locator("#held")).to_contain_text("payment-received 1")
    expect(page.locator(verdict)).to_contain_text("Not verified yet")
    page.get_by_label("The key you trust").fill(key_of(system))
    for number, name in enumerate(files):
        page.locator("#files").set_input_files(tmp_path / name)
        lacking = files[number + 1 :]
        expect(page.locator(verdict)).to_contain_text(
            lacking[0] if lacking else "The key you trust has signed it"
        )
    expect(page.locator(f"{verdict}.sound")).to_contain_text("stand unchanged in the log")
    expect(page.locator("#events tr .mark.sound").first).to_be_visible()
    looking.photograph(page, f"bundle-{words[0].strip('-')}", DESKTOP)
    lines = (tmp_path / "events.ndjson").read_text("utf-8")
    for forged, told in (
        (
            lines.replace("payment-received", "payment-refused", 1),
            "its hash is not that of its content",
        ),
        ("".join(lines.splitlines(keepends=True)[:-1]), "these are "),
    ):
        page.locator("#files").set_input_files(
            {"name": "events.ndjson", "mimeType": "", "buffer": forged.encode()}
        )
        expect(page.locator(f"{verdict}.broken")).to_contain_text(told)
    here.write_text(here.read_text("utf-8").replace('"most":20000', '"most":1'), "utf-8")
    page.reload()
    expect(page.locator(verdict)).to_contain_text("Use verify.py beside it")
    expect(page.locator("#drop")).to_be_hidden()


def test_the_slider_moves_the_page_and_its_address(begin: Begin, order: Bought) -> None:
    page = begin(DESKTOP)
    page.goto(f"/audit/orders/{order.id}?at=4&view=state")
    slider = page.get_by_role("slider", name="Version")

    slider.focus()
    slider.press("ArrowRight")
    at(page, 5)
    expect(page).to_have_url(re.compile(r"\?at=5&view=state$"))
    slider.press("Home")
    at(page, 1)
    expect(page.locator("#moment dd").first).to_have_text("awaiting_payment")
    assert page.locator("#back").get_attribute("href") is None
    page.locator("#forth").click()
    at(page, 2)
    page.get_by_role("link", name="What changed").click()
    expect(page.locator(".changes")).to_contain_text("paid")
    page.locator(".timeline [data-version='3']").click()
    at(page, 3)
    expect(page.locator(".timeline [aria-current]")).to_have_attribute("data-version", "3")
    page.go_back()
    at(page, 2)
    expect(slider).to_have_value("2")


def test_the_slider_moves_by_itself(begin: Begin, order: Bought) -> None:
    page = begin(PHONE)
    page.clock.install(time=0)
    page.goto(f"/audit/orders/{order.id}?at=1&view=customer")
    page.clock.pause_at(HOUR)

    page.get_by_role("button", name="Play").click()

    for version in (2, 3, 4):  # each is there for an instant only, unless time stands still
        page.clock.run_for(STEP + 50)
        at(page, version)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()


@pytest.mark.parametrize("look", [WITHOUT_SCRIPT, Look(1280, script=False)], ids=str)
def test_without_javascript_links_and_forms_lead_to_every_moment(
    begin: Begin, order: Bought, look: Look
) -> None:
    page = begin(look)
    page.goto("/audit")
    page.get_by_label("Order").fill(order_number(order.id))
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=f"Order {order_number(order.id)} at any moment").click()

    page.get_by_label("Version, time or event").fill("4")
    page.get_by_role("button", name="Go there").click()
    at(page, 4)
    page.get_by_role("link", name="The next version").click()
    at(page, 5)
    page.get_by_role("link", name="As the customer saw it").click()
    expect(page.locator(".screen h2")).to_have_text("Your report is being written")
    slider = page.get_by_role("slider", name="Version")
    slider.focus()
    slider.press("ArrowLeft")
    page.get_by_role("button", name="Show").click()
    at(page, 4)
    expect(page.locator(".screen")).to_be_visible()
    page.locator(".timeline [data-version='2']").click()
    at(page, 2)
    expect(page.locator("#verdict")).to_contain_text("The bundle verifies without it")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the bundle").click()
    assert zipfile.is_zipfile(download.value.path())


def test_a_moment_that_never_was_is_told_with_what_to_do(
    begin: Begin, looking: Looking, order: Bought
) -> None:
    page = begin(PHONE)
    page.goto(f"/audit/orders/{order.id}")
    expect(page.locator("#chain.sound")).to_be_visible()

    for named, told in (("yesterday", "2026-11-21T13:02:11Z"), ("999", "ask for one from 1 to")):
        page.get_by_label("Version, time or event").fill(named)
        page.get_by_role("button", name="Go there").click()

        expect(page.get_by_role("alert")).to_contain_text(told)
        looking.photograph(page, f"audit-refused-{named}", PHONE)


def lying(path: str, value: object) -> Callable[[Route], None]:
    """A server that changes what it gives the browser to verify."""

    def answer(route: Route) -> None:
        told = route.fetch().json()
        *way, name = path.split(".")
        place = told
        for step in way:
            place = place[int(step) if step.isdecimal() else step]
        place[name] = value
        route.fulfill(json=told)

    return answer


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        (("events.3.data", "{}"), "version 4: its hash is not that of its content"),
        (("events.3.version", 5), "version 4 is missing"),
        (("events.0.previous", "00" * 32), "it does not follow from the event before it"),
        (("proofs.inclusion", {}), "nothing proves that it is in the log at position"),
        (("order", "another"), "there is no event of this order"),
        (("events.0.schema", 65537), "a number is too large"),
        (("events.0.fence", -1), "no attempt has such a number"),
        (("events.0.data", ["{}"]), "a text is malformed"),
        (("events.0.recorded_at", "2026-02-30T00:00:00.000000Z"), "a time is malformed"),
    ],
)
def test_a_lie_is_found_by_the_browser(
    begin: Begin, looking: Looking, order: Bought, lie: tuple[str, object], told: str
) -> None:
    page = begin(DESKTOP)
    page.route("**/evidence", lying(*lie))

    page.goto(f"/audit/orders/{order.id}")

    expect(page.locator("#chain.broken #verdict")).to_contain_text(told)
    looking.photograph(page, f"audit-lie-{lie[0]}", DESKTOP)


def test_a_key_that_has_not_signed_is_told_apart(
    begin: Begin, system: System, order: Bought
) -> None:
    page = begin(DESKTOP)
    page.goto(f"/audit/orders/{order.id}")
    expect(page.locator("#chain.sound")).to_be_visible()
    key = page.get_by_label("The key you trust")
    name, _, rest = key_of(system).partition("+")

    for given, told in (
        (f"other.example/log+{rest}", "this key's id is not its own"),
        (f"{name}+nonsense", "a key looks like name+id+base64"),
        (str(Key(name, bytes(32))), "The key you trust has not signed this."),
    ):
        key.fill(given)
        key.blur()
        expect(page.locator("#chain.broken #verdict")).to_have_text(told)


def test_an_order_that_is_not_signed_yet_says_so(begin: Begin, order: Bought) -> None:
    page = begin(PHONE)
    page.route("**/evidence", lambda route: route.fulfill(status=404))

    page.goto(f"/audit/orders/{order.id}")

    expect(page.locator("#verdict")).to_contain_text("No checkpoint has been signed")
