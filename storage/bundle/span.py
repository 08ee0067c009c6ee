"""A span of time as positions of the log."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from events.errors import NotFound
from events.moments import rfc3339
from storage.tables import events, sealed

# Events get their positions in almost the order of their times: an append reads the clock, and is over within seconds.
SLACK = timedelta(minutes=1)


def positions(
    connection: Connection, since: datetime | None, until: datetime | None
) -> tuple[int, int]:
    """The first position recorded at ``since`` or later, and the last one recorded before ``until``.

    All that was recorded in between lies between them; a few of their neighbours may, too. ``None`` is the log's own
    beginning or end. Raises ``NotFound`` if nothing was recorded then.
    """
    size = connection.execute(select(func.max(sealed.c.position))).scalar() or 0
    if size == 0:
        raise NotFound("nothing has been sealed yet")
    first = 1 if since is None else _begins(connection, since, size)
    last = size if until is None else _ends(connection, until, size)
    if not 0 < first <= last:
        begin, end = (rfc3339(_time(connection, each)) for each in (1, size))
        message = f"nothing was recorded then: the log goes from {begin} to {end}"
        raise NotFound(message, reason="empty-span")
    return first, last


def _begins(connection: Connection, since: datetime, size: int) -> int:
    """The first position recorded at ``since`` or later; 0 if there is none."""
    low = reached(connection, since - SLACK, size)
    high = reached(connection, since + SLACK, size)
    return _chosen(connection, func.min, low, high, events.c.recorded_at >= since) or 0


def _ends(connection: Connection, until: datetime, size: int) -> int:
    """The last position recorded before ``until``; 0 if there is none."""
    low = reached(connection, until - SLACK, size)
    high = reached(connection, until + SLACK, size)
    return _chosen(connection, func.max, low, high, events.c.recorded_at < until) or low - 1


def reached(connection: Connection, at: datetime, size: int) -> int:
    """The first position whose time is ``at`` or later, give or take ``SLACK``, or else the last one: by halving."""
    low, high = 1, size
    while low < high:
        middle = (low + high) // 2
        if _time(connection, middle) >= at:
            high = middle
        else:
            low = middle + 1
    return low


def _chosen(
    connection: Connection, choose: Any, low: int, high: int, condition: ColumnElement[bool]
) -> int | None:
    """The least or largest of the positions from ``low`` to ``high`` whose event meets the condition."""
    query = (
        select(choose(sealed.c.position))
        .join(events, events.c.seq == sealed.c.seq)
        .where(sealed.c.position >= low, sealed.c.position <= high, condition)
    )
    found: int | None = connection.execute(query).scalar()
    return found


def _time(connection: Connection, position: int) -> datetime:
    query = (
        select(events.c.recorded_at)
        .join(sealed, sealed.c.seq == events.c.seq)
        .where(sealed.c.position == position)
    )
    found: datetime = connection.execute(query).scalar_one()
    return found
