"""A word to other orders: the parts of a bundle are erased, cancelled, paused and resumed with it."""

import uuid

from sqlalchemy import Engine, or_, select

from events.envelope import Cause
from events.order import Order
from events.reversal import follow
from events.views import DISPUTED, Word
from storage.adding import add
from storage.database import rows
from storage.record import Log
from storage.tables import orders


def tell(bundle: Order, cause: Cause, log: Log) -> bool:
    """Bring the parts that have been placed into the standing of their bundle; return whether any of them changed."""
    if not (bundle.erased or bundle.cancelled or bundle.reversals):
        return False
    placed = select(orders.c.order_id).where(orders.c.parent == uuid.UUID(bundle.id))
    parts = [str(row.order_id) for row in rows(log.engine, placed)]
    changed = [_tell_one(part, bundle, cause, log) for part in parts]
    return any(changed)


def tell_strays(log: Log) -> int:
    """Do the same for every part that its bundle's word has not reached; return how many there were.

    For the keeper: whoever should have told them may have died, or they may have been placed at that very moment.
    """
    found = _strays(log.engine)
    for part, bundle in found:
        cause = Cause(correlation=bundle, causation=bundle, actor="keeper")
        _tell_one(part, log.read(bundle).order, cause, log)
    return len(found)


def _tell_one(part: str, bundle: Order, cause: Cause, log: Log) -> bool:
    return add(lambda order: follow(order, bundle), lambda: log.read(part), cause, log)[1]


def _strays(engine: Engine) -> list[tuple[str, str]]:
    """Open parts that stand otherwise than their bundle, with it."""
    part, bundle = orders.alias("part"), orders.alias("bundle")
    one, other = (each.c.status["reason"].as_string() == DISPUTED for each in (part, bundle))
    query = (
        select(part.c.order_id, bundle.c.order_id.label("parent"))
        .join(bundle, bundle.c.order_id == part.c.parent)
        .where(
            part.c.parent.is_not(None),
            part.c.word.not_in([Word.DELIVERED, Word.CANCELLED, Word.ERASED]),
            or_(bundle.c.word.in_([Word.CANCELLED, Word.ERASED]), one != other),
        )
    )
    return [(str(row.order_id), str(row.parent)) for row in rows(engine, query)]
