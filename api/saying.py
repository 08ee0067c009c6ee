"""Says ids, amounts, times and sizes as people do."""

from events.money import Money
from events.views import order_number as order_number  # noqa: PLC0414 - it belongs here too

_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£"}
_UNITS = (("hour", 3600), ("minute", 60), ("second", 1))
_MEGABYTE = 1_000_000


def price(money: Money) -> str:
    """As on a price tag: $49, €45, 12.50 CHF."""
    whole, cents = divmod(money.amount, money.minor)
    amount = f"{whole:,}.{cents:02}" if cents else f"{whole:,}"
    symbol = _SYMBOLS.get(money.currency)
    return f"{symbol}{amount}" if symbol else f"{amount} {money.currency.upper()}"


def duration(seconds: float) -> str:
    """In words: 20 seconds, 3 minutes, 4 hours."""
    unit, length = next((each for each in _UNITS if seconds >= each[1]), _UNITS[-1])
    count = max(1, round(seconds / length))
    return f"{count} {unit}{'s' if count > 1 else ''}"


def size(count: int) -> str:
    """How large a file is."""
    return f"{count / _MEGABYTE:.1f} MB" if count >= _MEGABYTE else f"{max(1, count // 1000)} KB"


def masked(email: str) -> str:
    """Enough of an address for its owner to know it; nothing if it is none."""
    name, _, domain = email.rpartition("@")
    return f"{name[0]}•••@{domain}" if name and domain else ""
