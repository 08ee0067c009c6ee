"""Hands out finished documents."""

import base64
import re

from fastapi import Request, Response

from api.caching import ask_again, unchanged
from api.desk import Desk
from api.problems import Problem
from events.views import Status, Word
from storage.orders import OrderRow

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
    etag = f'"{document.blob}"'
    headers = {
        "ETag": etag,
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(document.blob)).decode()}:",
        "Content-Disposition": f'attachment; filename="{document.filename}"',
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization",
        "Accept-Ranges": "bytes",
    }
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    content = desk.blobs.get(document.blob, history.sealer)
    wanted = _wanted(request, etag, len(content))
    if wanted is None:
        return Response(content, headers=headers, media_type=document.media_type)
    headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{len(content)}"
    return Response(
        content[wanted.start : wanted.stop],
        status_code=206,
        headers=headers,
        media_type=document.media_type,
    )


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
