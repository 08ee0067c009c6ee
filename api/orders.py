"""Orders for programs: their status, and their reports."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api import shapes
from api.access import Staff, Visible
from api.caching import ask_again, unchanged
from api.desk import TENANT, OnDesk
from api.reports import send
from storage.orders import by_session

router = APIRouter(prefix="/v1/orders", tags=["orders"])

_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
_STATUS_HEADERS = {
    "ETag": {"description": "The version.", "schema": {"type": "string", "examples": ['W/"v37"']}},
    "Retry-After": {
        "description": "In how many seconds there may be news; missing once the order is settled.",
        "schema": {"type": "integer"},
    },
}


@router.get(
    "",
    operation_id="findOrders",
    response_model_exclude_none=True,
    summary="Find the order of a payment",
)
def find_orders(
    asker: Staff,
    desk: OnDesk,
    response: Response,
    payment: Annotated[
        str, Query(description="A checkout session's id.", examples=["cs_test_a18"])
    ],
) -> shapes.Orders:
    """The order that was paid for in that checkout session, if there is one."""
    response.headers.update(_PRIVATE)
    row = by_session(desk.log.engine, TENANT, payment)
    return shapes.Orders(data=[shapes.order(row, costs=asker.staff)] if row else [])


@router.get(
    "/{order_id}",  # noqa: FAST003 - Visible takes it
    operation_id="getOrder",
    response_model=shapes.Order,
    response_model_exclude_none=True,
    responses={200: {"headers": _STATUS_HEADERS}, 304: {"description": "Nothing new."}},
    summary="Where an order stands",
)
def get_order(
    seen: Visible, desk: OnDesk, request: Request, response: Response
) -> shapes.Order | Response:
    """The status of an order. Ask with If-None-Match, and again after Retry-After seconds until there is none."""
    row = seen.row
    product = desk.catalogue.get(row.status.product)
    etag = f'W/"v{row.status.version}"'
    headers = {**_PRIVATE, "ETag": etag}
    wait = ask_again(row, product, desk.clock(), desk.settings.speed)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return shapes.order(row, costs=seen.asker.staff)


@router.get(
    "/{order_id}/report",  # noqa: FAST003 - Visible takes it
    operation_id="getReport",
    response_class=Response,
    responses={
        200: {"content": {"application/pdf": {}, "application/json": {}}},
        206: {"description": "The bytes asked for."},
    },
    summary="The finished report",
)
def get_report(seen: Visible, desk: OnDesk, request: Request) -> Response:
    """The document, as a download."""
    return send(seen.row, desk, request)
