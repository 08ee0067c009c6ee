"""Folds projections afresh beside the live ones: to take their place, or to be compared with them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from events.errors import Conflict
from storage import generations
from storage.generations import Connection, Generation, Use
from storage.projector import MOST, Projector

# The sums that differ, and the streams of which something else is remembered.
_DIFFERENT = """
    select coalesce(one.key, two.key), one.amount, two.amount
    from (select key, amount from ledgerpress_views.sums where generation = %(live)s) one
    full join (select key, amount from ledgerpress_views.sums where generation = %(afresh)s) two using (key)
    where one.amount is distinct from two.amount
    order by 1 limit %(most)s
"""
_REMEMBERED_DIFFERENTLY = """
    select coalesce(one.stream, two.stream)
    from (select stream, memory from ledgerpress_views.memories where generation = %(live)s) one
    full join (select stream, memory from ledgerpress_views.memories where generation = %(afresh)s) two using (stream)
    where one.memory is distinct from two.memory
    order by 1 limit %(most)s
"""


# Who rebuilds moves on within a moment; for this long nobody has.
_LEFT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """How far it is: ``done`` events of ``total``."""

    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Different:
    """What the live projection and the log say differently; in ``sums`` (key, live, folded afresh), ``None`` for none.

    ``streams`` are those of which something else is remembered. Only the first of each are named.
    """

    projection: str
    position: int
    sums: tuple[tuple[tuple[str, ...], int | None, int | None], ...] = ()
    streams: tuple[str, ...] = ()


def begin(projector: Projector, names: Sequence[str]) -> None:
    """Begin to fold these afresh; one that somebody has begun already is gone on with."""
    with projector.transaction() as connection:
        found = generations.in_use(connection, "rebuilt", lock="wait")
        _begin(connection, projector, names, found)


def take_up(projector: Projector) -> list[str]:
    """Begin or go on with what should be folded afresh and nobody is at; return which, for ``go_on``.

    That is what an older version of its fold has made, and what somebody began and left. It is looked for and begun in
    one moment: what another has finished is not begun again.
    """
    known = projector.projections
    with projector.transaction() as connection:
        live = generations.in_use(connection, "live", lock="skip")
        found = generations.in_use(connection, "rebuilt", lock="skip")
        older = {
            each.projection
            for each in live
            if each.projection in known and each.version < known[each.projection].version
        }
        left = {each.projection for each in projector.ours(found) if each.idle > _LEFT_SECONDS}
        names = sorted(older | left)
        _begin(connection, projector, names, found)
    return names


def _begin(
    connection: Connection, projector: Projector, names: Sequence[str], found: Sequence[Generation]
) -> None:
    """Begin these, unless one is among those that were ``found`` and may be gone on with."""
    foreign = generations.foreign(connection, found)
    current = {each.generation for each in projector.ours(found) if each.projection not in foreign}
    for each in found:
        if each.projection in names and each.generation not in current:
            # Begun by another version of the fold, or from another log that this one was restored from.
            generations.use(connection, each, "old")
    generations.begin(connection, [projector.projections[name] for name in names], "rebuilt")


def go_on(projector: Projector, names: Sequence[str], most: int = MOST) -> Step | None:
    """Fold the next events into those that are being rebuilt, and let those that are there take the live ones' place.

    Returns ``None`` once none of them is being rebuilt any more. Readers see the old one until the moment at which they
    see the new one, which has read as far at least.
    """
    with projector.transaction() as connection:
        held = _held(connection, projector, names, "rebuilt")
        if not held:
            return None
        top = generations.sealed_so_far(connection)
        projector.move(connection, held, top, most)
        held = _held(connection, projector, names, "rebuilt")
        swapped = _swap(connection, projector, held, top, most)
        left = [each.position for each in held if each.projection not in swapped]
        return Step(min(left, default=top), top)


def rebuild(projector: Projector, names: Sequence[str]) -> Iterator[Step]:
    """Fold these afresh and put them in the live ones' place. Killed anywhere, it is gone on with the next time."""
    begin(projector, names)
    while step := go_on(projector, names):
        yield step


def _swap(
    connection: Connection, projector: Projector, held: Sequence[Generation], top: int, most: int
) -> set[str]:
    """Let those that are within a batch of the live ones catch up with them and take their place; return which.

    The live ones stand still until that is done.
    """
    far = _far(connection, top, lock="")
    near = {
        e.projection
        for e in held
        if e.position + most >= (far[e.projection][0] if e.projection in far else top)
    }
    if not near:
        return near
    far = _far(connection, top, lock="wait")
    goal = max((far[name][0] for name in near if name in far), default=top)
    ours = _held(connection, projector, sorted(near), "rebuilt")
    while projector.move(connection, ours, goal):
        ours = _held(connection, projector, sorted(near), "rebuilt")
    for each in ours:
        if each.projection in far:
            generations.use(connection, far[each.projection][1], "old")
        generations.use(connection, each, "live")
    return near


def _far(
    connection: Connection, top: int, *, lock: Literal["", "wait"]
) -> dict[str, tuple[int, Generation]]:
    """How far each live projection has read; as far as the log goes, if it has read another."""
    live = generations.in_use(connection, "live", lock=lock)
    foreign = generations.foreign(connection, live)
    return {e.projection: (top if e.projection in foreign else e.position, e) for e in live}


def check(projector: Projector, names: Sequence[str], most: int = 10) -> Iterator[Step | Different]:
    """Fold these afresh as far as the live ones have read, and say of each what is different: nothing, if all is well.

    Writes only beside them, and leaves nothing behind. Raises ``ForeignBookmark``, and ``Conflict`` if somebody else
    begins to check the same meanwhile.
    """
    with projector.transaction() as connection:
        for each in generations.in_use(connection, "checked", lock="wait"):
            if each.projection in names:
                generations.use(connection, each, "old")
        generations.begin(connection, [projector.projections[name] for name in names], "checked")
        mine = {each.generation for each in _held(connection, projector, names, "checked")}
    while mine:
        with projector.transaction() as connection:
            step, found = _compared(connection, projector, mine, most)
        yield step
        for generation, different in found.items():
            mine.remove(generation)
            yield different


def _compared(
    connection: Connection, projector: Projector, mine: set[int], most: int
) -> tuple[Step, dict[int, Different]]:
    """Fold on; and once those are as far as their live ones, have these stand still for a moment and compare."""
    afresh = _mine(connection, mine)
    live = _live_of(connection, afresh, lock="")
    generations.refuse_foreign(connection, list(live.values()))
    until = min(each.position for each in live.values())
    if moved := projector.move(connection, afresh, until):
        return Step(min(each.position for each in afresh) + moved, until), {}
    live = _live_of(connection, afresh, lock="wait")
    until = min(each.position for each in live.values())
    while projector.move(connection, afresh, until):
        afresh = _mine(connection, mine)
    ready = [each for each in afresh if live[each.projection].position == until]
    found = {
        each.generation: _different(connection, live[each.projection], each, most) for each in ready
    }
    for each in ready:
        generations.use(connection, each, "old")
    return Step(until, until), found


def _mine(connection: Connection, mine: set[int]) -> list[Generation]:
    """Those that this check has begun. Raises ``Conflict`` if somebody else has begun to check the same since."""
    found = generations.in_use(connection, "checked", lock="wait")
    afresh = [each for each in found if each.generation in mine]
    if len(afresh) < len(mine):
        message = "somebody else has begun to check the same; try again when they are done"
        raise Conflict(message, reason="checked-elsewhere")
    return afresh


def _live_of(
    connection: Connection, afresh: Sequence[Generation], *, lock: Literal["", "wait"]
) -> dict[str, Generation]:
    names = {each.projection for each in afresh}
    found = generations.in_use(connection, "live", lock=lock)
    live = {each.projection: each for each in found if each.projection in names}
    if missing := ", ".join(sorted(names - live.keys())):
        message = f"nothing is fed into {missing} yet; a keeper begins it: ledgerpress run keeper"
        raise Conflict(message, reason="not-fed")
    return live


def _different(
    connection: Connection, live: Generation, afresh: Generation, most: int
) -> Different:
    values = {"live": live.generation, "afresh": afresh.generation, "most": most}
    sums = connection.execute(_DIFFERENT, values).fetchall()
    streams = connection.execute(_REMEMBERED_DIFFERENTLY, values).fetchall()
    return Different(
        projection=live.projection,
        position=live.position,
        sums=tuple((tuple(key), one, two) for key, one, two in sums),
        streams=tuple(stream for (stream,) in streams),
    )


def _held(
    connection: Connection, projector: Projector, names: Sequence[str], use: Use
) -> list[Generation]:
    found = projector.ours(generations.in_use(connection, use, lock="wait"))
    return [each for each in found if each.projection in names]


def _again(connection: Connection, generation: Generation) -> Generation:
    """The same, with its bookmark as it is now."""
    found = generations.in_use(connection, generation.use)
    return next(each for each in found if each.generation == generation.generation)
