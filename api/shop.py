"""The shop, and the way back from the checkout."""

import re

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.desk import TENANT, OnDesk
from api.problems import Problem
from api.templating import page
from events.plan import Delivery
from storage.orders import by_session

router = APIRouter(include_in_schema=False)

_SESSION = re.compile(r"cs_[A-Za-z0-9_]{1,252}")
_WAITING_SECONDS = 2


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
    token = desk.log.vault.sealer(row.subject).token(row.status.order)
    if not token:
        raise Problem("erased")
    return RedirectResponse(f"/o/{token}", status_code=303, headers={"Cache-Control": "no-store"})
