"""What models cost: list prices in dollars per million tokens, kept as whole numbers."""

from collections.abc import Mapping

from events.errors import Refused
from events.money import Rate

# Rate(400, 1600): $0.40 per million tokens read, $1.60 per million written.
RATES: Mapping[str, Rate] = {
    "gpt-4.1": Rate(2_000, 8_000),
    "gpt-4.1-mini": Rate(400, 1_600),
    "gpt-4.1-nano": Rate(100, 400),
    "gpt-4o": Rate(2_500, 10_000),
    "gpt-4o-mini": Rate(150, 600),
    "gpt-5": Rate(1_250, 10_000),
    "gpt-5-mini": Rate(250, 2_000),
    "gpt-5-nano": Rate(50, 400),
}


def rate(model: str) -> Rate:
    """The rate of ``model``, dated snapshots included (``gpt-4.1-mini-2025-04-14``). Raises ``Refused`` if unknown."""
    known = [name for name in RATES if model == name or model.startswith(f"{name}-20")]
    if not known:
        message = f"no price is known for the model {model!r}: add it to events/rates.py"
        raise Refused(message, reason="unknown-model")
    return RATES[max(known, key=len)]
