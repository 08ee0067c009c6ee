"""How staff log in to the pages, and what a form of theirs must bring along."""

import base64
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from api.sessions import Filled, OperatorPage, StaffPage
from storage.passes import Passes
from storage.record import Log
from storage.settings import Settings, read_from
from tests.integration.conftest import serving

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(32)).decode()


@pytest.fixture
def pages(settings: Settings) -> Iterator[httpx.Client]:
    """A browser, as far as cookies go, before an API with three small pages of staff."""
    with serving(settings, with_pages) as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client


def with_pages(app: FastAPI) -> None:
    @app.get("/ops/seen")
    def seen(session: StaffPage) -> str:
        return str(session.role)

    @app.get("/ops/done")
    def done(session: OperatorPage) -> str:
        return str(session.role)

    @app.post("/ops/done")
    def do(_: OperatorPage, form: Filled) -> str:
        return form.get("what")


def form_token(page: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found
    return found[1]


def log_in(
    client: httpx.Client, token: str = "operator-secret", next_: str = "/ops/seen", **headers: str
) -> httpx.Response:
    page = client.get("/log-in", params={"next": next_})
    asked = re.search(r'name="next" value="([^"]+)"', page.text)
    assert asked
    filled = {"token": token, "next": asked[1], "form_token": form_token(page.text)}
    return client.post("/log-in", data=filled, headers=headers)


def test_whoever_is_not_logged_in_is_led_to_the_log_in_and_back(pages: httpx.Client) -> None:
    led = pages.get("/ops/seen?status=attention")
    back = log_in(pages, next_="/ops/seen?status=attention")

    assert led.status_code == 303
    assert led.headers["location"] == "/log-in?next=%2Fops%2Fseen%3Fstatus%3Dattention"
    assert (back.status_code, back.headers["location"]) == (303, "/ops/seen?status=attention")
    assert pages.get("/ops/seen").json() == "operator"


def test_the_cookie_is_out_of_reach_for_scripts_and_for_other_sites(pages: httpx.Client) -> None:
    cookie = log_in(pages).headers["set-cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=43200" in cookie
    assert "operator-secret" not in cookie


def test_over_https_the_cookie_is_sent_over_nothing_else(environment: dict[str, str]) -> None:
    settings = read_from({**environment, "PUBLIC_URL": "https://reports.example"})
    with serving(settings) as url, httpx.Client(base_url=url, timeout=20) as client:
        cookie = client.get("/log-in").headers["set-cookie"]

    assert cookie.startswith("__Host-staff=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_an_auditor_sees_and_does_nothing(pages: httpx.Client) -> None:
    log_in(pages, "auditor-secret")

    assert pages.get("/ops/seen").json() == "auditor"
    assert pages.get("/ops/done").status_code == 403


@pytest.mark.parametrize("token", ["wrong", "", "operator-secre", "öperator"])
def test_a_wrong_token_is_told_so_and_lets_nobody_in(pages: httpx.Client, token: str) -> None:
    answer = log_in(pages, token)

    assert answer.status_code == 403
    assert "neither the operator&#39;s nor the auditor&#39;s" in answer.text
    assert pages.get("/ops/seen").status_code == 303


@pytest.mark.parametrize(
    "away",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/ops",
        "/\t/evil.example",
        "/ops\n//evil.example",
        "evil.example",
        "",
        "javascript:alert(1)",
    ],
)
def test_nobody_is_led_off_the_site(pages: httpx.Client, away: str) -> None:
    assert log_in(pages, next_=away).headers["location"] == "/ops"


def test_tries_are_counted(pages: httpx.Client, orders_log: Log) -> None:
    began, answers = time.monotonic(), [log_in(pages, "wrong")]
    while answers[-1].status_code == 403:
        answers.append(log_in(pages, "wrong"))
    given_back = (time.monotonic() - began) / 6
    with orders_log.engine.connect() as connection:
        connection.exec_driver_sql("set role none")
        connection.exec_driver_sql(
            "update ledgerpress.allowances set full_at = full_at + interval '1 hour'"
        )
        connection.exec_driver_sql("reset role")

    assert answers[-1].status_code == 429
    assert 10 <= len(answers) - 1 <= 10 + given_back
    assert 0 < int(answers[-1].headers["retry-after"]) <= 7
    assert log_in(pages).status_code == 429


def test_logging_out_ends_it(pages: httpx.Client) -> None:
    log_in(pages)
    token = form_token(pages.get("/log-in").text)

    out = pages.post("/log-out", data={"form_token": token})

    assert (out.status_code, out.headers["location"]) == (303, "/log-in")
    assert pages.get("/ops/seen").status_code == 303


def test_a_form_is_taken_with_its_token_from_our_own_page(
    pages: httpx.Client, settings: Settings
) -> None:
    log_in(pages)
    token = form_token(pages.get("/log-in").text)
    filled = {"what": "it", "form_token": token}
    here = str(pages.base_url).rstrip("/")

    for origin in ({}, {"Origin": here}, {"Origin": settings.public_url}):
        answer = pages.post("/ops/done", data=filled, headers=origin)

        assert (answer.status_code, answer.json()) == (200, "it")


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_a_form_of_another_site_is_refused(pages: httpx.Client, foreign: dict[str, str]) -> None:
    log_in(pages)
    filled = {"what": "it", "form_token": form_token(pages.get("/log-in").text)}

    assert pages.post("/ops/done", data=filled, headers=foreign).status_code == 403


def test_a_form_of_another_session_is_refused(pages: httpx.Client) -> None:
    log_in(pages)
    another = form_token(pages.get("/log-in").text)
    log_in(pages)

    for token in (another, "", "é"):
        answer = pages.post("/ops/done", data={"what": "it", "form_token": token})

        assert answer.status_code == 403
    assert pages.post("/ops/done").status_code == 403


def test_a_form_that_is_none_is_refused(pages: httpx.Client) -> None:
    log_in(pages)

    assert pages.post("/ops/done", content=b"what=\xff%ff").status_code == 400
    assert pages.post("/ops/done", content=b"what=a%00b").status_code == 400
    assert pages.post("/ops/done", content=b"&".join([b"a=1"] * 999)).status_code == 400


def test_a_session_ends_with_the_token_it_was_opened_with(
    pages: httpx.Client, environment: dict[str, str]
) -> None:
    log_in(pages)
    cookie = {"staff": pages.cookies["staff"]}
    rotated = read_from({**environment, "OPERATOR_TOKEN": "another-secret"})
    without = read_from({**environment, "OPERATOR_TOKEN": ""})

    for settings in (rotated, without):
        with serving(settings, with_pages) as url, httpx.Client(cookies=cookie) as client:
            assert client.get(f"{url}/ops/seen").status_code == 303


def test_a_session_outlives_a_rotated_vault_key(
    pages: httpx.Client, environment: dict[str, str]
) -> None:
    log_in(pages)
    cookie = {"staff": pages.cookies["staff"]}
    rotated = read_from({**environment, "VAULT_KEY": f"{KEY},{environment['VAULT_KEY']}"})
    other = read_from({**environment, "VAULT_KEY": KEY})

    for settings, status in ((rotated, 200), (other, 303)):
        with serving(settings, with_pages) as url, httpx.Client(cookies=cookie) as client:
            assert client.get(f"{url}/ops/seen").status_code == status


def test_a_session_is_over_after_twelve_hours(settings: Settings) -> None:
    now = datetime.now(UTC)

    def with_clock(app: FastAPI) -> None:
        with_pages(app)

        @app.middleware("http")
        async def later(request: Request, on: Callable[[Request], Awaitable[Response]]) -> Response:
            hours = float(request.headers.get("x-hours-later", "0"))
            desk = replace(request.app.state.desk, clock=lambda: now + timedelta(hours=hours))
            request.app.state.desk = desk
            return await on(request)

    with serving(settings, with_clock) as url, httpx.Client(base_url=url, timeout=20) as client:
        log_in(client)
        found = {
            hours: client.get("/ops/seen", headers={"X-Hours-Later": hours}).status_code
            for hours in ("11.9", "12.1")
        }

    assert found == {"11.9": 200, "12.1": 303}


def test_a_cookie_that_was_not_made_here_opens_nothing(pages: httpx.Client) -> None:
    log_in(pages, "auditor-secret")
    role, expires, nonce, signature = pages.cookies["staff"].split(".")

    for forged in (
        f"operator.{expires}.{nonce}.{signature}",
        f"{role}.{int(expires) + 1}.{nonce}.{signature}",
        f"{role}.{'9' * 5000}.{nonce}.{signature}",
        f"tenant.{expires}.{nonce}.{signature}",
        f"{role}.{expires}.{nonce}.",
        "operator",
        "....",
    ):
        answer = httpx.get(pages.base_url.join("/ops/seen"), headers={"Cookie": f"staff={forged}"})

        assert answer.status_code == 303


def test_a_signature_is_worth_nothing_as_another_kind_or_with_another_secret() -> None:
    signature = Passes([KEY], "session", "one").sign("text")

    assert Passes([OTHER_KEY, KEY], "session", "one").signed("text", signature)
    assert not Passes([KEY], "session", "one").signed("another", signature)
    assert not Passes([KEY], "form", "one").signed("text", signature)
    assert not Passes([KEY], "session", "two").signed("text", signature)
    assert not Passes([OTHER_KEY], "session", "one").signed("text", signature)


def test_a_cookie_opens_nothing_of_the_api(pages: httpx.Client) -> None:
    log_in(pages)

    assert pages.get("/v1/orders").status_code == 401


def test_the_page_may_name_itself_as_the_origin_of_its_forms(pages: httpx.Client) -> None:
    answer = pages.get("/log-in")

    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-robots-tag"] == "noindex"
    assert answer.headers["cache-control"] == "no-store"
