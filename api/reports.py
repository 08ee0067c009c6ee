"""Hands out finished documents."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request, Response

from api.caching import ask_again, unchanged
from api.desk import Desk
from api.problems import Problem
from events.facts import DocumentBound
from events.views import Status, Word
from storage.orders import OrderRow

_JSON, _MARKDOWN = "application/json", "text/markdown"
_RANGE = re.compile(r"bytes=(?=.*\d)(\d{0,18})-(\d{0,18})", re.ASCII)


def available(status: Status) -> bool:
    """Whether there is a document to be had: it is whole, and the order has not been cancelled."""
    return bool(status.document) and status.word not in (Word.CANCELLED, Word.ERASED)


def send(row: OrderRow, desk: Desk, request: Request) -> Response:
    """The order's document, or the part of it that was asked for; a problem if there is none."""
    if row.status.parts:
        raise Problem("report-in-parts")
    history = desk.log.read(row.status.order)
    if history.sealer.erased:
        raise Problem("erased")
    document = history.order.document
    if document is None or not available(row.status):
        product = desk.catalogue.get(row.status.product)
        wait = ask_again(row, product, desk.clock(), desk.settings.speed)
        if wait is None:
            raise Problem("report-missing")
        raise Problem("report-not-ready", headers={"Retry-After": str(wait)})
    found = _chosen(document, lambda: desk.blobs.get(document.blob, history.sealer), request)
    etag = f'"{found.digest.hex()}"'
    headers = {
        "ETag": etag,
        "Repr-Digest": f"sha-256=:{base64.b64encode(found.digest).decode()}:",
        "Content-Disposition": f'attachment; filename="{found.filename}"',
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, Accept",
        "Accept-Ranges": "bytes",
    }
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    content = found.content()
    wanted = _wanted(request, etag, len(content))
    if wanted is None:
        return Response(content, headers=headers, media_type=found.media_type)
    headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{len(content)}"
    return Response(
        content[wanted.start : wanted.stop],
        status_code=206,
        headers=headers,
        media_type=found.media_type,
    )


@dataclass(frozen=True, slots=True)
class _Form:
    """One of the forms in which a document can be had. ``digest`` is the SHA-256 of its content."""

    digest: bytes
    filename: str
    media_type: str
    content: Callable[[], bytes]


def _chosen(document: DocumentBound, read: Callable[[], bytes], request: Request) -> _Form:
    """The document as it is, or the Markdown in it if it has some and that is asked for."""
    as_it_is = _Form(bytes.fromhex(document.blob), document.filename, document.media_type, read)
    if document.media_type != _JSON or not _prefers_markdown(request):
        return as_it_is
    text = json.loads(read()).get("markdown")
    if not isinstance(text, str):
        return as_it_is
    content = text.encode()
    filename = document.filename.removesuffix(".json") + ".md"
    digest = hashlib.sha256(content).digest()
    return _Form(digest, filename, f"{_MARKDOWN}; charset=utf-8", lambda: content)


def _prefers_markdown(request: Request) -> bool:
    """Whether Accept names Markdown, and JSON not before it (RFC 9110 section 12.5.1)."""
    weights: dict[str, float] = {}
    for each in request.headers.get("accept", "").split(","):
        kind, *parameters = (part.strip().lower() for part in each.split(";"))
        given = [part[2:] for part in parameters if part.startswith("q=")]
        try:
            weights[kind] = float(given[0]) if given else 1.0
        except ValueError:
            weights[kind] = 0.0
    markdown = weights.get(_MARKDOWN, 0.0)
    return markdown > 0 and markdown >= weights.get(_JSON, 0.0)


def _wanted(request: Request, etag: str, length: int) -> range | None:
    """The one range of bytes that was asked for (RFC 9110 section 14), or ``None`` for all."""
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if not asked or request.headers.get("if-range", etag) != etag:
        return None
    first, last = asked.groups()
    if not first:
        wanted = range(max(0, length - int(last)), length)
    elif last and int(last) < int(first):
        return None
    else:
        wanted = range(int(first), min(int(last or length - 1) + 1, length))
    if not wanted:
        raise Problem("bad-range", headers={"Content-Range": f"bytes */{length}"})
    return wanted
