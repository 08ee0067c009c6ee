"""The pages that people see: the shop, the way back from the checkout, and the customer's order."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.caching import ask_again, unchanged
from api.desk import TENANT, OnDesk
from api.problems import Problem
from api.reports import send
from api.telling import is_late, tell
from api.templating import page
from events.plan import Delivery
from events.views import Word
from storage.orders import OrderRow, by_session, by_token, parts_of

router = APIRouter(include_in_schema=False)

_SESSION = re.compile(r"cs_[A-Za-z0-9_]{1,252}")
_WAITING_SECONDS = 2


def _order(token: str, desk: OnDesk) -> OrderRow:
    row = by_token(desk.log.engine, token)
    if row is None:
        raise Problem("page-not-found")
    if row.status.word is Word.ERASED:
        raise Problem("erased")
    return row


Ordered = Annotated[OrderRow, Depends(_order)]


@router.get("/")
def shop(desk: OnDesk) -> HTMLResponse:
    """All that is sold: what people buy before what programs use, the dearest last."""
    products = sorted(
        desk.catalogue.values(),
        key=lambda each: (each.delivery is Delivery.API, each.prices[0].amount),
    )
    return page("shop.html", products=products, catalogue=desk.catalogue)


@router.get("/checkout/return")
def back_from_checkout(desk: OnDesk, session_id: str = "") -> Response:
    """To the order that was just paid for; its payment may be a moment behind the customer."""
    if not _SESSION.fullmatch(session_id):
        raise Problem("unknown-session")
    row = by_session(desk.log.engine, TENANT, session_id)
    if row is None:
        return page(
            "waiting.html",
            headers={"Refresh": str(_WAITING_SECONDS), "Cache-Control": "no-store"},
        )
    if row.status.word is Word.ERASED:
        raise Problem("erased")
    token = desk.log.vault.sealer(row.subject).token(row.status.order)
    return RedirectResponse(f"/o/{token}", status_code=303, headers={"Cache-Control": "no-store"})


@router.get("/o/{token}")
def order_page(token: str, row: Ordered, desk: OnDesk, request: Request) -> Response:
    """The customer's page."""
    return _told("order.html", token, row, desk, request)


@router.get("/o/{token}/progress")
def order_progress(token: str, row: Ordered, desk: OnDesk, request: Request) -> Response:
    """The part of the customer's page that changes."""
    return _told("progress.html", token, row, desk, request)


@router.get("/o/{token}/report")  # noqa: FAST003 - Ordered takes it
def order_report(row: Ordered, desk: OnDesk, request: Request) -> Response:
    """The finished document."""
    return send(row, desk, request)


@router.get("/o/{token}/parts/{product}/report")  # noqa: FAST003 - Ordered takes it
def part_report(product: str, row: Ordered, desk: OnDesk, request: Request) -> Response:
    """The finished document of one part of a bundle."""
    for part in parts_of(desk.log.engine, row.status.order):
        if part.status.product == product:
            return send(part, desk, request)
    raise Problem("page-not-found")


def _told(template: str, token: str, row: OrderRow, desk: OnDesk, request: Request) -> Response:
    """The page, or word that it has not changed. Only what has changed is read from the log."""
    product = desk.catalogue.get(row.status.product)
    now, speed = desk.clock(), desk.settings.speed
    parts = parts_of(desk.log.engine, row.status.order) if product and product.parts else []
    late = is_late(row, product, now, speed)
    versions = ".".join(str(each.status.version) for each in (row, *parts))
    etag = f'W/"v{versions}{"-late" if late else ""}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    wait = ask_again(row, product, now, speed)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    story = tell(
        row,
        desk.log.read(row.status.order).order,
        product,
        parts=parts,
        catalogue=desk.catalogue,
        late=late,
        link=f"/o/{token}",
    )
    return page(template, headers=headers, story=story, link=f"/o/{token}", etag=etag, wait=wait)
