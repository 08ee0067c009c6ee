"""Says ids, amounts, times and sizes as people do."""

from datetime import UTC, datetime

from events.money import Money
from events.views import order_number as order_number  # noqa: PLC0414 - it belongs here too

_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£"}
_UNITS = (("hour", 3600), ("minute", 60), ("second", 1))
_SPANS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
_ACTED = {
    "order-retried": "retried",
    "order-cancelled": "cancelled",
    "order-corrected": "corrected",
    "resend-asked": "mailed once more",
    "note-made": "noted",
}
_FINE = 10
_SMALL = 0.1
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


def short(seconds: float) -> str:
    """Short, for tables: 340 ms, 12 s, 2 min 5 s, 3 h 20 min, 4 d 2 h."""
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < _FINE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for place, (letter, length) in enumerate(_SPANS):
        if whole >= length:
            count, rest = divmod(whole, length)
            below = _SPANS[place + 1] if place + 1 < len(_SPANS) else None
            tail = f" {rest // below[1]} {below[0]}" if below and rest >= below[1] else ""
            return f"{count} {letter}{tail}"
    return f"{whole} s"


def coarse(seconds: float) -> str:
    """How long ago, no finer than it matters: under a minute, 12 min, 3 h, 4 d."""
    for letter, length in _SPANS[:-1]:
        if seconds >= length:
            return f"{int(seconds // length)} {letter}"
    return "under a minute"


def acted(event: str) -> str:
    """What a person did, by the event that it led to."""
    return _ACTED.get(event, event.replace("-", " "))


def dollars(millionths: int) -> str:
    """What calls cost: $0.0042, $1.30, $1,204.00."""
    amount = millionths / 1_000_000
    return f"${amount:.4f}" if 0 < amount < _SMALL else f"${amount:,.2f}"


def span(first: float, last: float) -> str:
    """From how long to how long: 15 to 25 seconds, 50 seconds to 2 minutes."""
    one, other = duration(first), duration(last)
    count, _, unit = one.partition(" ")
    if one == other:
        return other
    return (
        f"{count} to {other}"
        if unit.rstrip("s") == other.split()[1].rstrip("s")
        else f"{one} to {other}"
    )


def exactly(seconds: float) -> str:
    """In two units at most: 41 seconds, 2 minutes 41 seconds, 3 hours 12 minutes."""
    left, parts = max(1, round(seconds)), []
    for unit, length in _UNITS:
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {unit}{'s' if count > 1 else ''}")
    return " ".join(parts[:2])


def clock(moment: datetime) -> str:
    """The time of day, and the day if it is not the same everywhere: 14:35 UTC."""
    return moment.astimezone(UTC).strftime("%H:%M UTC")


def size(count: int) -> str:
    """How large a file is."""
    return f"{count / _MEGABYTE:.1f} MB" if count >= _MEGABYTE else f"{max(1, count // 1000)} KB"


def masked(email: str) -> str:
    """Enough of an address for its owner to know it; nothing if it is none."""
    name, _, domain = email.rpartition("@")
    return f"{name[0]}•••@{domain}" if name and domain else ""
