"""What the projections say: their sums, with how far they have been reckoned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

from events.folding import Key
from storage.database import rows
from storage.generations import ForeignBookmark

_STANDING = text("""
    select g.projection, g.version, g.use, g.position, g.reached_at, t.size - g.position as behind,
        g.position > 0 and not exists (select from sealed s join events e on e.seq = s.seq
            where s.position = g.position and e.hash = g.hash) as foreign_log
    from ledgerpress_views.generations g cross join tree t
    where g.use in ('live', 'rebuilt') order by g.projection, g.use
""")
_SUMS = text("""
    with live as (
        select g.generation, g.position, g.reached_at, t.size - g.position as behind,
            g.position = 0 or exists (select from sealed s join events e on e.seq = s.seq
                where s.position = g.position and e.hash = g.hash) as ours
        from ledgerpress_views.generations g cross join tree t
        where g.projection = :projection and g.use = 'live'
    )
    select l.position, l.reached_at, l.behind, l.ours, s.key, s.amount
    from live l left join ledgerpress_views.sums s on s.generation = l.generation
        and s.key >= cast(:first as text[]) and s.key < cast(:end as text[])
    order by s.key
""")


# Sorts behind every text, byte by byte.
_BEHIND_ALL = chr(0x10FFFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far a projection has read: to the event at ``position``, recorded at ``time``; ``behind`` more are sealed."""

    position: int = 0
    time: datetime | None = None
    behind: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The sums of a projection, by key, and how far they have been reckoned."""

    reach: Reach
    amounts: Mapping[Key, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a projection stands. ``rebuilding`` says how far its successor is; ``foreign`` that it is of another log."""

    projection: str
    version: int
    reach: Reach
    foreign: bool
    rebuilding: int | None = None


def sums(engine: Engine, projection: str, beginning: Sequence[str] = (), since: str = "") -> Sums:
    """The sums of a projection whose keys begin so and go on with ``since`` or later; none before it was ever fed.

    Raises ``Unavailable`` if Postgres is away, and ``ForeignBookmark`` if they were folded from another log.
    """
    values = {
        "projection": projection,
        "first": [*beginning, since],
        "end": [*beginning, _BEHIND_ALL],
    }
    found = rows(engine, _SUMS, values)
    if not found:
        return Sums(reach=Reach(), amounts={})
    first = found[0]
    if not first.ours:
        raise ForeignBookmark([projection])
    return Sums(
        reach=Reach(position=first.position, time=first.reached_at, behind=first.behind),
        amounts={tuple(row.key): row.amount for row in found if row.key is not None},
    )


def standings(engine: Engine) -> list[Standing]:
    """How each projection stands that was ever fed, by name. Raises ``Unavailable`` if Postgres is away."""
    found = rows(engine, _STANDING)
    rebuilt = {row.projection: row.position for row in found if row.use == "rebuilt"}
    return [
        Standing(
            projection=row.projection,
            version=row.version,
            reach=Reach(position=row.position, time=row.reached_at, behind=row.behind),
            foreign=row.foreign_log,
            rebuilding=rebuilt.get(row.projection),
        )
        for row in found
        if row.use == "live"
    ]
