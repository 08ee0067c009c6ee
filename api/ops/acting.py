"""Does something to one order: first the page that says what would come of it, then, with a reason, the deed."""

from collections.abc import Iterable
from contextlib import suppress

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from api.desk import Desk, OnDesk, RequestId
from api.kinds import KINDS
from api.ops.acts import LONGEST_REASON, act, look, reason_in, wish
from api.problems import Problem
from api.sessions import Filled, Form, OperatorPage, Session, staff_page
from events.errors import NotFound, Refused, Unavailable, WrongExpectedVersion
from events.facts import WISHES
from events.interventions import INVALID, Erase
from events.plan import Field, Product
from storage.erasing import finish
from storage.intervening import by_person, carry_out
from storage.orders import OrderRow, by_id

router = APIRouter(prefix="/ops/orders/{order_id}")


@router.get("/{verb}")
def preview(order_id: str, verb: str, session: OperatorPage, desk: OnDesk) -> Response:
    """What would come of it: what is kept, what is made or made again, what it costs, who gets a mail."""
    return _shown(_row(order_id, desk), verb, None, session, desk)


@router.post("/{verb}")
def do(
    *,
    order_id: str,
    verb: str,
    session: OperatorPage,
    form: Filled,
    desk: OnDesk,
    request_id: RequestId,
) -> Response:
    """Do it, if the order is still as it was when the page was shown; then lead back to the order."""
    row, chosen = _row(order_id, desk), act(verb)
    reason, version = reason_in(form), form.get("version")
    if not reason:
        return _shown(row, verb, form, session, desk, slug="reason-missing")
    if not version.isdecimal() or not version.isascii():
        raise Problem("bad-form")
    wished = wish(verb, form, desk.log.read(row.status.order).order)
    try:
        carry_out(
            row.status.order,
            wished,
            reason,
            expected=int(version),
            now=desk.clock(),
            cause=by_person(request_id),
            log=desk.log,
            catalogue=desk.catalogue,
        )
    except WrongExpectedVersion:
        return _shown(row, verb, form, session, desk, slug="order-moved-on")
    except NotFound:
        raise
    except Refused as error:
        slug = "invalid-request" if error.reason in INVALID else "not-possible"
        return _shown(row, verb, form, session, desk, slug=slug, why=str(error))
    if isinstance(wished, Erase):
        with suppress(Unavailable):  # the keeper brings it to its end
            finish(row.subject, desk.log, desk.blobs)
    return RedirectResponse(f"/ops/orders/{row.status.order}?did={chosen.verb}", status_code=303)


def _row(order_id: str, desk: Desk) -> OrderRow:
    row = by_id(desk.log.engine, order_id)
    if row is None:
        raise Problem("not-on-file")
    return row


def _shown(
    row: OrderRow,
    verb: str,
    form: Form | None,
    session: Session,
    desk: Desk,
    *,
    slug: str = "",
    why: str = "",
) -> Response:
    """The preview as the order is now; with what was filled in, if that could not be done."""
    history = desk.log.read(row.status.order)
    chosen, found = look(verb, history, desk)
    kind = KINDS[slug] if slug else None
    product = desk.catalogue.get(row.status.product)
    return staff_page(
        "ops/act.html",
        session,
        status=kind.status if kind else 200,
        headers={"Cache-Control": "no-store"},
        row=row,
        act=chosen,
        order=history.order,
        product=product,
        fields=_fields([product] if product else desk.catalogue.values()),
        preview=found,
        kind=kind,
        why=why,
        form=form,
        catalogue=desk.catalogue,
        longest=LONGEST_REASON,
        wishes=WISHES,
    )


def _fields(products: Iterable[Product]) -> list[Field]:
    """What these products ask for, each thing once."""
    return list({field.name: field for each in products for field in each.fields}.values())
