"""Projections as they are kept: each folded once into a generation of its own, and the bookmark of how far."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row

from events.errors import Unavailable
from events.folding import Projection

Use = Literal["live", "rebuilt", "checked", "old"]

_IN_USE = """
    select generation, projection, version, use, position, hash,
        extract(epoch from clock_timestamp() - moved_at)::float8 as idle
    from ledgerpress_views.generations where use = %s order by projection
"""
# How much of an old generation is cleared away at a time.
_MOST_CLEARED = 20_000


class ForeignBookmark(Unavailable):
    """A bookmark was made in another log than this one: what was folded is not what this one says."""

    def __init__(self, names: Iterable[str]) -> None:
        message = (
            f"the bookmark of {', '.join(sorted(names))} was made in another log, perhaps one that this database was"
            " restored from; fold it afresh with: ledgerpress projection rebuild"
        )
        super().__init__(message, reason="foreign-bookmark")


@dataclass(frozen=True, slots=True)
class Generation:
    """A projection, folded up to the event at ``position``, which has that ``hash``; ``idle`` seconds ago it moved."""

    generation: int
    projection: str
    version: int
    use: Use
    position: int
    hash: bytes | None
    idle: float


Connection = psycopg.Connection[Any]


def in_use(
    connection: Connection, use: Use, *, lock: Literal["", "skip", "wait"] = ""
) -> list[Generation]:
    """The generations in that use.

    With ``lock`` they are held until the transaction ends: ``skip`` leaves out those that somebody else holds, ``wait``
    waits for them.
    """
    locking = {"": "", "skip": " for update skip locked", "wait": " for update"}[lock]
    with connection.cursor(row_factory=class_row(Generation)) as cursor:
        return cursor.execute(_IN_USE + locking, (use,)).fetchall()


def begin(connection: Connection, projections: Iterable[Projection], use: Use) -> None:
    """Make sure that each of them has a generation in that use; a new one has read nothing yet."""
    for each in projections:
        connection.execute(
            "insert into ledgerpress_views.generations (projection, version, use) values (%s, %s, %s)"
            " on conflict do nothing",
            (each.name, each.version, use),
        )


def use(connection: Connection, generation: Generation, new: Use) -> None:
    """Put the generation to another use."""
    connection.execute(
        "update ledgerpress_views.generations set use = %s, moved_at = clock_timestamp() where generation = %s",
        (new, generation.generation),
    )


def sealed_so_far(connection: Connection) -> int:
    """How many events have a position."""
    row = connection.execute("select size from tree").fetchone()
    assert row is not None
    return int(row[0])


def foreign(connection: Connection, generations: Sequence[Generation]) -> set[str]:
    """The projections whose bookmark was made in another log: this one has another event there, or none."""
    there = dict(
        connection.execute(
            "select s.position, e.hash from sealed s join events e on e.seq = s.seq where s.position = any (%s)",
            ([each.position for each in generations],),
        ).fetchall()
    )
    return {each.projection for each in generations if there.get(each.position) != each.hash}


def refuse_foreign(connection: Connection, generations: Sequence[Generation]) -> None:
    """Raise ``ForeignBookmark`` if any of them is of another log."""
    if names := foreign(connection, generations):
        raise ForeignBookmark(names)


def clear(connection: Connection) -> int:
    """Clear away a part of the old generations; return how many rows, 0 once nothing is left.

    One that somebody began to compare an hour ago, and left, is old.
    """
    connection.execute(
        "update ledgerpress_views.generations set use = 'old'"
        " where use = 'checked' and moved_at < clock_timestamp() - interval '1 hour'"
    )
    old = "(select generation from ledgerpress_views.generations where use = 'old')"
    for table in ("sums", "memories"):
        cleared = connection.execute(
            f"delete from ledgerpress_views.{table} where ctid = any (array(select ctid from"  # noqa: S608 - our own names
            f" ledgerpress_views.{table} where generation in {old} limit {_MOST_CLEARED}))"
        ).rowcount
        if cleared:
            return cleared
    return connection.execute(
        "delete from ledgerpress_views.generations where use = 'old'"
    ).rowcount
