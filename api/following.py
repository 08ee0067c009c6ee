"""An order's status as a stream of server-sent events: one for each version, until it is settled."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from api import shapes
from api.access import Seen, Visible
from api.desk import OnDesk
from api.news import News
from api.problems import Problem
from api.sse import END, PING, SILENCE, event, streaming
from events.views import SETTLED, Word
from storage.orders import OrderRow

router = APIRouter(prefix="/v1/orders", tags=["orders"])

# As OpenAPI 3.2 describes a stream.
_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "data": {"type": "string", "description": "The status, as getOrder tells it."},
        "event": {"type": "string", "enum": ["message", "end"]},
        "id": {"type": "string", "description": "The version."},
        "retry": {"type": "integer"},
    },
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The status, once for each version; at last `event: end`.",
        "content": {
            "text/event-stream": {
                "itemSchema": _EVENT,
                "example": 'id: 37\ndata: {"id": "0b9d1c52-6a1e-5c3f-9a55-1f0a4a3f7c11", ...}\n\n',
            }
        },
    },
    204: {"description": "Settled, and you have seen it: there will be nothing more."},
}


def _after(
    last_event_id: Annotated[
        str, Header(description="The last version seen: what comes behind it is sent.")
    ] = "",
    after: Annotated[str, Query(description="The same, for who cannot send that header.")] = "",
) -> str:
    seen = last_event_id or after
    if seen and not (seen.isascii() and seen.isdigit() and len(seen) < _LONGEST):
        raise Problem("bad-cursor")
    return seen


_LONGEST = 10


@router.get(
    "/{order_id}/stream",  # noqa: FAST003 - Visible takes it
    operation_id="streamOrder",
    response_class=Response,
    responses=_RESPONSES,
    summary="Follow an order",
)
async def stream_order(
    seen: Visible, after: Annotated[str, Depends(_after)], desk: OnDesk, request: Request
) -> Response:
    """The order's status now, and again whenever it moves. ``id`` is the version: a reader that comes back goes on.

    The stream of an order that is erased meanwhile breaks off, and whoever comes back is told so.
    """
    if seen.row.status.word in SETTLED and after == str(seen.row.status.version):
        return Response(status_code=204)
    return streaming(request, desk.news, seen.row.status.order, _versions(seen, after, desk.news))


async def _versions(seen: Seen, after: str, news: News) -> AsyncIterator[bytes]:
    row = seen.row
    if str(row.status.version) != after:
        yield _event(row, seen)
    while row.status.word not in SETTLED:
        moved = await news.of({row.status.order: row.status.version}, SILENCE)
        if news.closed or (moved and moved.status.word is Word.ERASED):
            return
        if moved is not None:
            row = moved
            yield _event(row, seen)
        else:
            yield PING
    yield END


def _event(row: OrderRow, seen: Seen) -> bytes:
    return event(str(row.status.version), shapes.as_json(row, costs=seen.asker.pays))
