"""The stand-in card company: somebody pays, and the event that Stripe would post is posted."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from storage.trial import checkout_completed as checkout_completed  # noqa: PLC0414 - it belongs here too
from storage.trial import signature as signature  # noqa: PLC0414 - the same


def post(
    event: Mapping[str, Any], *, url: str, secret: str, line: httpx.Client | None = None
) -> httpx.Response:
    """Post the signed event to the shop at ``url``, as Stripe would; over ``line`` if there is one."""
    payload = json.dumps(event).encode()
    headers = {"Stripe-Signature": signature(payload, secret), "Content-Type": "application/json"}
    send = httpx.post if line is None else line.post
    return send(f"{url}/webhooks/stripe", content=payload, headers=headers, timeout=30)
