"""Signed checkpoints: made, kept in the database, and published outside it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import psycopg
from sqlalchemy import Connection, Engine, Select, select
from sqlalchemy.exc import DataError

from events.checkpoint import BadCheckpoint, Checkpoint, Key, Note, read_key, read_note
from events.errors import Conflict, LedgerpressError, NotFound
from events.merkle import consistency_proof, consistent
from storage.blobs import Shelf
from storage.database import connected, directly, failed
from storage.sealed import Nodes, grown_tree
from storage.signing import Signer, signed_by
from storage.tables import checkpoints, signing_keys

_ADD = "select add_checkpoint(%(note)s, %(keys)s::text[], %(seconds)s)"
FOLDER = "checkpoints"


class Forked(LedgerpressError):
    """The log does not go on from what was signed before: nothing more is signed until a person has looked."""

    reason = "log-forked"


class Unreadable(Forked):
    """A checkpoint or a key is kept in the database as nothing of ours would have written it."""

    reason = "log-unreadable"


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint as it is kept: the exact note, what it says, and when it was recorded."""

    text: str
    note: Note
    recorded_at: datetime

    @property
    def size(self) -> int:
        """How many events it covers."""
        return self.note.checkpoint.size


def read(connection: Connection, *, after: int = 0, most: int = 1000) -> list[Kept]:
    """The checkpoints larger than ``after``, smallest first. Raises ``Unreadable``."""
    query = (
        select(checkpoints.c.note, checkpoints.c.recorded_at)
        .where(checkpoints.c.size > after)
        .order_by(checkpoints.c.size)
        .limit(most)
    )
    return _kept(connection, query)


def latest(connection: Connection, *, most: int = 1) -> list[Kept]:
    """The latest ``most`` checkpoints, smallest first. Raises ``Unreadable``."""
    query = (
        select(checkpoints.c.note, checkpoints.c.recorded_at)
        .order_by(checkpoints.c.size.desc())
        .limit(most)
    )
    return _kept(connection, query)[::-1]


def _kept(connection: Connection, query: Select[tuple[str, datetime]]) -> list[Kept]:
    try:
        rows = connection.execute(query).all()
        return [Kept(row.note, read_note(row.note), row.recorded_at) for row in rows]
    except (BadCheckpoint, DataError) as error:  # a time may be endless
        what = error if isinstance(error, BadCheckpoint) else "its time is none"
        message = f"a checkpoint in the database cannot be read: {what}"
        raise Unreadable(message) from None


def exist(connection: Connection) -> bool:
    """Whether there is any, whatever it says."""
    return connection.execute(select(checkpoints.c.size).limit(1)).first() is not None


def keys(connection: Connection) -> list[Key]:
    """The public keys that this installation has signed with, or will. Raises ``Unreadable``."""
    query = select(signing_keys.c.vkey).order_by(signing_keys.c.published_at, signing_keys.c.vkey)
    try:
        return [read_key(each) for each in connection.execute(query).scalars()]
    except BadCheckpoint as error:
        message = f"a signing key in the database cannot be read: {error}"
        raise Unreadable(message) from None


def sign(
    engine: Engine,
    signer: Signer,
    folder: "Folder",
    *,
    seconds: float = 0.0,
    key_was_lost: bool = False,
) -> bool:
    """Sign the tree as it is now, if it has grown and the latest checkpoint is ``seconds`` old; return whether.

    The latest checkpoint must be signed with one of the signer's keys, unless a person says that ``key_was_lost``.

    What is signed goes on from the latest checkpoint, and from the latest that was published: that is proved first.
    Raises ``Forked`` if it does not, ``Conflict`` if somebody else was faster, and ``Unavailable``.
    """
    with connected(engine) as connection:
        before = latest(connection)
        tree = grown_tree(connection)
        if tree.size == 0 or (before and before[0].size == tree.size):
            return False
        _goes_on(folder, before)
        previous = None
        if before:
            old = before[0].note.checkpoint
            if not key_was_lost:
                _ours(before[0].note, signer)
            previous = before[0].note.digest
            try:
                proof = consistency_proof(old.size, tree.size, Nodes(connection).node)
            except LookupError:
                proof = []
            if not consistent(old.size, old.root, tree.size, tree.root, proof):
                message = f"the log does not go on from its checkpoint at {old.size}"
                raise Forked(message)
        checkpoint = Checkpoint(
            origin=signer.origin, size=tree.size, root=tree.root, previous=previous
        )
        return _add(engine, signer, checkpoint, seconds)


def _add(engine: Engine, signer: Signer, checkpoint: Checkpoint, seconds: float) -> bool:
    values = {
        "note": signer.sign(checkpoint),
        "keys": [str(key) for key in signer.keys],
        "seconds": seconds,
    }
    try:
        with directly(engine) as connection:
            return bool(connection.execute(_ADD, values).fetchall()[0][0])
    except psycopg.Error as error:
        if ours := failed(error, {"LP003": Conflict}):
            raise ours from None
        raise


def publish(engine: Engine, folder: "Folder") -> int:
    """Put outside what is not there yet, oldest first; return how many.

    Raises ``OSError`` if the disk is full, and ``Unavailable`` if the store is away.
    """
    count = 0
    while True:
        with connected(engine) as connection:
            found = read(connection, after=folder.newest())
        for each in found:
            folder.put(each)
        count += len(found)
        if not found:
            return count


class Folder:
    """The checkpoints outside the database: a file for each, named by its size, never changed."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def sizes(self) -> list[int]:
        """The sizes of the checkpoints there, smallest first."""
        names = [name[:-4] for name in self._shelf.names(FOLDER)]
        return sorted(int(name) for name in names if name.isdecimal())

    def newest(self) -> int:
        """The size of the largest one; 0 if there is none."""
        return max(self.sizes(), default=0)

    def get(self, size: int) -> str:
        """The note there. Raises ``NotFound`` if somebody has taken it away."""
        found = self._shelf.get(file_of(size))
        if found is None:
            message = f"the checkpoint at {size} is not there any more"
            raise NotFound(message, reason="checkpoint-missing")
        return found.decode()

    def put(self, kept: Kept) -> None:
        """Write it; it has arrived when this returns. What is there already is not overwritten."""
        if self._shelf.put(file_of(kept.size), kept.text.encode()):
            return
        if _digest(self.get(kept.size)) != kept.note.digest:
            message = f"another checkpoint than this database's was published at {kept.size}"
            raise Forked(message)


def file_of(size: int) -> str:
    """What the file of the checkpoint of that size is called."""
    return f"{FOLDER}/{size:020}.txt"


def _goes_on(folder: Folder, before: list[Kept]) -> None:
    """Refuse to go on from a database that is older than, or another than, the one whose checkpoints were published."""
    outside = folder.newest()
    inside = before[0].size if before else 0
    if outside > inside:
        message = (
            f"a checkpoint at {outside} was published, and this database knows none behind {inside}"
        )
        raise Forked(message)
    if outside and outside == inside and _digest(folder.get(outside)) != before[0].note.digest:
        message = f"another checkpoint than this database's was published at {outside}"
        raise Forked(message)


def _ours(before: Note, signer: Signer) -> None:
    """Refuse to vouch for a checkpoint that somebody else has signed."""
    keys_then = [Key(before.checkpoint.origin, key.public) for key in signer.keys]
    if signed_by(before, keys_then) is None:
        message = (
            f"no key in SIGNING_KEY has signed the latest checkpoint, at {before.checkpoint.size}; "
            "an old key stays in it, behind the new one, until the new one has signed"
        )
        raise Forked(message)


def _digest(text_: str) -> bytes:
    return hashlib.sha256(text_.encode()).digest()
