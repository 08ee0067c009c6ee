"""An order as it was: its whole history read once, and folded up to any moment of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from events.envelope import Recorded
from events.moments import Moment, version_at
from events.order import Order, fold
from events.plan import Product
from events.views import status
from storage.database import again_once, connected
from storage.orders import OrderRow
from storage.record import Log
from storage.tables import subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """An order at a moment: its state, the row it had or would have had, and the event that made it so.

    ``when`` is the time that was asked for, or that of the event.
    """

    when: datetime
    order: Order
    row: OrderRow
    by: Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """All of an order's history. ``erased_at``: since when its personal data cannot be read."""

    row: OrderRow
    recorded: Sequence[Recorded]
    catalogue: Mapping[str, Product]
    erased_at: datetime | None

    @property
    def last(self) -> int:
        """The latest version."""
        return self.recorded[-1].version

    def at(self, moment: Moment) -> Then:
        """The order at that moment, with today's rules folded. Raises ``NoSuchMoment``."""
        version = version_at(self.recorded, moment)
        order = fold(self.row.status.order, (each.event for each in self.recorded[:version]))
        assert order.placed is not None  # order-placed is the first event of every stream
        by = self.recorded[version - 1]
        row = OrderRow(
            status=status(order, self.catalogue.get(order.placed.product)),
            subject=self.row.subject,
            session=self.row.session,
            placed_at=self.recorded[0].recorded_at,
            updated_at=by.recorded_at,
        )
        when = moment if isinstance(moment, datetime) else by.recorded_at
        return Then(when=when, order=order, row=row, by=by)


def past(row: OrderRow, log: Log, catalogue: Mapping[str, Product]) -> Past:
    """The history of the order that ``row`` is of. Raises ``Unavailable``."""

    def ask() -> datetime | None:
        query = select(subjects.c.erased_at).where(subjects.c.subject == row.subject)
        with connected(log.engine) as connection:
            found: datetime | None = connection.execute(query).scalar_one_or_none()
        return found

    return Past(
        row=row,
        recorded=log.recorded(row.status.order),
        catalogue=catalogue,
        erased_at=again_once(ask),
    )


def parts_then(when: datetime, parts: Iterable[Past]) -> list[OrderRow]:
    """The rows that the parts of a bundle had then, as far as they had been placed."""
    return [each.at(when).row for each in parts if each.recorded[0].recorded_at <= when]
