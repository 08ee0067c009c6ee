"""Forgets customers: after the log has said so, their orders' parts, their key and their files follow.

The event comes first and decides. Whoever dies behind it leaves a row in ``erasures``, and the keeper goes on there.
"""

import uuid
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, func, select

from events.envelope import Cause
from events.errors import LedgerpressError, Unavailable
from storage.blobs import Blobs
from storage.database import connected
from storage.parts import tell
from storage.record import Log
from storage.tables import erasures, orders, streams
from storage.telemetry import log

_MOST = 100


def finish(subject: uuid.UUID, orders_log: Log, blobs: Blobs) -> bool:
    """Bring the erasure of ``subject`` to its end; return whether it is there. Safe to repeat, and at any time.

    While somebody still holds one of the orders, new files may appear: then it has to be done again later. Raises
    ``Unavailable`` if Postgres or the files are away.
    """
    for root in _roots(orders_log.engine, subject):
        cause = Cause(correlation=root, causation=root, actor="erasing")
        tell(orders_log.read(root).order, cause, orders_log)
    # Nobody takes up what is erased: who does not hold one of them now never will.
    with connected(orders_log.engine) as connection:
        asked_at = _asked_at(connection, subject)
        held = _held(connection, subject)
    if asked_at is None:
        return True
    if not orders_log.vault.destroy(subject):
        return False
    try:
        blobs.forget(subject)
    except OSError as error:
        message = f"files could not be removed: {type(error).__name__}"
        raise Unavailable(message, reason="blobs-away") from None
    if held:
        return False
    done = delete(erasures).where(erasures.c.subject == subject, erasures.c.asked_at == asked_at)
    with connected(orders_log.engine) as connection:
        return connection.execute(done).rowcount == 1


def finish_all(orders_log: Log, blobs: Blobs, over: Callable[[], bool] = lambda: False) -> int:
    """Do the same for all that was left behind; return how many have come to their end. None stops the others.

    Before each it is asked whether it is ``over`` now.
    """
    done = 0
    for subject in _waiting(orders_log.engine):
        if over():
            break
        try:
            done += finish(subject, orders_log, blobs)
        except LedgerpressError as error:
            log.warning("an erasure waits", subject=str(subject), reason=error.reason)
    return done


def _waiting(engine: Engine) -> list[uuid.UUID]:
    query = select(erasures.c.subject).order_by(erasures.c.asked_at).limit(_MOST)
    with connected(engine) as connection:
        return list(connection.execute(query).scalars())


def _asked_at(connection: Connection, subject: uuid.UUID) -> datetime | None:
    query = select(erasures.c.asked_at).where(erasures.c.subject == subject)
    return connection.execute(query).scalar_one_or_none()


def _roots(engine: Engine, subject: uuid.UUID) -> list[str]:
    """The bundles whose parts go by the same key."""
    query = select(orders.c.parent).where(orders.c.subject == subject, orders.c.parent.is_not(None))
    with connected(engine) as connection:
        return [str(each) for each in connection.execute(query.distinct()).scalars()]


def _held(connection: Connection, subject: uuid.UUID) -> bool:
    query = (
        select(func.count())
        .select_from(orders)
        .join(streams, streams.c.stream == func.concat("order-", orders.c.order_id))
        .where(orders.c.subject == subject, streams.c.held_until > func.clock_timestamp())
    )
    return connection.execute(query).scalar_one() > 0
