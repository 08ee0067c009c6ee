"""Buying: the form of a product, the way to Stripe's checkout, and the way back."""

import json
import re
import secrets
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated
from urllib.parse import parse_qs

from anyio import from_thread
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.access import there
from api.bodies import body
from api.desk import TENANT, Desk, OnDesk, RequestId
from api.limits import client_address, count
from api.problems import Problem
from api.templating import page
from events.errors import NotFound, Refused, Unavailable
from events.payments import as_event
from events.place import field_fault
from events.plan import Delivery, Field, Product
from events.views import order_number
from storage.orders import OrderRow, Wanted, some
from storage.payments import Signed
from storage.telemetry import log

router = APIRouter(include_in_schema=False)

_SESSION = re.compile(r"cs_[A-Za-z0-9_]{1,252}")
_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
_WAITING_SECONDS = 2
# Stripe's webhook has so many seconds before Stripe is asked.
_PATIENCE = 5
# What Stripe keeps of one field, in characters: https://docs.stripe.com/metadata.
LONGEST = 500
_MOST_FIELDS = 50
# For so long after an order was placed, its session's id leads to the customer's own page. That id is no secret for
# long: bookkeepers know orders by it, so it stands in announcements, the feed and bundles.
_FRESH = timedelta(hours=1)
_NO_STORE = {"Cache-Control": "no-store"}


def _sold(product: str, desk: OnDesk) -> Product:
    """What is sold on pages: reports that are mailed, if there is an account to be paid into."""
    found = desk.catalogue.get(product)
    if found is None or found.delivery is Delivery.API or desk.stripe is None:
        raise Problem("not-sold-here")
    return found


Sold = Annotated[Product, Depends(_sold)]


async def _filled(request: Request) -> Mapping[str, str]:
    try:
        found = parse_qs((await body(request)).decode(), max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Problem("bad-form") from None
    return {name: values[0].strip() for name, values in found.items()}


Filled = Annotated[Mapping[str, str], Depends(_filled)]


@router.get("/buy/{product}")  # noqa: FAST003 - Sold takes it
def form(sold: Sold) -> HTMLResponse:
    """The form of a product."""
    return _form(sold, {"key": secrets.token_urlsafe(16)}, {})


@router.post("/buy/{product}")  # noqa: FAST003 - Sold takes it
def buy(sold: Sold, filled: Filled, request: Request, desk: OnDesk) -> Response:
    """Begin a checkout session, and lead to it; or show the form again with what is wrong.

    The form's key makes it one session, however often the form is sent.
    """
    count(request, desk.searching, "checkouts", client_address(request))
    given = {field.name: filled.get(field.name, "") for field in sold.fields}
    faults = {field.name: fault for field in sold.fields if (fault := _fault(field, given))}
    price = sold.price(filled.get("currency", sold.prices[0].currency))
    key = filled.get("key", "")
    if price is None or not _KEY.fullmatch(key):
        raise Problem("bad-form")
    if faults:
        return _form(sold, filled, faults, status=422)
    assert desk.stripe is not None  # or nothing would be sold
    home = desk.settings.public_url.rstrip("/")
    begun = desk.stripe.checkout(
        title=sold.title,
        price=price,
        metadata={"product": sold.name, **{name: text for name, text in given.items() if text}},
        success_url=f"{home}/checkout/return?session_id={{CHECKOUT_SESSION_ID}}",
        cancel_url=f"{home}/buy/{sold.name}",
        key=f"{sold.name}-{price.currency}-{key}",
    )
    # Not as a redirect: the policy of pages forbids a form to lead anywhere else.
    headers = {**_NO_STORE, "Refresh": f"0; url={begun.url}"}
    return page("leaving.html", headers=headers, url=begun.url, product=sold, price=price)


@router.get("/checkout/return")
def back_from_checkout(
    request: Request,
    desk: OnDesk,
    request_id: RequestId,
    session_id: str = "",
    waited: Annotated[int, Query(ge=0, le=10**6)] = 0,
) -> Response:
    """To the order that was just paid for; its payment may be a moment behind the customer.

    Later on only to the address of its page, which opens nothing.
    """
    if not _SESSION.fullmatch(session_id):
        raise Problem("unknown-session")
    row = _ordered(session_id, desk)
    if row is None and waited >= _PATIENCE and _may_ask(session_id, request, desk):
        _ask_stripe(session_id, desk, request_id)
        row = _ordered(session_id, desk)
    if row is None:
        again = f"/checkout/return?session_id={session_id}&waited={waited + _WAITING_SECONDS}"
        headers = {**_NO_STORE, "Refresh": f"{_WAITING_SECONDS}; url={again}"}
        return page("waiting.html", headers=headers)
    order = there(row).status.order
    fresh = desk.clock() - row.placed_at <= _FRESH
    name = desk.log.vault.sealer(row.subject).token(order) if fresh else order_number(order)
    return RedirectResponse(f"/o/{name}", status_code=303, headers=_NO_STORE)


def _ordered(session: str, desk: Desk) -> OrderRow | None:
    """The order that was paid for in this session, whichever tenant it was paid to: ours before others'."""
    rows = some(desk.log.engine, Wanted(session=session), 10)
    ours = (row for row in rows if row.status.tenant == TENANT)
    return next(ours, rows[-1] if rows else None)


def _may_ask(session: str, request: Request, desk: Desk) -> bool:
    """Whether Stripe may be asked about this session now: not at every look, nor for whoever makes sessions up."""
    now = time.monotonic()
    return (
        desk.stripe is not None
        and desk.returning.take(client_address(request), now).allowed
        and desk.reconciling.take(session, now).allowed
    )


def _ask_stripe(session: str, desk: Desk, request_id: str) -> None:
    """Have Stripe say itself what its webhook has not said yet, and record it as the webhook would.

    Raises the problem of a session that Stripe does not know.
    """
    assert desk.stripe is not None
    try:
        event = as_event(desk.stripe.session(session))
    except NotFound:
        raise Problem("unknown-session") from None
    except (Unavailable, Refused) as error:
        log.warning("Stripe was asked in vain", reason=error.reason, correlation=request_id)
        return
    if event is not None:
        signed = Signed(
            tenant=TENANT,
            live=desk.settings.stripe_livemode,
            at=desk.clock().isoformat(),
            correlation=request_id,
            body=json.dumps(event),
        )
        from_thread.run(desk.reception.take, signed)


def _fault(field: Field, given: Mapping[str, str]) -> str | None:
    text = given[field.name]
    if len(text) > LONGEST:
        return f"This is too long: up to {LONGEST} characters, please."
    fault = field_fault(field, text)
    return fault.replace(f"The field {field.name}", "This") if fault else None


def _form(
    sold: Product, filled: Mapping[str, str], faults: Mapping[str, str], status: int = 200
) -> HTMLResponse:
    return page(
        "buy.html",
        status=status,
        headers=_NO_STORE,
        product=sold,
        filled=filled,
        faults=faults,
        longest=LONGEST,
    )
