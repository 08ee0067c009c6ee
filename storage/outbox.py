"""Nudges that were written with the events that caused them, until the broker has confirmed them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    Row,
    delete,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    text,
    update,
)

from events.plan import queue_of
from storage.database import connected
from storage.publisher import Letter
from storage.tables import orders, outbox, streams

# How long the process that wrote a nudge has to publish it itself, before the relay does.
_GRACE_SECONDS = 2
# How long the relay waits for the broker's word before it publishes a nudge again.
_CONFIRM_SECONDS = 10
_OVERDUE_SECONDS = 5.0
# For how long the sweeper insists, once a second, after a holder has fallen silent.
_INSIST_SECONDS = 10

_DUE = text("""
    update outbox set due_at = clock_timestamp() + make_interval(secs => :confirm)
    where id = any (array(
        select id from outbox
        where due_at <= clock_timestamp() and written_at < clock_timestamp() - make_interval(secs => :grace)
        order by due_at, id limit :most for update skip locked))
    returning id, order_id, product, correlation
""")


def confirmed(engine: Engine, ids: Iterable[int]) -> None:
    """These nudges have reached the broker."""
    with connected(engine) as connection:
        connection.execute(delete(outbox).where(outbox.c.id.in_(list(ids))))


def due(engine: Engine, most: int = 500) -> list[Letter]:
    """Nudges that should have been published by now, oldest first.

    Each is put off by some seconds, so that another relay does not take it too; if it is not confirmed by then, it
    comes back.
    """
    values = {"most": most, "grace": _GRACE_SECONDS, "confirm": _CONFIRM_SECONDS}
    with connected(engine) as connection:
        rows = connection.execute(_DUE, values).all()
    return [_letter(row) for row in sorted(rows, key=lambda row: row.id)]


def sweep(
    engine: Engine, idle_seconds: float, again_seconds: float, most: int = 500
) -> list[Letter]:
    """New nudges for every order that could be worked on and that nobody holds or is about to be told of.

    This is what makes orders finish even if the broker forgets everything: an order whose holder has fallen silent is
    nudged at once, one that was let go and forgotten after ``idle_seconds``. Each is nudged once in
    ``again_seconds``, however long nobody comes for it, so that an outage fills no queue.
    """
    # A frozen process may still be given messages, as many as it prefetches: so for some seconds, again and again.
    just_now = streams.c.held_until > _ago(_INSIST_SECONDS)
    silent = streams.c.held_until > literal_column("'-infinity'::timestamptz")
    untold = ~select(outbox.c.id).where(outbox.c.order_id == orders.c.order_id).exists()
    forgotten = (
        select(orders.c.order_id, orders.c.product, streams.c.stream)
        .join(streams, streams.c.stream == func.concat("order-", orders.c.order_id))
        .where(
            orders.c.workable,
            or_(silent, orders.c.updated_at < _ago(idle_seconds)),
            streams.c.held_until < func.clock_timestamp(),
            or_(
                streams.c.nudged_at < _ago(again_seconds),
                just_now & (streams.c.nudged_at < _ago(1)),
            ),
            untold,
        )
        .order_by(orders.c.updated_at)
        .limit(most)
        .cte("forgotten")
    )
    marked = (
        update(streams)
        .where(streams.c.stream == forgotten.c.stream)
        .values(nudged_at=func.clock_timestamp())
        .returning(forgotten.c.order_id, forgotten.c.product)
        .cte("marked")
    )
    told = select(
        marked.c.order_id, marked.c.product, literal("sweeper"), func.clock_timestamp()
    ).select_from(marked)
    nudges = insert(outbox).from_select(["order_id", "product", "correlation", "due_at"], told)
    with connected(engine) as connection:
        return [_letter(row) for row in connection.execute(nudges.returning(outbox))]


def _letter(row: Row[Any]) -> Letter:
    return Letter(
        queue=queue_of(row.product),
        order=str(row.order_id),
        correlation=row.correlation,
        outbox_id=row.id,
    )


def _ago(seconds: float) -> ColumnElement[datetime]:
    return func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def overdue(engine: Engine, seconds: float = _OVERDUE_SECONDS) -> int:
    """How many nudges no keeper has looked at for so long: each look puts off what it finds."""
    late = (outbox.c.due_at < _ago(seconds)) & (outbox.c.written_at < _ago(seconds))
    with connected(engine) as connection:
        return int(connection.execute(select(func.count()).where(late)).scalar_one())
