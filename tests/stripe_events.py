"""Real-shaped Stripe events, and the signature that makes them Stripe's."""

import copy
import json
from pathlib import Path
from typing import Any

from sandbox.purchase import signature

_FOLDER = Path(__file__).parent / "fixtures" / "stripe"


def stripe_event(name: str, **changes: Any) -> dict[str, Any]:
    """A fixture by its name (``checkout.session.completed.paid``), with fields of its object changed."""
    event: dict[str, Any] = copy.deepcopy(json.loads((_FOLDER / f"dev-{name}.json").read_text()))
    event["data"]["object"].update(changes)
    return event


def paid(product: str = "life_clarity", amount: int = 4900, **fields: str) -> dict[str, Any]:
    """A completed checkout session for ``product``."""
    filled = fields or {"name": "Jenny Rosen", "birth_date": "1990-05-17", "question": "What now?"}
    metadata = {"product": product, **filled}
    return stripe_event("checkout.session.completed.paid", metadata=metadata, amount_total=amount)


def body(event: dict[str, Any]) -> bytes:
    """The event as Stripe would post it."""
    return json.dumps(event).encode()


def sign(payload: bytes, secret: str = "whsec_test", at: float | None = None) -> str:
    """The Stripe-Signature header for ``payload``."""
    return signature(payload, secret, at)
