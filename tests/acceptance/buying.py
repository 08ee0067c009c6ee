"""Buys a report as a customer would, and looks at it as everyone else would."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from events.products import CATALOGUE
from events.views import SETTLED, Word
from sandbox.purchase import checkout_completed, signature
from sandbox.system import System
from tests.waiting import until


@dataclass(frozen=True, slots=True)
class Bought:
    """An order, by the system's own words."""

    system: System
    id: str
    correlation: str

    def ask(self, path: str = "") -> Any:
        """What the API says of it, to an operator."""
        answer = get(self.system, f"/v1/orders/{self.id}{path}")
        answer.raise_for_status()
        return answer.json()

    def until(
        self, reached: Callable[[dict[str, Any]], bool], seconds: float = 120
    ) -> dict[str, Any]:
        """Its status once ``reached`` says yes; an ``AssertionError`` if that takes too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status: dict[str, Any] = self.ask()
            if reached(status):
                return status
            time.sleep(0.05)
        raise AssertionError(f"still {status} after {seconds} s")

    def delivered(self, seconds: float = 120) -> dict[str, Any]:
        """Its status once it is settled, which must be by delivery."""
        status = self.until(
            lambda status: status["status"] in SETTLED or status["status"] == Word.ATTENTION,
            seconds,
        )
        assert status["status"] == "delivered", status
        return status

    def retry(self) -> None:
        """Let it go on now, as the operator. Should it move on meanwhile, the operator looks again."""

        def done() -> bool:
            answer = httpx.post(
                f"{self.system.url}/v1/orders/{self.id}/retry",
                json={"reason": "It has been looked at."},
                headers={**operator(self.system), "If-Match": f'W/"v{self.ask()["version"]}"'},
                timeout=30,
            )
            if answer.status_code == httpx.codes.PRECONDITION_FAILED:
                return False
            answer.raise_for_status()
            return True

        until(done)

    def mails(self, kind: str = "report") -> list[dict[str, Any]]:
        """The mails of that kind about it that reached the mail server: report, or trouble."""
        return self.among(mails(self.system), kind)

    def among(self, mails: list[dict[str, Any]], kind: str = "report") -> list[dict[str, Any]]:
        """Those of ``mails`` that are of that kind and about it."""
        return [mail for mail in mails if f"<{self.id}.{kind}" in mail["message_id"]]


def operator(system: System) -> dict[str, str]:
    """The header that says who asks."""
    return {"Authorization": f"Bearer {system.environment['OPERATOR_TOKEN']}"}


def get(system: System, path: str) -> httpx.Response:
    """Ask the API as the operator."""
    return httpx.get(f"{system.url}{path}", headers=operator(system), timeout=30)


def post(system: System, event: dict[str, Any]) -> httpx.Response:
    """Deliver a signed event."""
    payload = json.dumps(event).encode()
    header = signature(payload, system.environment["STRIPE_WEBHOOK_SECRET"])
    return httpx.post(
        f"{system.url}/webhooks/stripe",
        content=payload,
        headers={"Stripe-Signature": header},
        timeout=30,
    )


def buy(system: System, product: str = "life_clarity") -> Bought:
    """Pay for ``product``."""
    answer = post(system, checkout_completed(CATALOGUE[product], email="canary.bird@example.com"))
    answer.raise_for_status()
    assert answer.json()["verdict"] == "recorded"
    return Bought(system, answer.json()["order"], answer.headers["X-Request-Id"])


def mails(system: System) -> list[dict[str, Any]]:
    """What has reached the mail server."""
    found: list[dict[str, Any]] = httpx.get(f"{system.mail}/mails.json", timeout=30).json()
    return found


def requests(system: System) -> list[dict[str, Any]]:
    """What the model has been asked."""
    url = f"{system.model.removesuffix('/v1')}/_requests"
    found: list[dict[str, Any]] = httpx.get(url, timeout=30).json()
    return found


def asked(system: System, *orders: str) -> list[dict[str, Any]]:
    """What the model has been asked for these orders."""
    return [
        each for each in requests(system) if each["headers"].get("x-ledgerpress-order") in orders
    ]


def in_flight(system: System, *orders: str) -> list[dict[str, Any]]:
    """What it has not answered yet."""
    return [each for each in asked(system, *orders) if each["outcome"] is None]


def turn(system: System, **knobs: Any) -> None:
    """Turn these knobs of the model. A call goes by those that were set when it arrived."""
    url = f"{system.model.removesuffix('/v1')}/_knobs"
    httpx.post(url, json=knobs, timeout=30).raise_for_status()


@contextmanager
def slowly(system: System, seconds: float) -> Iterator[None]:
    """The model takes that long for an answer, give or take a fifth, to what it is asked inside."""
    url = f"{system.model.removesuffix('/v1')}/_knobs"
    before = httpx.get(url, timeout=30).json()
    turn(system, latency=seconds * before["speed"])
    try:
        yield
    finally:
        turn(system, latency=before["latency"])
