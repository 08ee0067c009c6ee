"""Verifies the whole log as the database holds it: every hash, every position, the tree, and every checkpoint.

Nothing but SHA-256, the trusted public keys and the published checkpoints is believed. What each check catches is told
in ``docs/adr/0013-what-an-auditor-can-detect.md``.
"""

import hashlib
import struct
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DataError, InvalidRequestError

from events.chain import Link, link_hash
from events.checkpoint import BadCheckpoint, Key, Note, read_note
from events.merkle import Tiling
from storage.checkpoints import Folder
from storage.database import AWAY, SCHEMA, away
from storage.signing import signed_by

_ROWS = 5000
_SPAN = 50_000
# After so many faults nobody wants to read the next one.
_MOST_FAULTS = 20

# Straight from the driver: no type of SQLAlchemy's stands between the bytes and their hash.
_COLUMNS = """e.event_id, e.stream, e.version, e.type, e.schema, e.recorded_at, e.fence,
    e.data::text, e.meta::text, e.previous, e.hash"""
_SEALED = text(f"""
    select s.position, {_COLUMNS} from (
        select position, seq from sealed where position > :after order by position limit :most) s
    left join events e on e.seq = s.seq order by s.position""")  # noqa: S608 - names of ours
_UNSEALED = text(f"""
    select u.seq, {_COLUMNS} from events e
    left join (select seq from sealed where seq >= :first and seq < :end) s on s.seq = e.seq
    left join unsealed u on u.seq = e.seq
    where e.seq >= :first and e.seq < :end and s.seq is null order by e.seq""")  # noqa: S608 - the same
_NEXT = text("select min(seq) from events where seq >= :end")
_TWICE = text("select min(position) from sealed join unsealed using (seq)")
_STREAMS = text("""
    select stream, version, head from streams where stream > :after order by stream limit :most""")
_ORDERS = text("""
    select order_id, version from orders
    where order_id > cast(:after as uuid) order by order_id limit :most""")
_TILES = text("""
    select index, hash from tiles where level = :level and index >= :first and index <= :last""")
_CHECKPOINTS = text("""
    select size, note, digest, root, previous, recorded_at > clock_timestamp() + interval '1 minute' as early
    from checkpoints where size > :after order by size limit :most""")
# What stands in front of a table, or in its place, may tell an auditor something else than everybody else.
_VEILED = text("""
    select name from unnest(cast(:tables as text[])) name
    left join pg_class c on c.oid = to_regclass(name) and c.relkind = 'r' and c.relpersistence = 'p'
        and c.relnamespace = to_regnamespace(:schema) and not c.relrowsecurity
    where c.oid is null order by name""")
_TABLES = ["checkpoints", "events", "orders", "sealed", "streams", "tiles", "tree", "unsealed"]

# What comes of a value that nothing of ours would have written: an endless time, a null, a column of another type.
_UNREADABLE = (DataError, InvalidRequestError, AttributeError, TypeError, ValueError, struct.error)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not add up: where, and what is wrong with it."""

    where: str
    what: str

    def __str__(self) -> str:
        # Without what a terminal would obey: a stream may be called anything.
        text = f"{self.where}: {self.what}"
        return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was verified, and what was found to be wrong, the first fault first.

    ``signed`` is the size that the latest checkpoint vouches for: what is behind it is chained, but not signed yet.
    """

    events: int
    streams: int
    sealed: int
    checkpoints: int
    signed: int
    faults: tuple[Fault, ...]


def verify(
    engine: Engine,
    keys: Iterable[Key],
    folder: Folder,
    *,
    held: Note | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:
    """Verify everything, as it is at this moment; the log goes on being written meanwhile.

    ``held`` is a checkpoint that the auditor has kept. ``progress`` is told how many events of how many are done.
    Raises ``Unavailable`` if Postgres goes away.
    """
    # Read first: what is published was in the database before, and so must be in what is looked at next.
    outside = {size: hashlib.sha256(folder.get(size).encode()).digest() for size in folder.sizes()}
    try:
        with engine.connect() as connection:
            ours = connection.execution_options(isolation_level="REPEATABLE READ")
            with ours.begin():
                return _Audit(ours, tuple(keys), outside, held, progress).report()
    except AWAY as error:
        raise away(error) from None


@dataclass(slots=True)
class _Audit:
    connection: Connection
    keys: tuple[Key, ...]
    outside: Mapping[int, bytes]
    held: Note | None
    progress: Callable[[int, int], None]
    faults: list[Fault] = field(default_factory=list)
    heads: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    tiling: Tiling = field(default_factory=Tiling)
    events: int = 0
    place: str = "the tables"

    def report(self) -> Report:
        notes: list[Note] = []
        try:
            self._all(notes)
        except _UNREADABLE as error:
            self._fault(self.place, f"it cannot be read ({type(error).__name__})")
        return Report(
            events=self.events,
            streams=len(self.heads),
            sealed=self.tiling.size,
            checkpoints=len(notes),
            signed=notes[-1].checkpoint.size if notes else 0,
            faults=tuple(self.faults[:_MOST_FAULTS]),
        )

    def _all(self, notes: list[Note]) -> None:
        for name in self.connection.execute(
            _VEILED, {"tables": _TABLES, "schema": SCHEMA}
        ).scalars():
            self._fault(
                f"the table {name}", "something else stands in its place, or in front of it"
            )
        self.place = "the checkpoints"
        self._checkpoints(notes)
        total = self._one("select count(*) from events")
        self._sealed(_expected(notes, self.held), total)
        self.place = "the tree"
        self._grown(notes)
        self.place = "the events that are not sealed yet"
        self._unsealed(total)
        self.place = "the streams"
        self._streams()

    def _fault(self, where: str, what: str) -> None:
        self.faults.append(Fault(where, what))

    def _one(self, statement: str) -> int:
        return int(self.connection.execute(text(statement)).scalar_one() or 0)

    # The checkpoints among themselves, and against what was published.

    def _checkpoints(self, notes: list[Note]) -> None:
        texts: dict[int, bytes] = {}
        met = 0
        for row in self._keyset(_CHECKPOINTS, 0):
            met += 1
            self.place = where = f"checkpoint {row.size}"
            try:
                found = read_note(row.note)
                signed_by(found, self.keys)
            except BadCheckpoint as error:
                self._fault(where, str(error))
                continue
            texts[row.size] = found.digest
            before = notes[-1].digest if notes else None
            said = found.checkpoint
            columns = (row.size, row.digest, row.root, row.previous)
            if columns != (said.size, found.digest, said.root, said.previous):
                self._fault(where, "its columns are not what the note says")
            if row.early:
                self._fault(
                    where, "it was recorded in the future: until then nothing more is signed"
                )
            if said.previous != before:
                self._fault(where, "it does not follow from the checkpoint before it")
            notes.append(found)
        # Older ones may bear the signature of a key long gone: each is vouched for by the next.
        if notes and signed_by(notes[-1], self.keys) is None:
            self._fault(
                f"checkpoint {notes[-1].checkpoint.size}",
                "no trusted key has signed the latest one",
            )
        if met != self._one("select count(*) from checkpoints"):
            self._fault("the checkpoints", "one of them has no size")
        self._published(texts)

    def _published(self, inside: Mapping[int, bytes]) -> None:
        for size, digest in self.outside.items():
            if inside.get(size) != digest:
                self._fault(
                    f"checkpoint {size}", "it was published, and the database has another or none"
                )
        if self.held is not None:
            size = self.held.checkpoint.size
            if signed_by(self.held, self.keys) is None:
                self._fault("the checkpoint you hold", "no trusted key has signed it")
            if inside.get(size) != self.held.digest:
                self._fault(
                    f"checkpoint {size}", "you hold it, and the database has another or none"
                )

    # Every sealed event, in order.

    def _sealed(self, roots: Mapping[int, bytes], total: int) -> None:
        sound = 0  # the size up to which the tree was as signed
        broken = False
        tiles: list[tuple[int, int, bytes]] = []
        self.place = "the events from position 1 on"
        for row in self._keyset(_SEALED, 0):
            position = row[0]
            self.place = f"the events from position {position} on"
            if position != self.tiling.size + 1:
                missing = self.tiling.size + 1
                self._fault(f"position {missing}", f"it is missing: the next one is {position}")
                return
            if row[1] is None:
                self._fault(f"position {position}", "the event that had it is gone")
                return
            link = self._linked(row[1:], f"position {position}")
            tiles += self.tiling.add(link)
            size = self.tiling.size
            if size in roots and not broken:
                if self.tiling.tree.root == roots[size]:
                    sound = size
                else:
                    broken = True
                    self._fault(
                        f"positions {sound + 1} to {size}",
                        f"they are not the events that the checkpoint at {size} was signed over",
                    )
            if size % _ROWS == 0:
                tiles = self._tiles(tiles)
                self.progress(self.events, total)
        self._tiles(tiles)

    def _linked(self, columns: Sequence[Any], where: str) -> bytes:
        """Check an event against its own hash and the one before it in its stream; return its hash."""
        identity, stream, version, kind, schema, at, fence, data, meta, previous, stored = columns
        self.events += 1
        link = Link(
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
            hash=stored,
        )
        known = self.heads.get(stream)
        number, head = known or (0, hashlib.sha256(stream.encode()).digest())
        if version != number + 1:
            self._fault(
                f"{stream} version {version}, {where}", f"version {number + 1} should stand here"
            )
        elif previous != head:
            self._fault(
                f"{stream} version {version}, {where}",
                "it does not follow from the event before it",
            )
        if fence is not None and fence < 0:  # -1 would hash as none does
            self._fault(f"{stream} version {version}, {where}", "no attempt has such a number")
        if link_hash(link) != stored:
            self._fault(
                f"{stream} version {version}, {where}", "its hash is not that of its content"
            )
        self.heads[stream] = (version, stored)
        return bytes(stored)

    def _tiles(self, complete: Iterable[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
        by_level: dict[int, dict[int, bytes]] = {}
        for level, index, root in complete:
            by_level.setdefault(level, {})[index] = root
        for level, roots in by_level.items():
            span = {"level": level, "first": min(roots), "last": max(roots)}
            kept = {row[0]: bytes(row[1]) for row in self.connection.execute(_TILES, span)}
            for index, root in roots.items():
                if kept.get(index) != root:
                    first, width = 256**level * index + 1, 256**level
                    self._fault(
                        f"positions {first} to {first + width - 1}",
                        "the kept root over them is not what they come to",
                    )
        return []

    def _grown(self, notes: Sequence[Note]) -> None:
        row = self.connection.execute(text("select size, peaks from tree")).one_or_none()
        tree = self.tiling.tree
        if row is None or (row.size, tuple(map(bytes, row.peaks))) != (tree.size, tree.peaks):
            self._fault("the tree", "its row is not what the sealed events come to")
        for note in notes:
            if note.checkpoint.size > tree.size:
                size = note.checkpoint.size
                what = f"the log ends at {tree.size}: its end was cut off"
                self._fault(f"checkpoint {size}", what)
                break
        if self._one("select count(*) from tiles") != _complete(tree.size):
            self._fault("the tiles", "there are more or fewer of them than the tree has")

    # Events that are newer than the last seal.

    def _unsealed(self, total: int) -> None:
        # From wherever the first one is: no seq of ours is below 1, but an attacker's may be.
        first = self.connection.execute(text("select min(seq) from events")).scalar()
        while first is not None:
            span = {"first": first, "end": first + _SPAN}
            for row in self.connection.execute(_UNSEALED, span):
                where = "not sealed yet"
                if row[0] is None:
                    where = f"{row[2]} version {row[3]}"
                    self._fault(
                        where, "it has no position and does not wait for one: it was smuggled in"
                    )
                self._linked(row[1:], where)
            first = self.connection.execute(_NEXT, span).scalar()
        if twice := self.connection.execute(_TWICE).scalar_one_or_none():
            self._fault(f"position {twice}", "its event waits for a position all the same")
        # Where a fault has cut the reading short, the count says nothing.
        if self.events != total and not self.faults:
            self._fault(
                "the log",
                f"{total - self.events} of its events are in no order of it: they were smuggled in",
            )
        self.progress(self.events, total)

    # What the log says of itself elsewhere.

    def _streams(self) -> None:
        unseen = set(self.heads)
        for stream, version, head in self._keyset(_STREAMS, ""):
            unseen.discard(stream)
            number, found = self.heads.get(stream, (0, b""))
            if version != number or (number and found != head):
                self._fault(stream, f"it should end at version {version}, and ends at {number}")
        for stream in sorted(unseen):
            self._fault(stream, "it has events, and no row of its own")
        for order, version in self._keyset(_ORDERS, str(uuid.UUID(int=0))):
            stream = f"order-{order}"
            number = self.heads.get(stream, (0, b""))[0]
            if not number:
                self._fault(stream, "it has a status row, and no events")
            elif version != number:
                self._fault(stream, f"its status row is of version {version}, not {number}")

    def _keyset(self, query: Any, after: object) -> Iterator[Any]:
        while True:
            rows = self.connection.execute(query, {"after": after, "most": _ROWS}).all()
            yield from rows
            if len(rows) < _ROWS or len(self.faults) >= _MOST_FAULTS:
                return
            after = rows[-1][0]


def _expected(notes: Iterable[Note], held: Note | None) -> dict[int, bytes]:
    roots = {each.checkpoint.size: each.checkpoint.root for each in notes}
    return roots | ({held.checkpoint.size: held.checkpoint.root} if held else {})


def _complete(size: int) -> int:
    """How many complete subtrees of 256 ^ k leaves, k > 0, a tree of that size has."""
    count = 0
    while size := size // 256:
        count += size
    return count
