"""The auditor's page of an order: its state at any moment, why, as the customer saw it, and the proof of it all."""

import uuid
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from api import exhibits
from api.as_seen import as_seen
from api.audit import bundle
from api.desk import Desk, OnDesk
from api.kinds import KINDS
from api.problems import Problem
from api.reader import Reads
from api.saying import order_number
from api.sessions import StaffPage, staff_page
from events.moments import BadMoment, Moment, NoSuchMoment, read_moment, rfc3339
from events.state import state
from storage import readings
from storage.bundle.evidence import evidence
from storage.bundle.scope import NotSigned
from storage.naming import orders_named, place_of
from storage.orders import by_id
from storage.past import Past, Then, past
from storage.readings import Reading, with_parts

router = APIRouter(prefix="/audit", include_in_schema=False)

_VIEWS = {
    "changes": "What changed",
    "state": "State",
    "event": "Event",
    "why": "Why",
    "customer": "As the customer saw it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is to be seen of an order: ``view`` of the moment ``at`` (empty: the latest).

    What changed is told since the moment ``against`` (empty: since the version before).
    """

    at: str
    view: str
    against: str


async def _look(at: str = "", view: str = "", against: str = "") -> Look:
    return Look(
        at=at.strip(), view=view if view in _VIEWS else next(iter(_VIEWS)), against=against.strip()
    )


Looks = Annotated[Look, Depends(_look)]


def _history(order_id: str, _: StaffPage, desk: OnDesk) -> Past:
    row = by_id(desk.log.engine, order_id)
    if row is None:
        raise Problem("order-not-found")
    return past(row, desk.log, desk.catalogue)


Of = Annotated[Past, Depends(_history)]


@router.get("/orders/{order_id}")
def order_page(
    *,
    order_id: str,
    look: Looks,
    session: StaffPage,
    reader: Reads,
    desk: OnDesk,
    request: Request,
) -> Response:
    """The whole page. An order's other names lead to it, too, and what names none or several leads to the search."""
    row = by_id(desk.log.engine, order_id)
    if row is None:
        found = orders_named(desk.log.engine, order_id)
        if len(found) == 1:
            return _to(f"/audit/orders/{found[0]}?{request.url.query}")
        return _to(f"/audit?{urlencode({'order': order_id})}")
    history = past(row, desk.log, desk.catalogue)
    status, facts = _moment(look, history, desk)
    _noted(facts["then"], look, reader)
    return staff_page(
        "audit-order.html",
        session,
        status=status,
        timeline=exhibits.timeline(history),
        reads=readings.of_order(desk.log.engine, history.row.status.order),
        **facts,
    )


@router.get("/orders/{order_id}/moment")  # noqa: FAST003 - Of takes it
def order_moment(
    history: Of, look: Looks, session: StaffPage, reader: Reads, desk: OnDesk
) -> Response:
    """The part of the page that is another at every moment."""
    status, facts = _moment(look, history, desk)
    _noted(facts["then"], look, reader)
    return staff_page("audit-moment.html", session, status=status, **facts)


@router.get("/orders/{order_id}/evidence")  # noqa: FAST003 - Of takes it
def order_evidence(history: Of, reader: Reads, desk: OnDesk) -> Response:
    """What the page's script verifies: the order's events as they are stored, personal data as ciphertext."""
    reader.note(*with_parts(desk.log.engine, history.row, "evidence"))
    try:
        found = evidence(desk.log.engine, history.row.status.order)
    except NotSigned:
        raise Problem("not-signed-yet", headers={"Retry-After": "60"}) from None
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(found), media_type="application/json", headers=headers)


@router.get("/orders/{order_id}/bundle.zip")  # noqa: FAST003 - Of takes it
def order_bundle(history: Of, reader: Reads, desk: OnDesk) -> Response:
    """The bundle that verifies without us."""
    reader.note(*with_parts(desk.log.engine, history.row, "bundle"))
    return bundle(history.row.status.order, desk)


@router.get("/events/{event_id}")
def event(event_id: uuid.UUID, _: Reads, desk: OnDesk) -> Response:
    """To the order that the event is of, at the moment that it made."""
    place = place_of(desk.log.engine, event_id)
    if place is None:
        raise Problem("event-not-found")
    return _to(f"/audit/orders/{place[0]}?at={place[1]}&view=event")


def _moment(look: Look, history: Past, desk: Desk) -> tuple[int, dict[str, Any]]:
    """What the page shows of a moment; the latest one, with a word of what was wrong, if it names none."""
    try:
        moment: Moment = read_moment(look.at) if look.at else history.last
        then = history.at(moment)
        before = history.at(read_moment(look.against)) if look.against else None
    except (BadMoment, NoSuchMoment) as error:
        latest = Look(at="", view=look.view, against="")
        _, facts = _moment(latest, history, desk)
        return KINDS[error.reason].status, {**facts, "refused": str(error)}
    version = then.by.version
    if before is None and version > 1:
        before = history.at(version - 1)
    product = desk.catalogue.get(then.row.status.product)
    return 200, {
        "refused": "",
        "order": history.row.status.order,
        "number": order_number(history.row.status.order),
        "title": product.title if product else then.row.status.product,
        "then": then,
        "last": history.last,
        "version": version,
        "against": before.by.version if before else 0,
        "chosen": bool(look.against),
        "recorded_at": rfc3339(then.by.recorded_at),
        "about": exhibits.about(then.by.event, product),
        "view": look.view,
        "views": _VIEWS,
        "exact": exhibits.exact,
        "erased_at": history.erased_at,
        **_shown(look.view, then, before, history, desk),
    }


def _shown(view: str, then: Then, before: Then | None, history: Past, desk: Desk) -> dict[str, Any]:
    product, erased_at = desk.catalogue.get(then.row.status.product), history.erased_at
    match view:
        case "state":
            return {"shown": exhibits.groups(state(then.order, product), erased_at)}
        case "event":
            return {"shown": exhibits.event_fields(then.by.event, erased_at)}
        case "why":
            return {"shown": exhibits.led_to(history, then.by.version)}
        case "customer":
            return {"story": as_seen(then, history, desk)}
    earlier = state(before.order, product) if before else {}
    return {"shown": exhibits.steps(earlier, state(then.order, product), erased_at)}


def _noted(then: Then, look: Look, reader: Reads) -> None:
    reader.note(Reading(what=look.view, order=then.order.id, version=then.by.version))


def _to(path: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    return RedirectResponse(quote(path, safe="/?&=%+:-"), status_code=303, headers=headers)
