"""A word to other orders: the parts of a bundle are erased, cancelled, paused, resumed and corrected with it."""

import uuid
from itertools import groupby
from typing import Any

from sqlalchemy import Engine, or_, select, text

from events.envelope import Cause
from events.interventions import pass_on
from events.order import Order
from events.reversal import follow
from events.views import DISPUTED, Word
from storage.adding import add
from storage.database import rows
from storage.record import Log
from storage.tables import orders

# Each bundle with open parts is looked at once, by its own few events.
_CORRECTED = text("""
    select part.order_id, part.parent
    from (select parent from orders where parent is not null and word not in ('delivered', 'cancelled', 'erased')
          group by parent) bundle
    join orders part on part.parent = bundle.parent
    where part.word not in ('delivered', 'cancelled', 'erased')
        and exists (select from events e where e.stream = 'order-' || bundle.parent and e.type = 'order-corrected')
    order by part.parent
""")


def tell(bundle: Order, cause: Cause, log: Log) -> bool:
    """Have the parts that have been placed stand as their bundle does, and say what it says.

    Returns whether any of them changed. Safe to repeat.
    """
    if not (bundle.erased or bundle.cancelled or bundle.reversals or bundle.corrections):
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


def correct_strays(log: Log) -> int:
    """Tell every open part of a bundle that was ever corrected; return how many had not heard of it.

    For the keeper, now and then: whether a part has heard of it can only be seen in what both say.
    """
    heard = 0
    for bundle, parts in groupby(_corrected(log.engine), key=lambda found: found[1]):
        cause = Cause(correlation=bundle, causation=bundle, actor="keeper")
        whole = log.read(bundle).order
        heard += sum(_tell_one(part, whole, cause, log) for part, _ in parts)
    return heard


def _tell_one(part: str, bundle: Order, cause: Cause, log: Log) -> bool:
    def wanted(order: Order) -> list[Any]:
        product = log.catalogue.get(order.placed.product) if order.placed else None
        return follow(order, bundle) or pass_on(order, bundle, product)

    return add(wanted, lambda: log.read(part), cause, log)[1]


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


def _corrected(engine: Engine) -> list[tuple[str, str]]:
    """Open parts of bundles that were corrected, with it; those of one bundle stand together."""
    return [(str(row.order_id), str(row.parent)) for row in rows(engine, _CORRECTED)]
