"""The whole log in its one order, and its tree: what global readers and proofs are made from."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Connection, select

from events.chain import Link
from events.merkle import Tree, leaf_hash, node_hash
from storage.tables import events, sealed, tiles, tree

_COLUMNS = """
    select s.position, e.event_id, e.stream, e.version, e.type, e.schema, e.recorded_at, e.fence,
        e.data::text, e.meta::text, e.previous, e.hash
"""
_SEALED = "from sealed s join events e on e.seq = s.seq "
_RECORDED = "from events e left join sealed s on s.seq = e.seq "
_BEHIND = "where s.position > %(after)s order by s.position limit %(most)s"
_OF_STREAM = "where e.stream = %(stream)s order by e.version"
_LATER = "where e.stream = %(stream)s and e.version > %(after)s order by e.version limit %(most)s"

_WIDTH = 256
_HEIGHT = 8  # 2 ** 8 is 256


@dataclass(frozen=True, slots=True)
class Sealed:
    """An event as it is stored, and its place in the whole log."""

    position: int
    link: Link


def read(connection: Connection, *, after: int = 0, most: int = 1000) -> list[Sealed]:
    """The sealed events behind position ``after``, in order of position, at most ``most`` of them.

    Whoever goes on behind the last position they have seen misses nothing, whatever was committed late.
    """
    return asked(connection, _BEHIND, {"after": after, "most": most})


def of_stream(connection: Connection, stream: str) -> list[Sealed]:
    """The sealed events of a stream, oldest first."""
    return asked(connection, _OF_STREAM, {"stream": stream})


def recorded(
    connection: Connection, stream: str, *, after: int, most: int
) -> list[tuple[int | None, Link]]:
    """The stream's events later than version ``after``, oldest first, at most ``most`` of them, each with its position.

    One that is not sealed yet is told too: it has no position, and its version stays.
    """
    values: dict[str, object] = {"stream": stream, "after": after, "most": most}
    return _rows(connection, _COLUMNS + _RECORDED + _LATER, values)


def at(connection: Connection, position: int) -> Sealed | None:
    """The event that has that position, or ``None``."""
    found = read(connection, after=position - 1, most=1)
    return found[0] if found and found[0].position == position else None


def named(connection: Connection, event: uuid.UUID) -> Sealed | None:
    """The sealed event of that id, or ``None``."""
    found = asked(connection, "where e.event_id = %(event)s", {"event": event})
    return found[0] if found else None


def asked(connection: Connection, condition: str, values: dict[str, object]) -> list[Sealed]:
    """The sealed events that a where clause, and what follows it, lets through: ``s.position``, ``e`` as recorded."""
    return [Sealed(*each) for each in _rows(connection, _COLUMNS + _SEALED + condition, values)]


def _rows(connection: Connection, query: str, values: dict[str, object]) -> list[tuple[Any, Link]]:
    # The driver's own connection: SQLAlchemy would take as long again for each row.
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    return [
        (
            position,
            Link(
                id=identity,
                stream=stream,
                version=version,
                type=kind,
                schema=schema,
                recorded_at=at,
                fence=fence,
                data=data,
                meta=meta,
                previous=previous,
                hash=found,
            ),
        )
        for position, identity, stream, version, kind, schema, at, fence, data, meta, previous, found in (
            driver.execute(query, values).fetchall()
        )
    ]


def grown_tree(connection: Connection) -> Tree:
    """The tree over all sealed events."""
    row = connection.execute(select(tree.c.size, tree.c.peaks)).one()
    return Tree(row.size, tuple(bytes(peak) for peak in row.peaks))


class Nodes:
    """Looks up the roots of subtrees: ``node`` is what ``events.merkle`` makes proofs with.

    What is read is kept, 256 siblings at a time.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read: dict[tuple[int, int], Sequence[bytes]] = {}

    def node(self, start: int, end: int) -> bytes:
        """The root over the leaves from ``start`` (from 0) up to, without, ``end``."""
        level, more = divmod((end - start).bit_length() - 1, _HEIGHT)
        first = start // _WIDTH**level
        block, offset = divmod(first, _WIDTH)
        level_nodes = self._siblings(level, block)[offset : offset + (1 << more)]
        if len(level_nodes) != 1 << more:
            message = f"the tree has no leaves from {start} to {end}"
            raise LookupError(message)
        nodes = list(level_nodes)
        while len(nodes) > 1:
            nodes = [node_hash(*nodes[i : i + 2]) for i in range(0, len(nodes), 2)]
        return nodes[0]

    def _siblings(self, level: int, block: int) -> Sequence[bytes]:
        if (level, block) not in self._read:
            first = block * _WIDTH
            if level:
                query = (
                    select(tiles.c.hash)
                    .where(tiles.c.level == level, tiles.c.index >= first)
                    .where(tiles.c.index < first + _WIDTH)
                    .order_by(tiles.c.index)
                )
                found = [bytes(row) for row in self._connection.execute(query).scalars()]
            else:
                query = (
                    select(events.c.hash)
                    .join(sealed, sealed.c.seq == events.c.seq)
                    .where(sealed.c.position > first, sealed.c.position <= first + _WIDTH)
                    .order_by(sealed.c.position)
                )
                found = [leaf_hash(bytes(row)) for row in self._connection.execute(query).scalars()]
            self._read[level, block] = found
        return self._read[level, block]
