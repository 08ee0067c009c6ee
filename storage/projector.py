"""Feeds the projections across orders from sealed events: bookmark and sums move in one transaction.

A batch is all or nothing: whoever dies or freezes in it leaves nothing half done. Of any number of projectors one is at
a projection at a time, because it has the bookmark's row locked. They run in a role that can write nothing else.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Engine

from events.envelope import kind_of
from events.facts import OrderPlaced
from events.folding import Key, Projection, Seen, add_up
from events.projections import PROJECTIONS
from storage import event_log, generations
from storage.database import directly
from storage.generations import Connection, Generation
from storage.stretches import Stretch, Stretches, decoded

# A batch takes a fraction of a second, far from the limits on statements and transactions.
MOST = 20_000
# When more orders than these are remembered, they are forgotten here and read again when they are needed: few that lie
# close together are found sooner.
_MOST_REMEMBERED = 4_000

_PLACED = kind_of(OrderPlaced).name

_PLACE = """
    select e.hash, e.recorded_at from sealed s join events e on e.seq = s.seq where s.position = %s
"""
_MOVE = """
    update ledgerpress_views.generations set position = %s, hash = %s, reached_at = %s, moved_at = clock_timestamp()
    where generation = %s
"""
_REMEMBERED = """
    select stream, memory from ledgerpress_views.memories where generation = %s and stream = any (%s)
"""
_REMEMBER = """
    insert into ledgerpress_views.memories (generation, stream, memory)
    select generation::bigint, stream, memory
    from json_each(%s::json) as g (generation, memories), json_each_text(memories) as m (stream, memory)
    on conflict (generation, stream) do update set memory = excluded.memory
"""
_ADD = """
    insert into ledgerpress_views.sums (generation, key, amount)
    select generation::bigint, key::text[], amount::bigint
    from json_each(%s::json) as g (generation, sums), json_each_text(sums) as s (key, amount)
    on conflict (generation, key) do update set amount = sums.amount + excluded.amount
"""


@dataclass(slots=True)
class _Remembered:
    """What a generation at ``position`` remembers, as far as it was read or made here; ``whole``: that is all."""

    position: int
    whole: bool
    memories: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Fold:
    """A batch on its way into a generation: what it adds, and what is remembered otherwise than before."""

    projection: Projection
    remembered: _Remembered
    sums: Counter[Key] = field(default_factory=Counter)
    changed: dict[str, Any] = field(default_factory=dict)

    def fold(self, seen: Seen) -> dict[str, Any]:
        """Fold a part of the batch; return what is remembered otherwise because of it."""
        sums, changed = add_up(self.projection, self.remembered.memories, seen)
        self.sums.update(sums)
        self.changed.update(changed)
        return changed

    def added(self) -> dict[str, int]:
        """What is added to which sums, as their keys are written."""
        return {event_log.literal(key): amount for key, amount in self.sums.items()}

    def remember(self, position: int) -> None:
        """Keep what was made here: all of the batch, or nothing of it if it failed before."""
        self.remembered.memories.update(self.changed)
        self.remembered.position = position


class Projector:
    """Moves generations on. Not for several threads at once."""

    def __init__(self, engine: Engine, projections: Mapping[str, Projection] = PROJECTIONS) -> None:
        self.projections = projections
        self._engine = engine
        self._remembered: dict[int, _Remembered] = {}
        self._stretches = Stretches(engine)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """The driver's own connection, in a transaction. Raises ``Unavailable`` if Postgres is away."""
        with directly(self._engine) as connection, connection.transaction():
            yield connection

    def feed(self, most: int = MOST) -> int:
        """Fold the next sealed events into the live projections; return how many events they moved over.

        One that there never was begins here. One that was folded by another version of its fold is left alone, and so
        is one that somebody else is at. Raises ``ForeignBookmark`` once all others have moved on.
        """
        with self.transaction() as connection:
            live = generations.in_use(connection, "live")
            top = generations.sealed_so_far(connection)
            begun = self.projections.keys() <= {each.projection for each in live}
            if begun and all(each.position == top for each in self.ours(live)):
                return 0
            generations.begin(connection, self.projections.values(), "live")
            live = self.ours(generations.in_use(connection, "live", lock="skip"))
            foreign = generations.foreign(connection, live)
            held = [each for each in live if each.projection not in foreign]
            moved = self.move(connection, held, top, most)
        if not moved:
            generations.refuse_foreign(connection, live)
        return moved

    def ours(self, found: Sequence[Generation]) -> list[Generation]:
        """Those that were folded by the very version of the projection that is known here."""
        known = self.projections
        return [
            each
            for each in found
            if each.projection in known and known[each.projection].version == each.version
        ]

    def move(
        self, connection: Connection, held: Sequence[Generation], goal: int, most: int = MOST
    ) -> int:
        """Fold the next events into those that are furthest behind, as far as position ``goal`` at most.

        Returns how many events they moved over; 0 once all are there. In a transaction that has their rows locked and
        knows their bookmarks to be of this log.
        """
        behind = [each for each in held if each.position < goal]
        if not behind:
            return 0
        after = min(each.position for each in behind)
        until = min([goal, after + most, *(e.position for e in behind if e.position > after)])
        moved = [each for each in behind if each.position == after]
        types = frozenset().union(*(self._types(each) for each in moved))
        rows = self._stretches.read(connection, Stretch(after, until, types), goal)
        # There is nothing to remember of an order before it was placed: that is how its stream begins.
        begun = {stream for stream, told in rows.items() if told[0][1] != _PLACED}
        place = connection.execute(_PLACE, (until,)).fetchone()
        assert place is not None  # positions have no holes
        folds = {
            each.generation: _Fold(
                self.projections[each.projection], self._recall(connection, each, begun)
            )
            for each in moved
        }
        # Postgres writes down what is remembered of some orders while the next are being folded.
        with connection.pipeline():
            for seen in decoded(rows):
                _write(connection, _REMEMBER, {of: each.fold(seen) for of, each in folds.items()})
            _write(connection, _ADD, {of: each.added() for of, each in folds.items()})
            for of in folds:
                connection.execute(_MOVE, (until, *place, of))
        for each in folds.values():
            each.remember(until)
        return until - after

    def _types(self, generation: Generation) -> frozenset[str]:
        return frozenset(
            kind_of(each).name for each in self.projections[generation.projection].events
        )

    def _recall(
        self, connection: Connection, generation: Generation, streams: set[str]
    ) -> _Remembered:
        """What is remembered of these streams, among others. What was kept here is good if nobody else has moved on."""
        found = self._remembered.get(generation.generation)
        if (
            found is None
            or found.position != generation.position
            or len(found.memories) > _MOST_REMEMBERED
        ):
            if len(self._remembered) > 3 * len(self.projections):
                self._remembered.clear()  # of generations that are no more, among others
            found = _Remembered(generation.position, whole=generation.position == 0)
            self._remembered[generation.generation] = found
        if not found.whole and (missing := streams - found.memories.keys()):
            kind = self.projections[generation.projection].memory
            rows = connection.execute(_REMEMBERED, (generation.generation, list(missing)))
            found.memories.update(
                (stream, msgspec.json.decode(memory, type=kind)) for stream, memory in rows
            )
        return found


def _write(connection: Connection, statement: str, rows: Mapping[int, Mapping[str, Any]]) -> None:
    """Write the rows of several generations at once."""
    if filled := {generation: each for generation, each in rows.items() if each}:
        connection.execute(statement, (msgspec.json.encode(filled).decode(),))
