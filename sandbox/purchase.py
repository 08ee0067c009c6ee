"""The stand-in card company: somebody pays, and the event that Stripe would post is posted."""

import copy
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from events.plan import Product

_SHAPE = Path(__file__).with_name("checkout.json")

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


def signature(payload: bytes, secret: str, at: float | None = None) -> str:
    """The ``Stripe-Signature`` header: HMAC-SHA256 over ``<unix time>.<payload>``."""
    stamp = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + payload, "sha256").hexdigest()
    return f"t={stamp},v1={digest}"


def post(
    event: Mapping[str, Any], *, url: str, secret: str, line: httpx.Client | None = None
) -> httpx.Response:
    """Post the signed event to the shop at ``url``, as Stripe would; over ``line`` if there is one."""
    payload = json.dumps(event).encode()
    headers = {"Stripe-Signature": signature(payload, secret), "Content-Type": "application/json"}
    send = httpx.post if line is None else line.post
    return send(f"{url}/webhooks/stripe", content=payload, headers=headers, timeout=30)
