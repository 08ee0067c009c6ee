"""The only door to Stripe: whether it signed what we were sent, and what it says when it is asked."""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import stripe

from events.errors import NotFound, Refused, Unavailable
from events.money import Money
from storage.settings import Settings

T = TypeVar("T")

# How far apart Stripe's clock and ours may be, either way, in seconds.
TOLERANCE = 300
# What one question may take, in seconds: to be connected, between two bytes, and in all.
_CONNECT = 3.0
_READ = 8.0
_DEADLINE = 12.0
_PAGE = 100
_MISSING = 404
# An id of theirs: anything else would ask for something else.
_SESSION = re.compile(r"cs_[A-Za-z0-9_]{1,252}")
_BUSY = (409, 429)

stripe.enable_telemetry = False


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout session that waits for its buyer at ``url``."""

    session: str
    url: str


def signed(text: str, header: str, secrets: Iterable[str]) -> bool:
    """Whether Stripe signed ``text`` with one of ``secrets``, not longer ago, nor later, than the tolerance."""
    if not header.isascii():
        return False
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(text, header, secret, TOLERANCE)
        except stripe.SignatureVerificationError:
            continue
        return _stamp(header) <= time.time() + TOLERANCE
    return False


def stripe_api(settings: Settings) -> "StripeApi | None":
    """The default tenant's account, or ``None`` if there is no ``STRIPE_API_KEY``."""
    if settings.stripe_api_key is None:
        return None
    key = settings.stripe_api_key.get_secret_value()
    return StripeApi(key, settings.stripe_api_base_url)


class StripeApi:
    """An account at Stripe, asked over HTTP. One for the whole process; any number of threads may ask.

    Whatever is asked raises ``Unavailable`` if Stripe is away, busy or slow: ask again later. ``Refused``, if the key
    may not do this, or the question is wrong: somebody must look. Their messages repeat nothing of what Stripe said.
    """

    def __init__(self, key: str, base_url: str) -> None:
        line = stripe.RequestsClient(timeout=(_CONNECT, _READ))
        self._client = stripe.StripeClient(
            key,
            base_addresses={"api": base_url.rstrip("/")},
            http_client=line,
            max_network_retries=0,
        )

    def session(self, name: str) -> dict[str, Any]:
        """The checkout session of that id, as Stripe has it now. Raises ``NotFound`` if there is none."""
        if not _SESSION.fullmatch(name):
            raise _unknown()
        return self._ask(lambda: self._client.v1.checkout.sessions.retrieve(name).to_dict())

    def sessions(self, since: datetime) -> Iterator[dict[str, Any]]:
        """The completed checkout sessions that were begun at or after ``since``, the newest first."""
        wanted = {"status": "complete", "created": {"gte": int(since.timestamp())}}
        return self._all(self._client.v1.checkout.sessions.list, wanted)

    def undelivered(self, since: datetime, kinds: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Events of these kinds since then that some endpoint has not taken, the newest first.

        Stripe keeps events for 30 days, and takes at most 20 kinds.
        """
        wanted = {
            "delivery_success": False,
            "types": list(kinds),
            "created": {"gte": int(since.timestamp())},
        }
        return self._all(self._client.v1.events.list, wanted)

    def checkout(
        self,
        *,
        title: str,
        price: Money,
        metadata: Mapping[str, str],
        success_url: str,
        cancel_url: str,
        key: str = "",
    ) -> Checkout:
        """Begin a session in which one ``title`` is paid for; where Stripe is to send the buyer afterwards.

        ``success_url`` may hold ``{CHECKOUT_SESSION_ID}``. Asked twice with the same ``key``, there is one session.
        """
        wanted = {
            "mode": "payment",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": price.currency,
                        "unit_amount": price.amount,
                        "product_data": {"name": title},
                    },
                }
            ],
            "metadata": dict(metadata),
            "success_url": success_url,
            "cancel_url": cancel_url,
        }
        options = {"idempotency_key": key} if key else {}
        begun = self._ask(
            lambda: self._client.v1.checkout.sessions.create(wanted, options).to_dict()  # type: ignore[arg-type]
        )
        return Checkout(session=str(begun["id"]), url=str(begun["url"]))

    def _all(self, page: Callable[..., Any], wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        after: dict[str, str] = {}
        while True:
            asked = {**wanted, **after, "limit": _PAGE}
            found = self._ask(partial(_told, page, asked))
            yield from found["data"]
            if not found["has_more"] or not found["data"]:
                return
            after = {"starting_after": found["data"][-1]["id"]}

    def _ask(self, question: Callable[[], T]) -> T:
        answer: Future[T] = Future()

        def ask() -> None:
            try:
                answer.set_result(question())
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
                answer.set_exception(error)

        # A read's time-out starts anew with every byte: a dripping answer is left to a thread of its own.
        threading.Thread(target=ask, name="stripe", daemon=True).start()
        try:
            return answer.result(_DEADLINE)
        except TimeoutError:
            message = f"Stripe did not finish its answer within {_DEADLINE:.0f} s"
            raise Unavailable(message, reason="stripe-slow") from None
        except stripe.StripeError as error:
            raise _said_no(error) from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise _unread() from None


def _told(page: Callable[..., Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = page(asked).to_dict()
    return found


def _said_no(error: stripe.StripeError) -> Refused | Unavailable:
    # What Stripe writes repeats parts of the key and of what was asked: none of it is passed on.
    status = error.http_status
    if status is not None and status < 400:  # noqa: PLR2004 - the classes of success
        return _unread()
    if status is None or status in _BUSY or status >= 500:  # noqa: PLR2004 - the class of server errors
        said = f"answered {status}" if status else "cannot be reached"
        return Unavailable(f"Stripe {said}", reason="stripe-away")
    if status in (401, 403):
        message = f"Stripe answered {status}: STRIPE_API_KEY is wrong, or may not do this"
        return Refused(message, reason="stripe-settings")
    if status == _MISSING:
        return _unknown()
    return Refused(f"Stripe answered {status}", reason="stripe-refusal")


def _unread() -> Unavailable:
    message = "Stripe's answer could not be read; is STRIPE_API_BASE_URL right?"
    return Unavailable(message, reason="stripe-malformed")


def _unknown() -> NotFound:
    return NotFound("Stripe knows of no such checkout session", reason="unknown-at-stripe")


def _stamp(header: str) -> int:
    """When a verified header says it was signed; the library takes the first ``t`` as well."""
    return int(next(part.split("=")[1] for part in header.split(",") if part.startswith("t=")))
