"""What the operator finds in the morning beside the sums: the releases that came in a span of time, and what waits."""

from datetime import datetime

from sqlalchemy import Engine, text

from events.morning import Release, Waiting
from storage.database import rows

# A release that the last event before did not know.
_RELEASES = text("""
    select meta ->> 'code' as code, min(recorded_at) as at from events
    where recorded_at >= :since and recorded_at < :until
    group by 1
    having meta ->> 'code' is distinct from (
        select meta ->> 'code' from events where recorded_at < :since order by seq desc limit 1)
    order by 2
""")
_WAITING = text("""
    select coalesce(nullif(status ->> 'reason', ''), 'attention') as reason, count(*) as orders
    from orders where word not in ('delivered', 'cancelled', 'erased') and word = 'attention'
    group by 1 order by 2 desc, 1
""")
_UNSEALED = text("""
    select exists (select from unsealed u join events e on e.seq = u.seq where e.recorded_at < :until) as some
""")


def releases(engine: Engine, since: datetime, until: datetime) -> list[Release]:
    """The releases that recorded something for the first time in that time."""
    found = rows(engine, _RELEASES, {"since": since, "until": until})
    return [Release(at=row.at, code=row.code) for row in found]


def waiting(engine: Engine) -> list[Waiting]:
    """The orders that need a person now, by reason, the most frequent first."""
    return [Waiting(reason=row.reason, count=row.orders) for row in rows(engine, _WAITING)]


def unsealed(engine: Engine, until: datetime) -> bool:
    """Whether something recorded before ``until`` has no place in the whole log yet: no projection can have read it."""
    return bool(rows(engine, _UNSEALED, {"until": until})[0].some)
