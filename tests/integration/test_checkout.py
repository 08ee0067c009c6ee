"""Buying on the shop's pages: a real API, and a Stripe that is a server on a socket."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from events.products import CATALOGUE
from events.views import order_number
from sandbox.starting import started
from storage import stripe_secrets, tenants
from storage.record import Log
from storage.settings import Settings, read_from
from tests.integration.conftest import Deliver, serving
from tests.integration.test_pages import seen
from tests.stripe_events import body, paid, sign

GIVEN = {
    "name": "Jenny Rosen",
    "birth_date": "1990-05-17",
    "question": "What <now>?",
    "currency": "eur",
}


@pytest.fixture(scope="module")
def silent_stripe() -> Iterator[str]:
    """A Stripe whose webhooks are all lost."""
    with started(
        "sandbox.stripe_server", "--cashier", environment={"STRIPE_WEBHOOK_SECRET": ""}
    ) as url:
        yield url


@pytest.fixture
def stripe(silent_stripe: str) -> Iterator[str]:
    yield silent_stripe
    httpx.put(f"{silent_stripe}/_fault", json={})
    httpx.delete(f"{silent_stripe}/_sessions")


@pytest.fixture
def shop(environment: dict[str, str], stripe: str) -> Iterator[httpx.Client]:
    """A shop with an account at that Stripe."""
    account = {"STRIPE_API_KEY": "sk_test_canary", "STRIPE_API_BASE_URL": stripe}
    with (
        serving(read_from({**environment, **account})) as url,
        httpx.Client(base_url=url) as http,
    ):
        yield http


def fill(shop: httpx.Client, product: str = "life_clarity", **changed: str) -> dict[str, str]:
    """The form as a buyer sends it."""
    (key,) = re.findall(r'name="key" value="([^"]+)"', shop.get(f"/buy/{product}").text)
    return {**GIVEN, "key": key, **changed}


def begun(answer: httpx.Response) -> str:
    """Where the buyer is led to pay."""
    return answer.headers["refresh"].removeprefix("0; url=")


def pay(url: str) -> str:
    """Pay there; where the buyer is sent back to."""
    answer = httpx.post(url, data={"email": "jenny.rosen@example.com"})
    assert answer.status_code == 303
    back = urlsplit(answer.headers["location"])
    return f"{back.path}?{back.query}"


def test_what_is_filled_in_and_paid_for_becomes_an_order(
    shop: httpx.Client, stripe: str, orders_log: Log
) -> None:
    answer = shop.post("/buy/life_clarity", data=fill(shop))
    assert answer.status_code == 200
    back = pay(begun(answer))

    waiting = shop.get(back)
    again = waiting.headers["refresh"]
    early = [shop.get(f"{back}&waited={seconds}").status_code for seconds in (2, 4)]
    asked = [each["path"] for each in httpx.get(f"{stripe}/_requests").json()]
    led = shop.get(f"{back}&waited=6")

    assert "Confirming your payment" in seen(waiting.text)
    assert again == f"2; url={back}&waited=2"
    assert early == [200, 200]
    assert not any(path.startswith("/v1/checkout/sessions/cs_") for path in asked)
    assert led.status_code == 303
    page = seen(shop.get(led.headers["location"], follow_redirects=True).text)
    assert "Life Clarity" in page
    assert "j•••@example.com" in page
    (order,) = shop.get("/v1/orders", headers={"Authorization": "Bearer operator-secret"}).json()[
        "data"
    ]
    placed = orders_log.read(order["id"]).order.placed
    assert placed is not None
    assert placed.fields == {name: GIVEN[name] for name in ("name", "birth_date", "question")}
    assert placed.price == CATALOGUE["life_clarity"].price("eur")


def test_the_same_form_sent_twice_is_one_checkout(shop: httpx.Client) -> None:
    form = fill(shop)

    first, second = (begun(shop.post("/buy/life_clarity", data=form)) for _ in range(2))

    assert first == second
    assert begun(shop.post("/buy/life_clarity", data=fill(shop))) != first


def test_what_is_wrong_is_said_where_it_is_and_nothing_is_lost(
    shop: httpx.Client, stripe: str
) -> None:
    wrong = fill(shop, name="", birth_date="yesterday", question="w" * 501)

    answer = shop.post("/buy/life_clarity", data=wrong)

    text = seen(answer.text)
    assert answer.status_code == 422
    assert "This is missing." in text
    assert "This is not a date like 1990-05-17." in text
    assert "This is too long: up to 500 characters, please." in text
    assert "w" * 501 in text
    assert wrong["key"] in answer.text
    assert answer.text.count('aria-invalid="true"') == 3
    odd = seen(shop.post("/buy/life_clarity", data=fill(shop, name="Jen\0ny")).text)
    assert "This holds a NUL character." in odd
    assert httpx.get(f"{stripe}/_requests").json() == []


@pytest.mark.parametrize(
    "changed", [{"currency": "yen"}, {"key": ""}, {"key": "<script>"}, {"key": "a" * 99}]
)
def test_a_form_that_is_not_ours_is_refused(shop: httpx.Client, changed: dict[str, str]) -> None:
    answer = shop.post(
        "/buy/life_clarity", data=fill(shop, **changed), headers={"Accept": "text/html"}
    )

    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("product", ["document_analysis", "nothing"])
def test_what_is_not_sold_on_pages_has_no_form(shop: httpx.Client, product: str) -> None:
    assert shop.get(f"/buy/{product}").status_code == 404


def test_without_an_account_nothing_is_sold(http: httpx.Client) -> None:
    assert http.get("/buy/life_clarity").status_code == 404
    assert "/buy/" not in http.get("/").text


def test_stripe_being_away_is_told_and_can_be_tried_again(shop: httpx.Client, stripe: str) -> None:
    form = fill(shop)
    httpx.put(f"{stripe}/_fault", json={"status": 500})

    away = shop.post("/buy/life_clarity", data=form, headers={"Accept": "text/html"})
    waiting = shop.get("/checkout/return", params={"session_id": "cs_test_1", "waited": "8"})

    assert away.status_code == 503
    assert "canary" not in away.text
    assert waiting.status_code == 200
    assert "Confirming your payment" in waiting.text


def test_a_session_that_stripe_does_not_know_or_is_not_paid_leads_nowhere(
    shop: httpx.Client,
) -> None:
    session = begun(shop.post("/buy/life_clarity", data=fill(shop))).rpartition("/")[2]

    unpaid = shop.get("/checkout/return", params={"session_id": session, "waited": "8"})
    unknown = shop.get("/checkout/return", params={"session_id": "cs_test_none", "waited": "8"})

    assert unpaid.status_code == 200
    assert "Confirming your payment" in unpaid.text
    assert unknown.status_code == 404


@pytest.mark.usefixtures("no_time_passes")
def test_stripe_is_not_asked_about_every_session_that_somebody_makes_up(
    shop: httpx.Client, stripe: str
) -> None:
    answers = [
        shop.get("/checkout/return", params={"session_id": f"cs_test_{number}", "waited": "8"})
        for number in range(70)
    ]

    asked = [each["path"] for each in httpx.get(f"{stripe}/_requests").json()]
    waiting = [each for each in answers if each.status_code == 200]
    assert [each.status_code for each in answers] == [404] * 60 + [200] * 10
    assert "Confirming your payment" in seen(waiting[0].text)
    assert len(asked) == len(answers) - len(waiting)


def test_later_the_session_leads_to_a_page_that_opens_nothing(
    http: httpx.Client, deliver: Deliver, database: str
) -> None:
    order = deliver(paid()).json()["order"]
    back = {"session_id": paid()["data"]["object"]["id"]}

    def led(minutes: int) -> httpx.Response:
        with psycopg.connect(database) as connection:
            placed = "update ledgerpress.orders set placed_at = now() - make_interval(mins => %s)"
            connection.execute(placed, [minutes])
        return http.get("/checkout/return", params=back)

    fresh, old = led(59), led(61)

    assert "set-cookie" in http.get(fresh.headers["location"]).headers
    assert (old.status_code, old.headers["location"]) == (303, f"/o/{order_number(order)}")
    http.cookies.clear()
    page = http.get(old.headers["location"])
    assert "set-cookie" not in page.headers
    assert "jenny" not in page.text.lower()


def test_an_order_paid_to_a_tenant_is_found_too(orders_log: Log, settings: Settings) -> None:
    tenants.add(orders_log.engine, "acme", "Acme")
    stripe_secrets.add(orders_log.engine, settings, "acme", "whsec_acme")
    event = body(paid())
    signed = {"Stripe-Signature": sign(event, "whsec_acme")}
    session = {"session_id": paid()["data"]["object"]["id"]}
    with (
        serving(settings) as url,
        httpx.Client(base_url=url, follow_redirects=True) as shop,
    ):
        assert shop.post("/webhooks/stripe/acme", content=event, headers=signed).is_success

        page = shop.get("/checkout/return", params=session)

    assert [each.status_code for each in page.history] == [303, 303]
    assert "Life Clarity" in page.text
