"""Announces every sealed event, in order of position: at least once, and no later than the bookmark says.

The bookmark moves once RabbitMQ has confirmed what is before it. Of any number of announcers one is at it at a time,
because it has the bookmark's row locked; whoever dies or freezes leaves the rest to another, who begins where nothing
is lost: the last ones may come twice.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, text

from events.announcement import announce, routing_key
from events.errors import Refused, Unavailable
from storage import sealed
from storage.database import connected, transaction
from storage.exchange import Exchange, Message

# Some hundredths of a second, far from the limit on transactions that stand idle.
MOST = 500

_HELD = text("select position, hash from announced for update skip locked")
_PRODUCTS = text("""
    select 'order-' || order_id as stream, product from orders
    where order_id = any (select cast(substr(s, 7) as uuid) from unnest(cast(:streams as text[])) s)
""")
_REACHED = text("update announced set position = :position, hash = :hash")
_STANDING = text("""
    select a.position, t.size - a.position as behind, a.position > 0 and not exists (
        select from sealed s join events e on e.seq = s.seq
        where s.position = a.position and e.hash = a.hash) as foreign_log
    from announced a cross join tree t
""")
_AGAIN = text("""
    update announced set position = :position, hash = (
        select e.hash from sealed s join events e on e.seq = s.seq where s.position = :position)
    where :position = 0 or exists (select from sealed where position = :position)
    returning position
""")
_ORDER = "order-"


class ForeignAnnouncements(Unavailable):
    """The bookmark of what has been announced was made in another log than this one."""

    reason = "foreign-bookmark"

    def __init__(self) -> None:
        super().__init__(
            "the bookmark of the announcements was made in another log, perhaps one that this database was restored"
            " from; say from where to announce: ledgerpress announcements again --after POSITION"
        )


@dataclass(frozen=True, slots=True)
class Announced:
    """How far events have been announced, and how many sealed ones follow; ``foreign``: it is of another log."""

    position: int
    behind: int
    foreign: bool


def announce_some(engine: Engine, exchange: Exchange, source: str, most: int = MOST) -> int:
    """Announce at most ``most`` events; return how many: 0 also if somebody else is at it.

    Raises ``Unavailable`` if Postgres or RabbitMQ is away, and ``ForeignAnnouncements``.
    """
    with transaction(engine) as connection:
        held = connection.execute(_HELD).one_or_none()
        if held is None:
            return 0
        found = sealed.read(connection, after=max(0, held.position - 1), most=most + 1)
        if held.position:
            # The bookmark's own event comes first, and says whether this is its log.
            if not found or found[0].link.hash != held.hash:
                raise ForeignAnnouncements
            del found[0]
        else:
            del found[most:]
        products = _products(connection, found)
        told = [announce(each.position, each.link, source) for each in found]
        messages = [
            Message(
                key=routing_key(products.get(each.subject), each.type),
                body=msgspec.json.encode(each),
                id=each.id,
            )
            for each in told
        ]
        if messages:
            exchange.publish(messages)
            last = found[-1]
            connection.execute(_REACHED, {"position": last.position, "hash": last.link.hash})
    return len(found)


def standing(engine: Engine) -> Announced:
    """How far events have been announced. Raises ``Unavailable`` if Postgres is away."""
    with connected(engine) as connection:
        row = connection.execute(_STANDING).one()
    return Announced(position=row.position, behind=row.behind, foreign=row.foreign_log)


def announce_again(engine: Engine, after: int) -> None:
    """Have all events behind position ``after`` announced, be it again. Raises ``Refused`` if there is none there."""
    with transaction(engine) as connection:
        moved = connection.execute(_AGAIN, {"position": after}).one_or_none()
    if moved is None:
        message = (
            f"no event has position {after}; ledgerpress announcements status says how far they go"
        )
        raise Refused(message, reason="no-position")


def _products(connection: Connection, found: list[sealed.Sealed]) -> dict[str, Any]:
    streams = {each.link.stream for each in found if each.link.stream.startswith(_ORDER)}
    rows = connection.execute(_PRODUCTS, {"streams": sorted(streams)})
    return {row.stream: row.product for row in rows}
