"""What the model was asked, compared with what the log says was written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from events.envelope import Recorded
from events.facts import OrderPlaced, SectionWritten
from events.products import CATALOGUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Counts over some orders.

    ``asked`` calls reached the model for ``written`` sections. ``repeated`` of them asked for a section that had been
    asked for before, ``needless`` for one that was already in the log.
    """

    asked: int
    written: int
    repeated: int
    needless: int

    @classmethod
    def of(
        cls, requests: Sequence[Mapping[str, Any]], histories: Mapping[str, Sequence[Recorded]]
    ) -> Self:
        """Count the model server's ``requests`` against the orders' ``histories``."""
        written = {
            (order_id, title): recorded_at
            for order_id, history in histories.items()
            for title, recorded_at in _written(history)
        }
        ours = [each for each in requests if _order(each) in histories]
        times = Counter((_order(each), each["section"]) for each in ours)
        needless = sum(
            datetime.fromisoformat(each["arrived_at"]) > written[key]
            for each in ours
            if (key := (_order(each), each["section"])) in written
        )
        return cls(
            asked=len(ours),
            written=len(written),
            repeated=sum(count - 1 for count in times.values()),
            needless=needless,
        )


def _order(request: Mapping[str, Any]) -> str:
    return str(request["headers"].get("x-ledgerpress-order", ""))


def _written(history: Sequence[Recorded]) -> list[tuple[str, datetime]]:
    placed = history[0].event
    assert isinstance(placed, OrderPlaced)
    product = CATALOGUE[placed.product]
    return [
        (product.section(each.event.section).title, each.recorded_at)
        for each in history
        if isinstance(each.event, SectionWritten)
    ]
