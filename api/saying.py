"""Says ids, amounts, times and sizes as people do."""

from events.saying import duration as duration  # noqa: PLC0414 - it belongs here too
from events.saying import price as price  # noqa: PLC0414 - the same
from events.views import order_number as order_number  # noqa: PLC0414 - the same

_MEGABYTE = 1_000_000


def size(count: int) -> str:
    """How large a file is."""
    return f"{count / _MEGABYTE:.1f} MB" if count >= _MEGABYTE else f"{max(1, count // 1000)} KB"


def masked(email: str) -> str:
    """Enough of an address for its owner to know it; nothing if it is none."""
    name, _, domain = email.rpartition("@")
    return f"{name[0]}•••@{domain}" if name and domain else ""
