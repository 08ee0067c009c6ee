"""A trial purchase: the events that Stripe would send of it, signed with our own secret, to our own webhook."""

import copy
import hmac
import http
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from events.errors import NotFound, Refused, Unavailable
from events.plan import Product

_SHAPE = Path(__file__).with_name("checkout.json")
_PATIENCE_SECONDS = 30

# What the stand-in buyer fills in, as far as a product asks for it.
BUYER: Mapping[str, str] = {
    "name": "Jenny Rosen",
    "birth_date": "1990-05-17",
    "birth_time": "14:30",
    "birth_place": "Lisbon",
    "question": "I have been offered a post in another city. What should I look at before I decide?",
    "text": (
        "The supplier delivers within ten working days. Late deliveries are reduced by two percent a week, up to "
        "ten percent. Either side may end the agreement with ninety days' notice. The price is fixed for the first "
        "year and follows the consumer price index afterwards. Disputes are settled in Lisbon."
    ),
}


def checkout_completed(product: Product, *, email: str, live: bool = False) -> dict[str, Any]:
    """The event of a paid checkout session for ``product``, in the shape that Stripe gives it."""
    event: dict[str, Any] = copy.deepcopy(json.loads(_SHAPE.read_text("utf-8")))
    price = product.prices[0]
    session = event["data"]["object"]
    event["id"] = f"evt_{secrets.token_hex(12)}"
    event["created"] = session["created"] = int(time.time())
    event["livemode"] = session["livemode"] = live
    session["id"] = f"cs_test_{secrets.token_hex(24)}"
    session["payment_intent"] = f"pi_{secrets.token_hex(12)}"
    session["amount_total"] = session["amount_subtotal"] = price.amount
    session["currency"] = price.currency
    session["customer_details"]["email"] = email
    filled = {field.name: BUYER[field.name] for field in product.fields if field.name in BUYER}
    session["metadata"] = {"product": product.name, **filled}
    return event


def backwards(event: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """The same purchase as two events in the wrong order: that the money has arrived, then that it was waited for."""
    arrived, waited = copy.deepcopy(dict(event)), copy.deepcopy(dict(event))
    arrived["type"] = "checkout.session.async_payment_succeeded"
    waited["id"] = f"evt_{secrets.token_hex(12)}"
    waited["data"]["object"]["payment_status"] = "unpaid"
    return arrived, waited


def signature(payload: bytes, secret: str, at: float | None = None) -> str:
    """The ``Stripe-Signature`` header: HMAC-SHA256 over ``<unix time>.<payload>``."""
    stamp = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + payload, "sha256").hexdigest()
    return f"t={stamp},v1={digest}"


def deliver(event: Mapping[str, Any], *, url: str, secret: str) -> dict[str, Any]:
    """Post the event to the webhook at ``url``, as Stripe would; return its answer.

    Raises ``Refused`` if it is not taken, ``NotFound`` if nobody takes events there, and ``Unavailable``.
    """
    payload = json.dumps(event).encode()
    request = urllib.request.Request(  # noqa: S310 - PUBLIC_URL is http or https: settings see to it
        f"{url.rstrip('/')}/webhooks/stripe",
        data=payload,
        headers={
            "Stripe-Signature": signature(payload, secret),
            "Content-Type": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310 - as above
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        if error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            message = f"the API at PUBLIC_URL answers {error.code}"
            raise Unavailable(message, reason="api-away") from None
        if error.code == http.HTTPStatus.NOT_FOUND:
            message = "what answers at PUBLIC_URL has no webhook: is it ours?"
            raise NotFound(message, reason="no-webhook") from None
        message = f"the webhook did not take it ({error.code}): does the API have the same STRIPE_WEBHOOK_SECRET?"
        raise Refused(message, reason="not-taken") from None
    except (OSError, ValueError):
        message = "nobody answers at PUBLIC_URL; start it with: ledgerpress run api"
        raise Unavailable(message, reason="api-away") from None
