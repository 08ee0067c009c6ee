"""Feeds the projections across orders from sealed events: bookmark and sums move in one transaction.

A batch is all or nothing: whoever dies or freezes in it leaves nothing half done. Of any number of projectors one is at
a projection at a time, because it has the bookmark's row locked. They run in a role that can write nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Engine

from events.envelope import kind_of
from events.facts import OrderPlaced
from events.folding import Projection, Seen, add_up
from events.projections import PROJECTIONS
from storage import event_log, generations
from storage.database import directly
from storage.generations import Connection, Generation
from storage.stretches import Stretch, Stretches

# A batch takes a fraction of a second, far from the limits on statements and transactions.
MOST = 20_000
# When more orders than these are remembered, they are forgotten here and read again when they are needed: few that lie
# close together are found sooner.
_MOST_REMEMBERED = 4_000

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
    select %s, stream, memory from json_each_text(%s::json) as m (stream, memory)
    on conflict (generation, stream) do update set memory = excluded.memory
"""
_ADD = """
    insert into ledgerpress_views.sums (generation, key, amount)
    select %s, key::text[], amount::bigint from json_each_text(%s::json) as a (key, amount)
    on conflict (generation, key) do update set amount = sums.amount + excluded.amount
"""


@dataclass(slots=True)
class _Remembered:
    """What a generation at ``position`` remembers, as far as it was read or made here; ``whole``: that is all."""

    position: int
    whole: bool
    memories: dict[str, Any] = field(default_factory=dict)


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
        seen = self._stretches.read(connection, Stretch(after, until, types), goal)
        # There is nothing to remember of an order before it was placed: that is how its stream begins.
        begun = {name for name, events in seen.items() if type(events[0][0]) is not OrderPlaced}
        place = connection.execute(_PLACE, (until,)).fetchone()
        assert place is not None  # positions have no holes
        # Postgres writes down what one of them adds while the next is being folded.
        with connection.pipeline():
            for each in moved:
                self._fold(connection, each, seen, begun, until)
                connection.execute(_MOVE, (until, *place, each.generation))
        return until - after

    def _types(self, generation: Generation) -> frozenset[str]:
        return frozenset(
            kind_of(each).name for each in self.projections[generation.projection].events
        )

    def _fold(
        self,
        connection: Connection,
        generation: Generation,
        seen: Seen,
        begun: set[str],
        until: int,
    ) -> None:
        """Fold what was seen, of orders that were ``begun`` before and of others."""
        projection = self.projections[generation.projection]
        remembered = self._recall(connection, generation, begun)
        sums, changed = add_up(projection, remembered.memories, seen)
        added = {event_log.literal(key): amount for key, amount in sums.items()}
        for statement, rows in ((_REMEMBER, changed), (_ADD, added)):
            if rows:
                written = msgspec.json.encode(rows).decode()
                connection.execute(statement, (generation.generation, written))
        remembered.memories.update(changed)
        remembered.position = until

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
