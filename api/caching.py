"""Spares what need not be sent again: ETags, and how long to wait before asking again."""

import hashlib
from datetime import datetime, timedelta

from fastapi import Request, Response

from events.plan import Product
from events.views import PART_HELD, SETTLED, Word
from storage.orders import OrderRow

_SHORT_PROMISE = 60.0
_SOONEST, _LATEST = 2, 60


def unchanged(request: Request, tag: str) -> bool:
    """Whether the asker has this already (weak comparison, RFC 9110 section 8.8.3.2)."""
    known = request.headers.get("if-none-match", "")
    tags = {each.strip().removeprefix("W/") for each in known.split(",")}
    return "*" in tags or tag.removeprefix("W/") in tags


def etag(row: OrderRow) -> str:
    """Of an order's status: another one whenever that says something else."""
    return f'W/"v{row.edition}"'


def spared(request: Request, answer: Response) -> Response:
    """The answer, or word that it is the same as the one that the asker has."""
    tag = f'W/"{hashlib.sha256(answer.body).hexdigest()[:24]}"'
    if unchanged(request, tag):
        kept = {name: answer.headers[name] for name in ("cache-control",) if name in answer.headers}
        return Response(status_code=304, headers={**kept, "ETag": tag})
    answer.headers["ETag"] = tag
    return answer


def ask_again(row: OrderRow, product: Product | None, now: datetime, speed: float) -> int | None:
    """In how many seconds there may be news; ``None`` when there will be none."""
    word = row.status.word
    if word in SETTLED:
        return None
    # What waits for a person may take its time; the other parts of a bundle go on meanwhile.
    if product is None or (word is Word.ATTENTION and row.status.reason != PART_HELD):
        return _LATEST
    if word is Word.RETRYING:
        left = (datetime.fromisoformat(row.status.retry_at) - now).total_seconds()
        return _between(left)
    promise = product.promise / speed
    if promise < _SHORT_PROMISE:
        return 1
    return _between((row.placed_at + timedelta(seconds=promise) - now).total_seconds() / 10)


def _between(seconds: float) -> int:
    return max(_SOONEST, min(_LATEST, round(seconds)))
