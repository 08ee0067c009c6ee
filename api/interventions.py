"""What an operator may do to an order over HTTP, each with a preview of what it would lead to."""

import re
from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api import shapes
from api.access import Asker, Asking, Role, Seen, Visible
from api.caching import etag
from api.desk import Desk, OnDesk, RequestId
from api.problems import Problem
from events.errors import NotFound, Refused, Unavailable, WrongExpectedVersion
from events.interventions import (
    INVALID,
    LONGEST_REASON,
    Arrived,
    Cancel,
    Correct,
    Erase,
    Resend,
    Retry,
    Wish,
)
from events.rates import rate
from storage.erasing import finish
from storage.intervening import by_person, carry_out, look_ahead
from storage.orders import by_id

router = APIRouter(prefix="/v1/orders/{order_id}", tags=["orders"])

# Which edition of the version somebody saw makes no difference to what may be done to it.
_VERSION = re.compile(r'(?:W/)?"v(\d{1,9})(?:~\d{1,9})?"')
_ETAG = {
    "ETag": {
        "description": "The order's edition, as If-Match takes it.",
        "schema": {"type": "string", "examples": ['W/"v37"']},
    }
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "With dry_run: what it would lead to.", "headers": _ETAG},
    202: {"description": "Recorded; what follows begins now.", "headers": _ETAG},
}
# Postgres keeps no NUL in a text.
_ANY_TEXT = r"^[^\x00]*$"
_Text = Annotated[str, Field(max_length=2000, pattern=_ANY_TEXT)]


async def _operator(asker: Asking) -> Asker:
    if asker.role is not Role.OPERATOR:
        raise Problem("forbidden")
    return asker


class Reason(BaseModel):
    """Why it is done; kept with the order, sealed like all that may be personal."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(
        min_length=1,
        max_length=2000,
        pattern=_ANY_TEXT,
        examples=["The model answers again since ten o'clock."],
    )


class Correction(Reason):
    """What is put right. What is not named stays as it was."""

    product: _Text = Field("", examples=["life_clarity"])
    email: _Text = Field("", examples=["jenny.rosen@example.com"])
    fields: dict[str, _Text] = Field({}, examples=[{"birth_date": "1990-05-17"}])


class Erasure(BaseModel):
    """Why a customer is forgotten, and by whose wish. The reason is kept for ever, in the clear."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(
        min_length=1,
        max_length=LONGEST_REASON,
        pattern=_ANY_TEXT,
        description="Nothing that tells who they are; the number of their request is enough.",
        examples=["Request 2027-12"],
    )
    by: Literal["customer", "tenant", "operator"] = Field("customer", examples=["customer"])


class Foreseen(BaseModel):
    """What would happen: what is kept, made, made again, the most it costs, and who gets which mail."""

    order: str
    version: str
    kept: list[str] = Field(examples=[["41 sections"]])
    to_do: list[str] = Field(examples=[["11 of 52 sections", "the document"]])
    repeated: list[str] = Field(examples=[["up to 5 calls whose answers were lost"]])
    most_cost: shapes.Cost
    mails: list[str] = Field(examples=[["the customer gets the report"]])
    remarks: list[str]


class _Intervention:
    """What every such request carries besides its body."""

    def __init__(
        self,
        seen: Visible,
        _: Annotated[Asker, Depends(_operator)],
        desk: OnDesk,
        request_id: RequestId,
        response: Response,
        if_match: Annotated[
            str | None,
            Header(description="The ETag of the order as you saw it.", examples=['W/"v37"']),
        ] = None,
        *,
        dry_run: Annotated[bool, Query(description="Only say what it would lead to.")] = False,
    ) -> None:
        self.seen: Seen = seen
        self.desk: Desk = desk
        self.request_id = request_id
        self.response = response
        self.if_match = if_match
        self.dry_run = dry_run


_Given = Annotated[_Intervention, Depends()]
_Why = Annotated[Reason, Body()]
_Answer = shapes.Order | Foreseen


@router.post("/retry", operation_id="retryOrder", status_code=202, responses=_ANSWERS)
def retry(given: _Given, why: _Why) -> _Answer:
    """Let an order in attention go on where it stopped, and one that waits go on now."""
    return _done(given, Retry(), why)


@router.post("/cancel", operation_id="cancelOrder", status_code=202, responses=_ANSWERS)
def cancel(given: _Given, why: _Why) -> _Answer:
    """Make and spend nothing further; a bundle's parts are cancelled with it. Gives no money back."""
    return _done(given, Cancel(), why)


@router.post("/resend", operation_id="resendOrder", status_code=202, responses=_ANSWERS)
def resend(given: _Given, why: _Why) -> _Answer:
    """Mail a delivered report once more."""
    return _done(given, Resend(), why)


@router.post("/correct", operation_id="correctOrder", status_code=202, responses=_ANSWERS)
def correct(given: _Given, what: Annotated[Correction, Body()]) -> _Answer:
    """Put right what was filled in. An order in attention then still has to be retried."""
    wish = Correct(product=what.product, email=what.email, fields=what.fields)
    return _done(given, wish, what)


@router.post("/erase", operation_id="eraseOrder", status_code=202, responses=_ANSWERS)
def erase(given: _Given, what: Annotated[Erasure, Body()]) -> _Answer:
    """Forget the customer: destroy the key to their data, and the files, for ever; a bundle's parts too."""
    answer = _done(given, Erase(by=what.by), what)
    if not given.dry_run:
        with suppress(Unavailable):  # the keeper brings it to its end
            finish(given.seen.row.subject, given.desk.log, given.desk.blobs)
    return answer


@router.post("/arrived", operation_id="markOrderArrived", status_code=202, responses=_ANSWERS)
def arrived(given: _Given, why: _Why) -> _Answer:
    """Say that the mail has arrived of which nobody knew whether it went out."""
    return _done(given, Arrived(), why)


def _done(given: _Intervention, wish: Wish, why: Reason | Erasure) -> _Answer:
    try:
        return _foreseen(given, wish) if given.dry_run else _carried_out(given, wish, why)
    except WrongExpectedVersion as error:
        raise Problem("order-moved-on", str(error)) from None
    except NotFound:
        raise
    except Refused as error:
        slug = "invalid-request" if error.reason in INVALID else "not-possible"
        errors = [{"name": error.reason, "message": str(error)}]
        raise Problem(slug, str(error), errors=errors) from None


def _carried_out(given: _Intervention, wish: Wish, why: Reason | Erasure) -> shapes.Order:
    if given.if_match is None:
        raise Problem("version-missing")
    desk, order_id = given.desk, given.seen.row.status.order
    carry_out(
        order_id,
        wish,
        why.reason,
        expected=_expected(given.if_match),
        now=desk.clock(),
        cause=by_person(given.request_id),
        log=desk.log,
        catalogue=desk.catalogue,
    )
    row = by_id(desk.log.engine, order_id)
    assert row is not None
    given.response.headers["ETag"] = etag(row)
    return shapes.order(row, costs=True)


def _foreseen(given: _Intervention, wish: Wish) -> Foreseen:
    desk = given.desk
    order, preview = look_ahead(
        given.seen.row.status.order,
        wish,
        expected=_expected(given.if_match) if given.if_match else None,
        now=desk.clock(),
        rate=rate(desk.settings.openai_model),
        log=desk.log,
        catalogue=desk.catalogue,
    )
    given.response.status_code = 200
    given.response.headers["ETag"] = f'W/"v{order.version}"'
    return Foreseen(
        order=order.id,
        version=str(order.version),
        kept=list(preview.kept),
        to_do=list(preview.to_do),
        repeated=list(preview.repeated),
        most_cost=shapes.Cost(amount=preview.most_cost),
        mails=list(preview.mails),
        remarks=list(preview.remarks),
    )


def _expected(if_match: str) -> int:
    found = _VERSION.fullmatch(if_match.strip())
    if found is None:
        raise Problem("order-moved-on", 'If-Match must be an ETag of the order, like W/"v37".')
    return int(found[1])
