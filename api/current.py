"""The customer's story as it is now, and by what one can tell that it has changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from api.caching import ask_again
from api.desk import Desk
from api.saying import order_number
from api.telling import Story, expected, tell
from events.views import SETTLED, Word
from storage.orders import OrderRow, parts_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """``versions`` are those of the order and its parts; ``wait`` is in how many seconds to ask again, if at all.

    ``link`` is the address of the order's page. ``story`` reads the log.
    """

    etag: str
    versions: Mapping[str, int]
    wait: int | None
    link: str
    story: Callable[[], Story]


def current(row: OrderRow, desk: Desk) -> Current:
    """What there is to tell now. Only whoever wants the story has the log read."""
    product = desk.catalogue.get(row.status.product)
    now, speed = desk.clock(), desk.settings.speed
    parts = parts_of(desk.log.engine, row.status.order) if product and product.parts else []
    window = expected(row, desk.usual(product), now) if product else None
    link = f"/o/{order_number(row.status.order)}"
    versions = {each.status.order: each.status.version for each in (row, *parts)}
    wait = min(
        (
            seconds
            for each in (row, *(part for part in parts if row.status.word not in SETTLED))
            if (seconds := ask_again(each, desk.catalogue.get(each.status.product), now, speed))
        ),
        default=None,
    )
    editions = ".".join(each.edition for each in (row, *parts))
    # What is settled says the same for ever, in the words of this release.
    phase = f"-{window.phase}" if window and wait is not None else ""

    def story() -> Story:
        return tell(
            row,
            desk.log.read(row.status.order).order,
            product,
            parts=parts,
            catalogue=desk.catalogue,
            expected=window,
            took=_took(row, desk),
            link=link,
        )

    return Current(
        etag=f'W/"v{editions}{phase}-{desk.log.code}"',
        versions=versions,
        wait=wait,
        link=link,
        story=story,
    )


def _took(row: OrderRow, desk: Desk) -> float | None:
    """How long the order took, in seconds; ``None`` if it is not delivered."""
    if row.status.word is not Word.DELIVERED or not row.status.since:
        return None
    delivered = desk.log.recorded_at(row.status.order, "order-delivered")
    began = datetime.fromisoformat(row.status.since)
    return (delivered - began).total_seconds() if delivered else None
