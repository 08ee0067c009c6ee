"""Clears away files that no event speaks of: what a crash left between writing a file and saying so."""

import re
import uuid
from datetime import datetime, timedelta

from sqlalchemy import text

from storage.blobs import Blobs
from storage.database import rows
from storage.record import Log

# A file is younger than the event that speaks of it by seconds; nobody works on what was settled a day ago.
REST = timedelta(days=1)
# A name is the hash of what it names.
_NAME = re.compile(r"\b[0-9a-f]{64}\b")

# Customers whose last order was settled in that time. An order and its parts have one customer's key, and one folder.
_SETTLED = text("""
    select distinct o.subject from orders o
    where o.updated_at >= :since and o.updated_at < :until and o.word in ('delivered', 'cancelled')
        and not exists (
            select from orders other
            where other.subject = o.subject
                and (other.word not in ('delivered', 'cancelled', 'erased') or other.updated_at >= :until))
    order by o.subject
""")
_THEIRS = text("select order_id from orders where subject = :subject")


def clear(log: Log, blobs: Blobs, since: datetime, until: datetime) -> int:
    """Remove what no event of a settled order speaks of; return how many files.

    Looks at orders that were settled between ``since`` and ``until``, which must be ``REST`` ago: who is about to speak
    of a file still works on its order. Folders that belong to no order of this log are left alone: they may be
    another's. Raises ``Unavailable`` if Postgres or the files are away.
    """
    asked = {"since": since, "until": until}
    subjects = [row.subject for row in rows(log.engine, _SETTLED, asked)]
    return sum(blobs.prune(subject, _spoken_of(log, subject)) for subject in subjects)


def _spoken_of(log: Log, subject: uuid.UUID) -> set[str]:
    """Every name of a file that stands anywhere in any event of theirs, whatever its kind."""
    orders = [str(row.order_id) for row in rows(log.engine, _THEIRS, {"subject": subject})]
    history = (each.event for order in orders for each in log.recorded(order))
    return {name for event in history for name in _NAME.findall(repr(event))}
