"""Says ids, amounts, times and sizes as people do."""

from datetime import UTC, datetime

from events.saying import UNITS
from events.saying import duration as duration  # noqa: PLC0414 - it belongs here too
from events.saying import price as price  # noqa: PLC0414 - the same
from events.views import order_number as order_number  # noqa: PLC0414 - the same

_MEGABYTE = 1_000_000


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
    for unit, length in UNITS:
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
