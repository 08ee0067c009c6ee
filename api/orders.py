"""Orders for programs: their status, and their reports."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from api import shapes
from api.access import Overseer, Role, Seen, Visible, look, own_tenant, there
from api.caching import ask_again, etag, unchanged
from api.desk import Desk, OnDesk
from api.mementos import HEADERS, At, memento
from api.paging import Page
from api.prefer import Patience
from api.problems import Problem, foreseen
from api.reports import send
from events.views import SETTLED
from storage.orders import Wanted, some

router = APIRouter(prefix="/v1/orders", tags=["orders"])

_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
_STATUS_HEADERS = {
    "ETag": {
        "description": "The order's edition: its version, and how often it was put right there, if it was.",
        "schema": {"type": "string", "examples": ['W/"v37"', 'W/"v37~1"']},
    },
    "Retry-After": {
        "description": "In how many seconds there may be news; missing once the order is settled.",
        "schema": {"type": "integer"},
    },
    "Preference-Applied": {
        "description": "How long the answer was held back for news, at most.",
        "schema": {"type": "string", "examples": ["wait=25"]},
    },
}


@router.get(
    "",
    operation_id="findOrders",
    response_model_exclude_none=True,
    summary="List orders",
    responses={
        200: {
            "headers": {
                "Link": {
                    "description": "Where the next page is, if there is one (RFC 8288).",
                    "schema": {
                        "type": "string",
                        "examples": ['</v1/orders?limit=2&after=MTc2...>; rel="next"'],
                    },
                }
            }
        }
    },
)
def find_orders(
    *,
    asker: Overseer,
    desk: OnDesk,
    response: Response,
    page: Annotated[Page, Query()],
) -> shapes.Orders:
    """Orders, the newest first: a tenant's program sees those of its tenant, operators and auditors all."""
    response.headers.update(_PRIVATE)
    tenant = own_tenant(asker, page.tenant)
    wanted = Wanted(tenant=tenant, word=page.status or "", session=page.payment, after=page.cursor)
    rows = some(desk.log.engine, wanted, page.limit + 1)
    shown = rows[: page.limit]
    if len(rows) > page.limit:
        response.headers["Link"] = page.next(shown[-1])
    return shapes.Orders(data=[shapes.order(row, costs=asker.pays) for row in shown])


@router.get(
    "/{order_id}",  # noqa: FAST003 - Visible takes it
    operation_id="getOrder",
    response_model=shapes.Order,
    responses={200: {"headers": _STATUS_HEADERS | HEADERS}, 304: {"description": "Nothing new."}},
    summary="Where an order stands",
)
async def get_order(
    seen: Visible, desk: OnDesk, request: Request, patience: Patience, at: At = None
) -> Response:
    """The status of an order. Ask with If-None-Match, and again after Retry-After seconds until there is none.

    With `Prefer: wait=25`, too, the answer comes when the order moves, or says after 25 seconds that it has not.
    With `at` it is told as it was then.
    """
    if at is not None:
        return await run_in_threadpool(memento, seen, at, desk, request)
    row = seen.row
    known = unchanged(request, etag(row))
    order = row.status.order
    if patience and known and row.status.word not in SETTLED and desk.news.free(order):
        with desk.news.place(order):
            moved = await desk.news.of({order: row.status.version}, patience)
        seen = Seen(there(moved), seen.asker) if moved else seen
        applied = {"Preference-Applied": f"wait={patience}"}
        return status(seen, desk, known=moved is None, more=applied)
    return status(seen, desk, known=known)


def status(
    seen: Seen, desk: Desk, *, known: bool, more: Mapping[str, str] = MappingProxyType({})
) -> Response:
    """Where the order stands, or that whoever asks knows that already."""
    row = seen.row
    headers = {**_PRIVATE, **more, "ETag": etag(row)}
    product = desk.catalogue.get(row.status.product)
    wait = ask_again(row, product, desk.clock(), desk.settings.speed)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    if known:
        return Response(status_code=304, headers=headers)
    costs = seen.asker.pays
    body = seen.notes[costs] = seen.notes.get(costs) or shapes.as_json(row, costs=costs)
    return Response(body, headers=headers, media_type="application/json")


async def polled(order_id: str, token: str, request: Request, desk: Desk) -> Response:
    """The same as ``get_order`` for whoever asks for nothing more than the status."""
    seen = await look(order_id, token, request, desk)
    return status(seen, desk, known=unchanged(request, etag(seen.row)))


@router.get(
    "/{order_id}/report",  # noqa: FAST003 - Visible takes it
    operation_id="getReport",
    response_class=Response,
    responses={
        200: {"content": {"application/pdf": {}, "application/json": {}, "text/markdown": {}}},
        206: {"description": "The bytes asked for."},
        **foreseen("forbidden"),
    },
    summary="The finished report",
)
def get_report(seen: Visible, desk: OnDesk, request: Request) -> Response:
    """The document, as a download. What is JSON is also told as Markdown: ask with Accept: text/markdown.

    It is personal, and so not for auditors, who see of it its hash.
    """
    if seen.asker.role is Role.AUDITOR:
        raise Problem("forbidden", "What was written for a customer is not shown to auditors.")
    return send(seen.row, desk, request)
