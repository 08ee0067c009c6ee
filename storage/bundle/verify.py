#!/usr/bin/env python3
"""Verifies an audit bundle without a network, a database or a secret: Python 3.11 and ``cryptography`` are enough.

    python verify.py BUNDLE.zip --key NAME+ID+BASE64
    python verify.py BUNDLE.zip --trust-included

It shares no code with what wrote the bundle. Hashes are SHA-256; the tree and its proofs are those of RFC 6962 and
RFC 9162; checkpoints are signed notes (c2sp.org/tlog-checkpoint) under Ed25519 keys.

Exit codes: 0 everything adds up, 2 wrong usage or no bundle at all, 6 the bundle does not add up.
"""

import argparse
import base64
import hashlib
import json
import re
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "ledgerpress-audit-bundle"
VERSION = 1
USAGE, BROKEN = 2, 6

_CHUNK = 1 << 20
_HASH = 32
_MOST_BYTES = 1 << 26  # of any file but the events, and of any event
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all times here are UTC
_FIELDS = {
    "position",
    "id",
    "stream",
    "version",
    "type",
    "schema",
    "recorded_at",
    "fence",
    "data",
    "meta",
    "previous",
    "hash",
}
_KINDS = {"order", "range", "log"}
_FILES = {"events.ndjson", "proofs.json", "keys.json", "manifest.json", "verify.py", "index.html"}
_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_CHECKPOINT = re.compile(r"checkpoints/(\d{20})\.txt", re.ASCII)

Progress = Callable[[int, int], None]


class NoBundleError(Exception):
    """This is not a bundle, or nothing says whom to trust."""


class BrokenError(Exception):
    """The bundle does not add up: ``where``, and what is wrong there."""

    def __init__(self, where: str, what: str) -> None:
        self.where, self.what = _shown(where), _shown(what)
        super().__init__(f"{self.where}: {self.what}")


@dataclass(frozen=True)
class Verdict:
    """What a sound bundle says. ``size`` is how many events the log had when ``note`` was signed."""

    kind: str
    order: str | None
    events: int
    streams: int
    first: int
    last: int
    checkpoints: int
    origin: str
    size: int
    key: str
    left_out: int


@dataclass(frozen=True)
class Key:
    """An Ed25519 public key under its name (c2sp.org/signed-note)."""

    text: str
    name: str
    id: bytes
    public: bytes


@dataclass(frozen=True)
class Checkpoint:
    """A signed note, read but for its signatures' truth."""

    text: str
    origin: str
    size: int
    root: bytes
    previous: bytes | None
    signatures: list[tuple[str, bytes, bytes]]

    @property
    def digest(self) -> bytes:
        """What the next checkpoint names."""
        return _sha(self.text.encode())


def verify(
    path: str | Path,
    keys: list[str],
    *,
    trust_included: bool = False,
    held: str | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Verdict:
    """Verify the bundle at ``path``; it counts for nothing but what ``keys`` signed.

    ``trust_included`` takes the keys from the bundle: then it proves that the bundle is whole, not whose it is.
    ``held`` is a checkpoint that the auditor kept from before. Raises ``NoBundleError`` and ``BrokenError``.
    """
    if not keys and not trust_included:
        raise NoBundleError("name the key you trust with --key, or say --trust-included")
    trusted = [read_key(each) for each in keys]
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        message = f"{path} cannot be opened: {error.strerror}"
        raise NoBundleError(message) from None
    except Exception:  # noqa: BLE001 - whatever a broken archive makes of the library
        message = f"{path} is no bundle, or only the beginning of one"
        raise NoBundleError(message) from None
    bundle = _Bundle(archive, trusted, held, progress)
    try:
        with archive:
            return bundle.verdict(trust_included=trust_included)
    except (NoBundleError, BrokenError):
        raise
    except Exception as error:  # noqa: BLE001 - what cannot be read is no proof, however it fails
        what = f"it cannot be read ({type(error).__name__})"
        raise BrokenError(bundle.place, what) from None


class _Bundle:
    def __init__(
        self, archive: zipfile.ZipFile, keys: list[Key], held: str | None, progress: Progress
    ) -> None:
        self.archive = archive
        self.keys = keys
        self.held = held
        self.progress = progress
        self.place = "manifest.json"
        self.first = self.last = 0
        self.streams: set[str] = set()  # those that an order's own events name

    def verdict(self, *, trust_included: bool) -> Verdict:
        names = self.archive.namelist()
        if "manifest.json" not in names:
            raise NoBundleError("this archive is no bundle: it has no manifest.json")
        manifest = self._manifest(names)
        included = self._keys()
        if trust_included:
            self.keys = included
        checkpoints, key = self._checkpoints(names, manifest["kind"])
        latest = checkpoints[-1]
        proofs = self._json("proofs.json")
        if manifest["kind"] != "log":
            self._consistency(checkpoints, proofs)
        heads, count = self._events(manifest, checkpoints, proofs)
        return Verdict(
            kind=manifest["kind"],
            order=manifest.get("order"),
            events=count,
            streams=len(heads),
            first=self.first,
            last=self.last,
            checkpoints=len(checkpoints),
            origin=latest.origin,
            size=latest.size,
            key=key.text,
            left_out=manifest["left_out"],
        )

    # The files.

    def _manifest(self, names: list[str]) -> dict[str, Any]:
        manifest = _read(self._bytes("manifest.json"))
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise NoBundleError("this archive is no bundle: its manifest says something else")
        if manifest.get("version") != VERSION:
            raise BrokenError(
                self.place, f"its version is {manifest.get('version')!r:.20}; this verifier knows 1"
            )
        files = manifest["files"]
        _must(manifest["kind"] in _KINDS, self.place, "its kind is unknown")
        _must(_count(manifest["left_out"]), self.place, "left_out is no number")
        _must(len(set(names)) == len(names), self.place, "a file is there twice")
        _must({*files, "manifest.json"} == set(names), self.place, "it does not list what is there")
        for name in names:
            known = name in _FILES or _CHECKPOINT.fullmatch(name)
            _must(known, self.place, f"{name} is no part of a bundle")
        for name, digest in files.items():
            self.place = name
            if name != "events.ndjson":  # whose digest is taken while it is read
                found = hashlib.sha256()
                for chunk in self._chunks(name):
                    found.update(chunk)
                _must(found.hexdigest() == digest, name, "it is not the file in the manifest")
        self.digest = files.get("events.ndjson")
        return manifest

    def _chunks(self, name: str) -> Iterator[bytes]:
        with self.archive.open(name) as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def _bytes(self, name: str) -> bytes:
        self.place = name
        _must(self.archive.getinfo(name).file_size <= _MOST_BYTES, name, "it is too large")
        with self.archive.open(name) as file:
            return file.read(_MOST_BYTES)

    def _json(self, name: str) -> Any:
        return _read(self._bytes(name))

    # Keys and checkpoints.

    def _keys(self) -> list[Key]:
        listed = self._json("keys.json")["keys"]
        try:
            return [read_key(each) for each in listed]
        except NoBundleError as error:
            raise BrokenError("keys.json", str(error)) from None

    def _checkpoints(self, names: list[str], kind: str) -> tuple[list[Checkpoint], Key]:
        found: list[Checkpoint] = []
        for name in sorted(name for name in names if name.startswith("checkpoints/")):
            each = read_checkpoint(self._bytes(name).decode(), name)
            match = _CHECKPOINT.fullmatch(name)
            _must(match and int(match[1]) == each.size, name, "its name is not its size")
            signed_by(each, self.keys, name)
            if kind == "log":  # only there all of them are there
                before = found[-1].digest if found else None
                _must(each.previous == before, name, "it does not follow from the one before")
            found.append(each)
        self.place = "checkpoints"
        _must(found, self.place, "there are none: nothing in here was signed")
        latest = found[-1]
        name = f"checkpoints/{latest.size:020}.txt"
        key = signed_by(latest, self.keys, name)
        if key is None:
            raise BrokenError(name, "no trusted key has signed it")
        if self.held is not None:
            self._compare(found)
        return found, key

    def _compare(self, found: list[Checkpoint]) -> None:
        place = "the checkpoint you hold"
        mine = read_checkpoint(self.held or "", place)
        _must(signed_by(mine, self.keys, place), place, "no trusted key has signed it")
        _must(
            mine.size <= found[-1].size,
            place,
            "it is of a later log than this bundle: ask for a new one",
        )
        same = [each for each in found if each.size == mine.size]
        _must(same, place, "the bundle lacks it: ask for one that has it")
        _must(same[0].text == mine.text, place, "the bundle has another one in its place")

    def _consistency(self, checkpoints: list[Checkpoint], proofs: dict[str, Any]) -> None:
        self.place = "proofs.json"
        given = {(each["old"], each["new"]): each["proof"] for each in proofs["consistency"]}
        for old, new in pairwise(checkpoints):
            proof = [_decoded(each) for each in given.get((old.size, new.size), [])]
            what = f"it does not prove that the log at {new.size} goes on from {old.size}"
            _must(consistent(old.size, old.root, new.size, new.root, proof), self.place, what)

    # The events. What is said of a fault is put together only once there is one: most of the time goes by in here.

    def _events(
        self, manifest: dict[str, Any], checkpoints: list[Checkpoint], proofs: dict[str, Any]
    ) -> tuple[dict[str, tuple[int, bytes]], int]:
        kind, total, latest = manifest["kind"], manifest["events"], checkpoints[-1]
        _must(_count(total), "manifest.json", "events is no number")
        roots = {each.size: each.root for each in checkpoints}
        peaks: list[bytes] = []
        heads: dict[str, tuple[int, bytes]] = {}
        texts: dict[str, bytes] = {}
        count = 0
        for line in self._lines():
            count += 1
            self.place = f"events.ndjson line {count}"
            row = _read(line)
            position, stream, version, leaf, previous = self._link(row, texts)
            known = heads.get(stream)
            if known or kind != "range":
                self._follows(known or (0, texts[stream]), stream, version, previous)
            heads[stream] = (version, leaf)
            if kind == "order" and row["type"] == "order-placed":
                self._belongs(manifest["order"], row)
            if kind != "order" and self.last and position != self.last + 1:
                raise BrokenError(self.place, f"position {self.last + 1} is missing")
            if kind == "log":
                _grow(peaks, leaf, count)
                if count in roots and _root(peaks) != roots[count]:
                    what = f"the events up to here are not those of the checkpoint at {count}"
                    raise BrokenError(self.place, what)
            else:
                proof = [_decoded(each) for each in proofs["inclusion"].get(str(position), [])]
                sound = included(leaf, position - 1, latest.size, proof, latest.root)
                _must(sound, self.place, "nothing proves that it is in the log at its position")
            self.first = self.first or position
            self.last = max(self.last, position)
            if count % 5000 == 0:
                self.progress(count, total)
        self._complete(manifest, latest, heads, count)
        self.progress(count, total)
        return heads, count

    def _follows(
        self, known: tuple[int, bytes], stream: str, version: int, previous: bytes
    ) -> None:
        number, head = known
        if version != number + 1:
            raise BrokenError(self.place, f"version {number + 1} of {stream} is missing")
        if previous != head:
            raise BrokenError(self.place, "it does not follow from the event before it")

    def _belongs(self, order: str, row: dict[str, Any]) -> None:
        """To an order belong the orders that are parts of it; to each of them, its payment."""
        placed = _read(row["data"].encode())
        if row["stream"] == f"order-{order}" or placed["parent"] == order:
            self.streams |= {row["stream"], f"payment-{placed['tenant']}/{placed['intent']}"}

    def _complete(
        self, manifest: dict[str, Any], latest: Checkpoint, heads: dict[str, Any], count: int
    ) -> None:
        kind, total = manifest["kind"], manifest["events"]
        self.place = place = "events.ndjson"
        _must(count == total, place, f"it has {count} events; the manifest promises {total}")
        _must(count, place, "there is no event in it")
        if kind == "log":
            ends = (1, latest.size)
            _must(
                (self.first, self.last) == ends, place, "it is not all that the checkpoint covers"
            )
        if kind == "range":
            ends = (manifest["from"], manifest["to"])
            _must((self.first, self.last) == ends, place, "it is not the range in the manifest")
        if kind == "order":
            _must(
                set(heads) == set(manifest["streams"]), place, "a stream in the manifest is missing"
            )
            _must(f"order-{manifest['order']}" in heads, place, "it has no event of the order")
            for stream in heads:
                _must(stream in self.streams, place, f"{stream} does not belong to the order")

    def _lines(self) -> Iterator[bytes]:
        self.place = "events.ndjson"
        digest = hashlib.sha256()
        rest = b""
        for chunk in self._chunks("events.ndjson"):
            digest.update(chunk)
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            _must(len(rest) <= _MOST_BYTES, self.place, "a line is too long")
            yield from lines
        self.place = "events.ndjson"
        _must(not rest, self.place, "its last line is cut")
        _must(digest.hexdigest() == self.digest, self.place, "it is not the file in the manifest")

    def _link(self, row: Any, texts: dict[str, bytes]) -> tuple[int, str, int, bytes, bytes]:
        """The event's position, stream, version, hash and the hash before; the hash is that of its content."""
        if type(row) is not dict or row.keys() != _FIELDS:
            raise BrokenError(self.place, "this is no event")
        stream, kind, fence, at = row["stream"], row["type"], row["fence"], row["recorded_at"]
        position, version = row["position"], row["version"]
        if type(position) is not int or type(version) is not int or position < 1:
            raise BrokenError(self.place, "its position or its version is no number")
        # -1 would be hashed as none is.
        if type(row["schema"]) is not int or not (fence is None or _count(fence)):
            raise BrokenError(self.place, "its schema or its fence is no number")
        if not _TIME.fullmatch(at):
            raise BrokenError(self.place, "its time is malformed")
        for text in (stream, kind):
            if text not in texts:
                texts[text] = _sha(text.encode())
        since = datetime.fromisoformat(at[:-1]) - _EPOCH
        micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        previous = bytes.fromhex(row["previous"])
        if (
            not _UUID.fullmatch(row["id"])
            or len(previous) != _HASH
            or previous.hex() != row["previous"]
        ):
            raise BrokenError(self.place, "an id or a hash is malformed")
        found = _sha(
            previous
            + texts[stream]
            + struct.pack(">i", version)
            + bytes.fromhex(row["id"].replace("-", ""))
            + texts[kind]
            + struct.pack(">hqq", row["schema"], micros, -1 if fence is None else fence)
            + _sha(row["data"].encode())
            + _sha(row["meta"].encode())
        )
        if found.hex() != row["hash"]:
            what = f"the hash of {stream} version {version} is not that of its content"
            raise BrokenError(self.place, what)
        return position, stream, version, found, previous


# Notes and keys.


def read_key(text: str) -> Key:
    """A key as c2sp.org/signed-note writes it: name, id in hex, and base64 of 0x01 and the public key."""
    try:
        name, identity, encoded = str(text).strip().split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise NoBundleError("a key must look like name+id+base64") from None
    known = _sha(name.encode() + b"\n" + raw)[:4]
    named = re.fullmatch(r"\S+", name) and name.isprintable()
    if len(raw) != 33 or raw[0] != 1 or identity != known.hex() or not named:  # noqa: PLR2004 - a key and its kind
        raise NoBundleError("a key does not belong to its id, or is no Ed25519 key")
    return Key(str(text).strip(), name, known, raw[1:])


def read_checkpoint(text: str, where: str) -> Checkpoint:
    """A checkpoint's note. Raises ``BrokenError``."""
    body, blank, below = text.rpartition("\n\n")
    lines, rows = body.split("\n"), below.split("\n")
    try:
        _must(blank and len(lines) in {3, 4} and all(lines), where, "it is no checkpoint")
        _must(re.fullmatch("[1-9][0-9]{0,17}", lines[1]), where, "its size is malformed")
        _must(rows.pop() == "" and 0 < len(rows) <= 16, where, "it has no signatures")  # noqa: PLR2004
        previous = None
        if lines[3:]:
            _must(lines[3].startswith("previous "), where, "its fourth line is unknown")
            previous = _decoded(lines[3][9:])
        signatures = []
        for row in rows:
            dash, name, encoded = row.split(" ")
            raw = base64.b64decode(encoded, validate=True)
            _must(dash == "\u2014" and name and len(raw) > 4, where, "a signature is malformed")  # noqa: PLR2004
            signatures.append((name, raw[:4], raw[4:]))
        root = _decoded(lines[2])
    except ValueError:
        raise BrokenError(where, "it is no checkpoint") from None
    return Checkpoint(text, lines[0], int(lines[1]), root, previous, signatures)


def signed_by(checkpoint: Checkpoint, keys: list[Key], where: str) -> Key | None:
    """Which key signed it, or ``None``. Raises ``BrokenError`` if a known key's signature is wrong."""
    known = {(key.name, key.id): key for key in keys}
    signed = checkpoint.text.rpartition("\n\n")[0] + "\n"
    for name, identity, signature in checkpoint.signatures:
        key = known.get((name, identity))
        if key is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, signed.encode())
        except (InvalidSignature, ValueError):
            raise BrokenError(where, "its signature is wrong") from None
        _must(name == checkpoint.origin, where, "it is of another log than its key")
        return key
    return None


# The tree.


def _grow(peaks: list[bytes], leaf: bytes, size: int) -> None:
    node = _sha(b"\x00" + leaf)
    while not size & 1:
        node = _sha(b"\x01" + peaks.pop() + node)
        size >>= 1
    peaks.append(node)


def _root(peaks: list[bytes]) -> bytes:
    root = peaks[-1]
    for peak in peaks[-2::-1]:
        root = _sha(b"\x01" + peak + root)
    return root


def included(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    """RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, _sha(b"\x00" + leaf)
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = _sha(b"\x01" + sibling + found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = _sha(b"\x01" + found + sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: list[bytes]) -> bool:
    """RFC 9162, section 2.1.4.2, for 0 < old < new."""
    path = [old_root, *proof] if old & (old - 1) == 0 else proof
    if not 0 < old < new or not path:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            first, second = _sha(b"\x01" + sibling + first), _sha(b"\x01" + sibling + second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = _sha(b"\x01" + second + sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _decoded(text: str) -> bytes:
    raw = base64.b64decode(text, validate=True)
    if len(raw) != _HASH:
        raise ValueError
    return raw


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of a name that is there twice one reader would take the first, another the last.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


_JSON = json.JSONDecoder(object_pairs_hook=_once)


def _read(content: bytes) -> Any:
    return _JSON.decode(content.decode())


def _shown(text: str) -> str:
    """Without what a terminal would obey: a bundle may hold anything."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _count(value: object) -> bool:
    return type(value) is int and value >= 0


def _must(sound: object, where: str, what: str) -> None:
    if not sound:
        raise BrokenError(where, what)


def main() -> int:
    """Verify the bundle that is named on the command line."""
    parser = argparse.ArgumentParser(description="Verifies an audit bundle.")
    parser.add_argument("bundle")
    parser.add_argument("--key", action="append", default=[], help="a public key that you trust")
    parser.add_argument("--trust-included", action="store_true", help="trust the bundle's own keys")
    parser.add_argument("--checkpoint", help="a file with a checkpoint that you have kept")
    given = parser.parse_args()
    try:
        held = Path(given.checkpoint).read_text("utf-8") if given.checkpoint else None
        found = verify(given.bundle, given.key, trust_included=given.trust_included, held=held)
    except BrokenError as error:
        sys.stderr.write(f"NOT SOUND  {error}\n")
        return BROKEN
    except (NoBundleError, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    whose = f"of order {found.order}\n" if found.order else ""
    sys.stdout.write(
        f"sound: {found.events} events, positions {found.first} to {found.last}, of {found.origin} "
        f"at size {found.size}\n{whose}signed by {found.key}\n"
    )
    if given.trust_included:
        sys.stdout.write("the key was taken from the bundle: compare it with one you know\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
