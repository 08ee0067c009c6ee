"""Says amounts and times as people do, in pages and mails alike."""

from events.money import Money

_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£"}
UNITS = (("hour", 3600), ("minute", 60), ("second", 1))


def price(money: Money) -> str:
    """As on a price tag: $49, €45, 12.50 CHF."""
    whole, cents = divmod(money.amount, money.minor)
    amount = f"{whole:,}.{cents:02}" if cents else f"{whole:,}"
    symbol = _SYMBOLS.get(money.currency)
    return f"{symbol}{amount}" if symbol else f"{amount} {money.currency.upper()}"


def duration(seconds: float) -> str:
    """In words: 20 seconds, 3 minutes, 4 hours."""
    unit, length = next((each for each in UNITS if seconds >= each[1]), UNITS[-1])
    count = max(1, round(seconds / length))
    return f"{count} {unit}{'s' if count > 1 else ''}"
