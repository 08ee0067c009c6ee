"""Finds orders for people: by what they remember of one, or all that stand in one way."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Engine,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from events.views import PART_HELD, SETTLED, Word, numbered
from storage.database import rows
from storage.orders import OrderRow, chosen
from storage.tables import orders

# Nobody counts further: "10,000 or more" says as much.
MOST_COUNTED = 10_000
_TROUBLED = (Word.ATTENTION, Word.RETRYING)
_WAITING = (*SETTLED, Word.ATTENTION, Word.AWAITING_PAYMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which orders. What is empty lets everything through.

    ``words`` is an order's id, its number, or the name of its checkout session or payment. ``reason`` is why it is in
    trouble. ``late`` says for each product before when an order that still runs must have been paid for.
    """

    words: str = ""
    word: str = ""
    product: str = ""
    tenant: str = ""
    reason: str = ""
    late: Mapping[str, datetime] | None = None


def search(
    engine: Engine, sought: Sought, most: int, after: tuple[datetime, uuid.UUID] | None = None
) -> list[OrderRow]:
    """The orders, the newest first, at most ``most``; those behind ``after``, an order's time of placing and id."""
    query = (
        select(orders)
        .where(*_conditions(sought))
        .order_by(orders.c.placed_at.desc(), orders.c.order_id.desc())
        .limit(most)
    )
    if after:
        place = tuple_(orders.c.placed_at, orders.c.order_id)
        query = query.where(place < tuple_(*(literal(each) for each in after)))
    return chosen(engine, query)


def count(engine: Engine, sought: Sought) -> int:
    """How many there are, up to ``MOST_COUNTED``."""
    some = select(orders.c.order_id).where(*_conditions(sought)).limit(MOST_COUNTED).subquery()
    (row,) = rows(engine, select(func.count()).select_from(some))
    return int(row[0])


def _conditions(sought: Sought) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if sought.words:
        found.append(_named(sought.words))
    if sought.word:
        found.append(orders.c.word == sought.word)
    if sought.product:
        found.append(orders.c.product == sought.product)
    if sought.tenant:
        found.append(orders.c.tenant == sought.tenant)
    if sought.reason:
        found.append(orders.c.status["reason"].as_string() == sought.reason)
        found.append(orders.c.word.in_(_TROUBLED))
    elif sought.word == Word.ATTENTION:
        # A bundle that waits for its part: the part is in the list.
        found.append(orders.c.status["reason"].as_string() != PART_HELD)
    if sought.late is not None:
        found.append(_late(sought.late))
    return found


def _named(words: str) -> ColumnElement[bool]:
    if (ids := numbered(words)) is not None:
        return orders.c.order_id.between(*ids)
    try:
        return orders.c.order_id == uuid.UUID(words)
    except ValueError:
        found: Any = or_(
            and_(orders.c.session == words, orders.c.session != ""),
            and_(orders.c.intent == words, orders.c.intent != ""),
        )
        return found  # type: ignore[no-any-return]


def _late(late: Mapping[str, datetime]) -> ColumnElement[bool]:
    since = cast(func.nullif(orders.c.status["since"].as_string(), ""), DateTime(timezone=True))
    before = [and_(orders.c.product == product, since < moment) for product, moment in late.items()]
    return and_(orders.c.word.not_in(_WAITING), or_(*before))
