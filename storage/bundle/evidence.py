"""What a browser needs to verify an order: its events, their proofs, and the script that checks them."""

import base64
import html
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine

from events.merkle import inclusion_proof
from storage import checkpoints
from storage.bundle.scope import NotSigned, OfOrder, plan
from storage.database import again_once, connected
from storage.sealed import Nodes, Sealed

_HERE = Path(__file__).parent
# How many events the page verifies that lie beside it. More are verify.py's, which needs less time and memory.
MOST_IN_A_PAGE = 20_000
# Verifies events with nothing but the browser's own SHA-256 and Ed25519; knows no page.
SCRIPT = _HERE / "proof.js"


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


def evidence(engine: Engine, order: str) -> dict[str, Any]:
    """What ``SCRIPT`` verifies of an order: the bundle's own data, for the latest checkpoint alone.

    Raises ``NotFound`` for an order that never was, ``NotSigned`` if no checkpoint covers any of it, ``Unavailable``.
    """

    def ask() -> dict[str, Any]:
        with connected(engine) as connection:
            latest = checkpoints.latest(connection)
            if not latest:
                raise NotSigned("no checkpoint has been signed yet", retry_after=60)
            found = plan(connection, OfOrder(order), latest[0].size)
            nodes, size = Nodes(connection), latest[0].size
            rows = [as_row(each) for each in found.rows]
            return {
                "order": found.order,
                "events": rows,
                "checkpoints": [latest[0].text],
                "proofs": {
                    "inclusion": {
                        str(each.position): path_of(each.position, size, nodes) for each in rows
                    }
                },
                "keys": [str(key) for key in checkpoints.keys(connection)],
                "left_out": found.left_out,
            }

    return again_once(ask)


def path_of(position: int, size: int, nodes: Nodes) -> list[str]:
    """The proof that the event at ``position`` is in the tree of ``size``, each hash in base64."""
    return listed(inclusion_proof(position - 1, size, nodes.node))


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
    """``index.html`` with the data in it: an order's events, or, of more than an order, what there is of them."""
    # "<" inside a script would end it: JSON may write it as an escape.
    data = msgspec.json.encode(inside).decode().replace("<", "\\u003c")
    template = (_HERE / "page.html").read_text("utf-8")
    script = SCRIPT.read_text("utf-8") + (_HERE / "page.js").read_text("utf-8")
    title = html.escape(_title(inside))
    filled = template.replace("{title}", title).replace("{script}", script)
    return filled.replace("{data}", data).encode()


def _title(inside: Any) -> str:
    if inside["kind"] == "order":
        return f"Order {inside['order']}"
    ends = f"{inside['from']} to {inside['to']}"
    return f"Events {ends} of the log" if inside["kind"] == "range" else f"The whole log, {ends}"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def listed(path: Iterable[bytes]) -> list[str]:
    """Hashes as JSON has them: in base64."""
    return [base64.b64encode(each).decode() for each in path]
