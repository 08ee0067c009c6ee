"""When an order takes longer than was promised: the one rule behind what customers, operators and alerts are told."""

from datetime import datetime, timedelta

from events.plan import Product

# An order is called late when it takes this much longer than promised.
_PATIENCE = timedelta(seconds=30)
_PATIENCE_FACTOR = 1.5


def late_before(product: Product, now: datetime, speed: float) -> datetime:
    """An order that was placed before this, and is still at work, is late. ``speed`` is how fast time is played."""
    return now - timedelta(seconds=product.promise / speed * _PATIENCE_FACTOR) - _PATIENCE
