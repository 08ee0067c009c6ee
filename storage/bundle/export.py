"""Writes the auditor's bundle: events as they are stored, the checkpoints, and the proofs that tie them together."""

import hashlib
import io
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import msgspec
from sqlalchemy import Connection, Engine

from events.merkle import consistency_proof
from storage import checkpoints
from storage.bundle import verify
from storage.bundle.evidence import MOST_IN_A_PAGE, Row, as_row, listed, page, path_of
from storage.bundle.scope import NotSigned, Plan, Scope, chosen, plan
from storage.checkpoints import Kept
from storage.database import connected
from storage.sealed import Nodes

_ROWS = 2000
# As many of the latest checkpoints the page of a whole log tells of.
_TOLD = 10

_encoder = msgspec.json.Encoder()

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Written:
    """What a bundle holds. ``left_out`` events are newer than the latest checkpoint, at ``size``."""

    events: int
    size: int
    left_out: int


def export(
    engine: Engine,
    target: IO[bytes],
    scope: Scope,
    *,
    with_checkpoints: Iterable[int] = (),
    progress: Progress = lambda _done, _total: None,
) -> Written:
    """Write the bundle to ``target``; all that is in it is covered by its latest checkpoint.

    ``with_checkpoints`` are the sizes of older checkpoints to put in. Raises ``NotFound`` for an order that never
    was, ``NotSigned`` if no checkpoint covers any of it, and ``Unavailable``.
    """
    with connected(engine) as connection:
        ready = checkpoints.latest(connection)
        if not ready:
            raise NotSigned("no checkpoint has been signed yet", retry_after=60)
        planned = plan(connection, scope, ready[0].size)
        found = chosen(connection, scope, ready[0], set(with_checkpoints))
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            _Writer(archive, connection, planned, found, progress).write()
    return Written(planned.total, ready[0].size, planned.left_out)


@dataclass(slots=True)
class _Writer:
    archive: zipfile.ZipFile
    connection: Connection
    plan: Plan
    checkpoints: list[Kept]
    progress: Progress
    digests: dict[str, str] = field(default_factory=dict)
    types: Counter[str] = field(default_factory=Counter)
    recorded: list[str] = field(default_factory=list)

    def write(self) -> None:
        shown: list[Row] = []
        proofs: dict[str, Any] = {"inclusion": {}, "consistency": []}
        nodes, size = Nodes(self.connection), self.checkpoints[-1].size
        lines: list[bytes] = []
        with self._opened("events.ndjson") as file:
            for count, each in enumerate(self.plan.rows, start=1):
                row = as_row(each)
                lines.append(_encoder.encode(row))
                if self.plan.kind != "log":
                    proofs["inclusion"][str(each.position)] = path_of(each.position, size, nodes)
                if self.plan.kind == "order":
                    shown.append(row)
                self.types[row.type] += 1
                self.recorded = [*self.recorded[:1], row.recorded_at]
                if count % _ROWS == 0:
                    file.write(b"\n".join([*lines, b""]))
                    lines.clear()
                    self.progress(count, self.plan.total)
            file.write(b"\n".join([*lines, b""]))
        self.progress(self.plan.total, self.plan.total)
        if self.plan.kind != "log":
            proofs["consistency"] = self._consistency(nodes)
        keys = {"keys": [str(key) for key in checkpoints.keys(self.connection)]}
        for kept in self.checkpoints:
            self._put(f"checkpoints/{kept.size:020}.txt", kept.text.encode())
        self._put("proofs.json", msgspec.json.encode(proofs))
        self._put("keys.json", msgspec.json.encode(keys))
        self._put("verify.py", Path(verify.__file__).read_bytes())
        told = {"events": shown, "proofs": proofs} if self.plan.kind == "order" else self._told()
        self._put("index.html", page({**self._known(), **keys, **told}))
        self._put("manifest.json", self._manifest())

    def _known(self) -> dict[str, Any]:
        """What the page of every bundle is told."""
        texts = [kept.text for kept in self.checkpoints]
        return {
            "kind": self.plan.kind,
            "order": self.plan.order,
            "checkpoints": texts[-_TOLD:] if self.plan.kind == "log" else texts,
            "left_out": self.plan.left_out,
        }

    def _told(self) -> dict[str, Any]:
        """What the page is told of events that lie beside it: there may be a million."""
        return {
            "from": self.plan.ends[0],
            "to": self.plan.ends[1],
            "total": self.plan.total,
            "most": MOST_IN_A_PAGE,
            "types": self.types,
            "recorded": self.recorded,
            "signed": len(self.checkpoints),
        }

    def _consistency(self, nodes: Nodes) -> list[dict[str, Any]]:
        sizes = [kept.size for kept in self.checkpoints]
        return [
            {"old": old, "new": new, "proof": listed(consistency_proof(old, new, nodes.node))}
            for old, new in pairwise(sizes)
        ]

    def _manifest(self) -> bytes:
        manifest = {
            "format": verify.FORMAT,
            "version": verify.VERSION,
            "kind": self.plan.kind,
            "order": self.plan.order,
            "streams": self.plan.streams,
            "from": self.plan.ends[0],
            "to": self.plan.ends[1],
            "events": self.plan.total,
            "checkpoint": self.checkpoints[-1].size,
            "left_out": self.plan.left_out,
            "files": self.digests,
        }
        return msgspec.json.format(msgspec.json.encode(manifest), indent=2)

    def _put(self, name: str, content: bytes) -> None:
        with self._opened(name) as file:
            file.write(content)

    def _opened(self, name: str) -> "_Digested":
        # No time of writing: the same events and checkpoints always make the same bundle.
        entry = zipfile.ZipInfo(name)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        inner = self.archive.open(entry, "w", force_zip64=True)
        return _Digested(inner, lambda digest: self.digests.__setitem__(name, digest))


class _Digested(io.RawIOBase):
    """A file that tells its SHA-256 when it is closed."""

    def __init__(self, inner: IO[bytes], tell: Callable[[str], None]) -> None:
        super().__init__()
        self._inner = inner
        self._tell = tell
        self._digest = hashlib.sha256()

    def write(self, content: Any) -> int:
        self._digest.update(content)
        return self._inner.write(content)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
            self._tell(self._digest.hexdigest())
        super().close()
