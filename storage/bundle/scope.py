"""What a bundle is to hold: an order, a range, a span of time, or all; and the events and checkpoints it comes to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, select

from events.errors import NotFound, Refused, Unavailable
from storage import checkpoints, sealed
from storage.bundle.span import positions
from storage.checkpoints import Kept
from storage.history import stream_of
from storage.naming import streams_of
from storage.sealed import Sealed
from storage.tables import events

_ROWS = 2000
# The latest ones: whoever has kept an older one asks for it by its size.
_CHECKPOINTS = 10


@dataclass(frozen=True, slots=True)
class OfOrder:
    """One order, with the stream of what became of its payment, and a bundle's parts with it."""

    order: str


@dataclass(frozen=True, slots=True)
class Positions:
    """The events from position ``first`` to ``last``."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Span:
    """The events recorded from ``since`` on and before ``until``, as far as they are signed; ``None`` sets no bound."""

    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class WholeLog:
    """Every event that is signed."""


Scope = OfOrder | Positions | Span | WholeLog


class NotSigned(Unavailable):
    """What was asked for is recorded, and no checkpoint covers it yet."""

    reason = "not-signed-yet"


@dataclass(frozen=True, slots=True)
class Plan:
    """The events a bundle holds. ``left_out`` events of the order are newer than the checkpoint it is made for."""

    kind: Literal["order", "range", "log"]
    rows: Iterable[Sealed]
    total: int
    left_out: int = 0
    streams: tuple[str, ...] = ()
    order: str | None = None
    ends: tuple[int, int] = (0, 0)


def plan(connection: Connection, scope: Scope, size: int) -> Plan:
    """What of ``scope`` the checkpoint at ``size`` covers. Raises ``NotFound``, ``NotSigned`` and ``Refused``."""
    match scope:
        case WholeLog():
            return Plan("log", _between(connection, 0, size), size, ends=(1, size))
        case Positions(first, last):
            if not 1 <= first <= last:
                raise Refused(
                    "a range begins at position 1 or later and does not end before it begins"
                )
            if last > size:
                message = f"the log is signed up to position {size}"
                raise NotSigned(message, retry_after=60)
            ends = (first, last)
            return Plan("range", _between(connection, first - 1, last), last - first + 1, ends=ends)
        case Span(since, until):
            first, last = positions(connection, since, until)
            if first > size:
                message = (
                    f"the log is signed up to position {size}; what was recorded then is newer"
                )
                raise NotSigned(message, retry_after=60)
            signed = min(last, size)
            found = _between(connection, first - 1, signed)
            return Plan("range", found, signed - first + 1, last - signed, ends=(first, signed))
        case OfOrder(name):
            return _of_order(connection, name, size)


def _of_order(connection: Connection, name: str, size: int) -> Plan:
    order, names = streams_of(connection, name)
    covered = [
        each
        for stream in names
        for each in sealed.of_stream(connection, stream)
        if 0 < each.position <= size
    ]
    streams = tuple(sorted({each.link.stream for each in covered}))
    if stream_of(order) not in streams:
        raise NotSigned("no checkpoint covers this order yet", retry_after=60)
    counted = select(func.count()).where(events.c.stream.in_(names))
    newer = connection.execute(counted).scalar_one() - len(covered)
    covered.sort(key=lambda each: each.position)
    return Plan("order", covered, len(covered), newer, streams, order)


def _between(connection: Connection, after: int, last: int) -> Iterator[Sealed]:
    while after < last:
        found = sealed.read(connection, after=after, most=min(_ROWS, last - after))
        if not found:
            message = f"the event at position {after + 1} is missing; run: ledgerpress audit verify"
            raise Refused(message, reason="log-broken")
        yield from found
        after = found[-1].position


def chosen(connection: Connection, scope: Scope, last: Kept, asked: set[int]) -> list[Kept]:
    """The checkpoints to put in, smallest first: the latest up to ``last``, and those ``asked`` for by size."""
    if isinstance(scope, WholeLog):
        found: list[Kept] = []
        while more := checkpoints.read(connection, after=found[-1].size if found else 0):
            found += [each for each in more if each.size <= last.size]
            if more[-1].size >= last.size:
                break
        return found
    picked = {each.size: each for each in checkpoints.latest(connection, most=_CHECKPOINTS)}
    for size in asked - set(picked):
        known = 1 <= size <= last.size
        exact = checkpoints.read(connection, after=size - 1, most=1) if known else []
        if not exact or exact[0].size != size:
            message = f"there is no checkpoint at {size}"
            raise NotFound(message)
        picked[size] = exact[0]
    return [picked[size] for size in sorted(picked) if size <= last.size]
