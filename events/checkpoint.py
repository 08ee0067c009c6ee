"""Checkpoints: what is said of the tree at a size, as the text of a signed note.

The format is that of https://c2sp.org/tlog-checkpoint and https://c2sp.org/signed-note. Behind the root stands one
extension line with the SHA-256 of the whole note before it, so that each checkpoint vouches for all earlier ones.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from events.errors import Refused

_ED25519 = b"\x01"
_KEY_ID = 4
_HASH = 32
_MOST_SIGNATURES = 16
_PREVIOUS = "previous "
_NAME = re.compile(r"[^\s+]+")
_SIZE = re.compile(r"[1-9][0-9]{0,17}")


class BadCheckpoint(Refused):
    """This is no checkpoint, or not one that counts."""

    reason = "bad-checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The ``root`` of the log ``origin`` at ``size``; ``previous`` is the digest of the note before, if any."""

    origin: str
    size: int
    root: bytes
    previous: bytes | None = None

    @property
    def text(self) -> str:
        """What is signed."""
        lines = [self.origin, str(self.size), _encoded(self.root)]
        if self.previous is not None:
            lines.append(_PREVIOUS + _encoded(self.previous))
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note: made with the key of that ``name`` and ``key_id``."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint with its signatures, none of which has been checked. ``digest`` is what the next one names."""

    checkpoint: Checkpoint
    signatures: tuple[Signature, ...]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Key:
    """An Ed25519 public key under its name, which is the log's origin."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that every signature made with it begins with."""
        named = self.name.encode() + b"\n" + _ED25519 + self.public
        return hashlib.sha256(named).digest()[:_KEY_ID]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_encoded(_ED25519 + self.public)}"


def read_key(text: str) -> Key:
    """The key that ``str`` wrote. Raises ``BadCheckpoint``."""
    name, _, rest = text.strip().partition("+")
    identity, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    key = Key(name, raw[1:])
    if not _NAME.fullmatch(name) or raw[:1] != _ED25519 or len(raw) != _HASH + 1:
        raise BadCheckpoint("a key must look like name+id+base64", reason="bad-key")
    if identity != key.id.hex():
        raise BadCheckpoint("the key's id does not belong to it", reason="bad-key")
    return key


def note(checkpoint: Checkpoint, key: Key, signature: bytes) -> str:
    """The checkpoint's text with the one signature below it."""
    return f"{checkpoint.text}\n\u2014 {key.name} {_encoded(key.id + signature)}\n"


def read_note(text: str) -> Note:
    """What the note says. Raises ``BadCheckpoint`` for what is no checkpoint of this kind."""
    body, blank, below = text.rpartition("\n\n")
    lines = body.split("\n")
    if not blank or not 3 <= len(lines) <= 4 or not all(lines):  # noqa: PLR2004 - the lines of a checkpoint
        raise BadCheckpoint("this is no checkpoint: it needs an origin, a size and a root")
    if any(ord(each) < ord(" ") and each != "\n" for each in text):
        raise BadCheckpoint("a checkpoint has no control characters")
    previous = None
    if lines[3:]:
        if not lines[3].startswith(_PREVIOUS):
            raise BadCheckpoint("the line behind the root is not one of ours")
        previous = _hash(lines[3].removeprefix(_PREVIOUS))
    if not _NAME.fullmatch(lines[0]) or not _SIZE.fullmatch(lines[1]):
        raise BadCheckpoint("the origin or the size of the checkpoint is malformed")
    checkpoint = Checkpoint(
        origin=lines[0], size=int(lines[1]), root=_hash(lines[2]), previous=previous
    )
    rows = below.split("\n")
    if rows.pop() or not 1 <= len(rows) <= _MOST_SIGNATURES:
        raise BadCheckpoint("a checkpoint ends with its signatures")
    digest = hashlib.sha256(text.encode()).digest()
    return Note(checkpoint, tuple(_signature(row) for row in rows), digest)


def _signature(line: str) -> Signature:
    dash, name, encoded = (*line.split(" "), "", "")[:3]
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if line.count(" ") != 2 or dash != "\u2014" or not name or len(raw) <= _KEY_ID:  # noqa: PLR2004 - two gaps
        raise BadCheckpoint("a signature of the checkpoint is malformed")
    return Signature(name, raw[:_KEY_ID], raw[_KEY_ID:])


def _hash(encoded: str) -> bytes:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _HASH or _encoded(raw) != encoded:
        raise BadCheckpoint("a hash in the checkpoint is malformed")
    return raw


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
