"""Writes the auditor's bundle: events as they are stored, the checkpoints, and the proofs that tie them together."""

import base64
import hashlib
import html
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, Literal

import msgspec
from sqlalchemy import Connection, Engine, func, select

from events.errors import NotFound, Refused, Unavailable
from events.merkle import consistency_proof, inclusion_proof
from storage import checkpoints, sealed
from storage.bundle import verify
from storage.checkpoints import Kept
from storage.database import connected
from storage.orders import by_id
from storage.payments import payment_stream
from storage.record import stream_of
from storage.sealed import Nodes, Sealed
from storage.tables import events, orders

_HERE = Path(__file__).parent
_ROWS = 2000
# The latest ones: whoever has kept an older one asks for it by its size.
_CHECKPOINTS = 10
_encoder = msgspec.json.Encoder()

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class OfOrder:
    """One order, with the stream of what became of its payment."""

    order: str


@dataclass(frozen=True, slots=True)
class Positions:
    """The events from position ``first`` to ``last``."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class WholeLog:
    """Every event that is signed."""


Scope = OfOrder | Positions | WholeLog


class NotSigned(Unavailable):
    """What was asked for is recorded, and no checkpoint covers it yet."""

    reason = "not-signed-yet"


class Row(msgspec.Struct):
    """An event in ``events.ndjson``: ``data`` and ``meta`` are the exact text that was hashed."""

    position: int
    id: str
    stream: str
    version: int
    type: str
    schema: int
    recorded_at: str
    fence: int | None
    data: str
    meta: str
    previous: str
    hash: str


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
        plan = _plan(engine, connection, scope, ready[0].size)
        found = _chosen(connection, scope, ready[0], set(with_checkpoints))
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            _Writer(archive, connection, plan, found, progress).write()
    return Written(plan.total, ready[0].size, plan.left_out)


@dataclass(frozen=True, slots=True)
class _Plan:
    kind: Literal["order", "range", "log"]
    rows: Iterable[Sealed]
    total: int
    left_out: int = 0
    streams: tuple[str, ...] = ()
    order: str | None = None
    ends: tuple[int, int] = (0, 0)


def _plan(engine: Engine, connection: Connection, scope: Scope, size: int) -> _Plan:
    match scope:
        case WholeLog():
            return _Plan("log", _between(connection, 0, size), size, ends=(1, size))
        case Positions(first, last):
            if not 1 <= first <= last:
                raise Refused(
                    "a range begins at position 1 or later and does not end before it begins"
                )
            if last > size:
                message = f"the log is signed up to position {size}"
                raise NotSigned(message, retry_after=60)
            ends = (first, last)
            return _Plan(
                "range", _between(connection, first - 1, last), last - first + 1, ends=ends
            )
        case OfOrder(name):
            return _of_order(engine, connection, name, size)


def _of_order(engine: Engine, connection: Connection, name: str, size: int) -> _Plan:
    row = by_id(engine, name)
    if row is None:
        message = f"there is no order {name}"
        raise NotFound(message)
    order = row.status.order
    paid = select(orders.c.tenant, orders.c.intent).where(orders.c.order_id == order)
    tenant, intent = connection.execute(paid).one()
    names = [stream_of(order), *([payment_stream(tenant, intent)] if intent else [])]
    covered = [
        each
        for stream in names
        for each in sealed.of_stream(connection, stream)
        if each.position <= size
    ]
    streams = tuple(sorted({each.link.stream for each in covered}))
    if stream_of(order) not in streams:
        raise NotSigned("no checkpoint covers this order yet", retry_after=60)
    counted = select(func.count()).where(events.c.stream.in_(names))
    newer = connection.execute(counted).scalar_one() - len(covered)
    covered.sort(key=lambda each: each.position)
    return _Plan("order", covered, len(covered), newer, streams, order)


def _between(connection: Connection, after: int, last: int) -> Iterator[Sealed]:
    while after < last:
        found = sealed.read(connection, after=after, most=min(_ROWS, last - after))
        if not found:
            message = f"the event at position {after + 1} is missing; run: ledgerpress audit verify"
            raise Refused(message, reason="log-broken")
        yield from found
        after = found[-1].position


def _chosen(connection: Connection, scope: Scope, last: Kept, asked: set[int]) -> list[Kept]:
    if isinstance(scope, WholeLog):
        found: list[Kept] = []
        while more := checkpoints.read(connection, after=found[-1].size if found else 0):
            found += [each for each in more if each.size <= last.size]
            if more[-1].size >= last.size:
                break
        return found
    chosen = {each.size: each for each in checkpoints.latest(connection, most=_CHECKPOINTS)}
    for size in asked - set(chosen):
        known = 1 <= size <= last.size
        exact = checkpoints.read(connection, after=size - 1, most=1) if known else []
        if not exact or exact[0].size != size:
            message = f"there is no checkpoint at {size}"
            raise NotFound(message)
        chosen[size] = exact[0]
    return [chosen[size] for size in sorted(chosen) if size <= last.size]


@dataclass(slots=True)
class _Writer:
    archive: zipfile.ZipFile
    connection: Connection
    plan: _Plan
    checkpoints: list[Kept]
    progress: Progress
    digests: dict[str, str] = field(default_factory=dict)

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
                    path = inclusion_proof(each.position - 1, size, nodes.node)
                    proofs["inclusion"][str(each.position)] = _listed(path)
                if self.plan.kind == "order":
                    shown.append(row)
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
        if self.plan.kind == "order":
            inside = {
                "order": self.plan.order,
                "events": shown,
                "checkpoints": [kept.text for kept in self.checkpoints],
                "proofs": proofs,
                **keys,
                "left_out": self.plan.left_out,
            }
            self._put("index.html", page(inside))
        self._put("manifest.json", self._manifest())

    def _consistency(self, nodes: Nodes) -> list[dict[str, Any]]:
        sizes = [kept.size for kept in self.checkpoints]
        return [
            {"old": old, "new": new, "proof": _listed(consistency_proof(old, new, nodes.node))}
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


def as_row(each: Sealed) -> Row:
    """An event as ``events.ndjson`` has it."""
    link = each.link
    return Row(
        position=each.position,
        id=str(link.id),
        stream=link.stream,
        version=link.version,
        type=link.type,
        schema=link.schema,
        recorded_at=_time(link.recorded_at),
        fence=link.fence,
        data=link.data,
        meta=link.meta,
        previous=link.previous.hex(),
        hash=link.hash.hex(),
    )


def page(inside: Any) -> bytes:
    """``index.html`` with the data in it."""
    # "<" inside a script would end it: JSON may write it as an escape.
    data = msgspec.json.encode(inside).decode().replace("<", "\\u003c")
    template = (_HERE / "page.html").read_text("utf-8")
    script = (_HERE / "page.js").read_text("utf-8")
    title = html.escape(f"Order {inside['order']}")
    filled = template.replace("{title}", title).replace("{script}", script)
    return filled.replace("{data}", data).encode()


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def _listed(path: Iterable[bytes]) -> list[str]:
    return [base64.b64encode(each).decode() for each in path]
