"""Orders by tenants' programs: placed once for each Idempotency-Key, or refused with what is wrong."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api import shapes
from api.access import Program
from api.bodies import body
from api.caching import ask_again
from api.desk import Desk, OnDesk, RequestId, Trace
from api.problems import Problem, foreseen
from events import request as requests
from events.envelope import Cause
from storage import placing
from storage.orders import by_id
from storage.spending import this_month

router = APIRouter(prefix="/v1/orders", tags=["orders"])

_LONGEST_KEY = 255
_EXAMPLE: dict[str, Any] = {
    "product": "document_analysis",
    "fields": {
        "text": "Either side may end the agreement with ninety days' notice.",
        "question": "Until when can either side give notice?",
    },
}


class Ordered(BaseModel):
    """What is wanted. ``fields`` are the product's own, as GET /v1/products names them."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [_EXAMPLE]}
    )

    product: str
    fields: dict[str, str] = Field(default_factory=dict)
    email: str = Field(default="", description="Where it is mailed to, if it is mailed.")


async def _key(request: Request) -> str:
    """The one Idempotency-Key of the request."""
    given = request.headers.getlist("idempotency-key")
    key = given[0] if len(given) == 1 else ""
    if not 0 < len(key) <= _LONGEST_KEY or not all("!" <= each <= "~" for each in key):
        raise Problem("idempotency-key-missing")
    return key


async def _ordered(request: Request) -> requests.Request:
    """What the body asks for. Raises the problem of a body that is none of ours."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (
        kind.startswith("application/") and kind.endswith("+json")
    ):
        raise Problem("not-json")
    try:
        found = Ordered.model_validate_json(await body(request))
    except ValidationError as error:
        raise _invalid(error) from None
    return requests.Request(product=found.product, fields=found.fields, email=found.email.strip())


@router.post(
    "",
    status_code=202,
    operation_id="placeOrder",
    response_model=shapes.Order,
    response_model_exclude_none=True,
    summary="Order a report",
    responses={
        **foreseen(
            "idempotency-key-missing",
            "credentials-missing",
            "tenants-only",
            "key-reused",
            "too-large",
            "not-json",
            "invalid-request",
            "too-many-requests",
        ),
        202: {
            "description": "The order is placed, now or by an earlier try with the same key.",
            "headers": {
                "Location": {"description": "Its status.", "schema": {"type": "string"}},
                "Retry-After": {
                    "description": "In how many seconds there may be news.",
                    "schema": {"type": "integer"},
                },
                "Idempotent-Replayed": {
                    "description": "`true` if an earlier try with this key has placed it.",
                    "schema": {"type": "string"},
                },
            },
        },
    },
    openapi_extra={
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": (
                    "Names the order among all of the tenant's, for ever. The same key and body mean the same order,"
                    " however often they are sent."
                ),
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
                "example": "invoice-2026-0417",
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": Ordered.model_json_schema(), "example": _EXAMPLE}
            },
        },
    },
)
def place_order(
    *,
    program: Program,
    key: Annotated[str, Depends(_key)],
    wanted: Annotated[requests.Request, Depends(_ordered)],
    desk: OnDesk,
    request_id: RequestId,
    trace: Trace,
    response: Response,
) -> shapes.Order:
    """Place the order, or find it placed. Nothing is due for it: what the tenant pays stands in its contract.

    Ask for its status at Location until it is delivered. When no answer comes, or a 503, send the same once more: a
    key never orders twice.
    """
    name = placing.known(desk.log, program.tenant, key, wanted)
    placed = False
    if name is None:
        _check(wanted, program.tenant, desk)
        name, placed = placing.order(
            wanted,
            tenant=program.tenant,
            key=key,
            at=desk.clock().isoformat(),
            live=desk.settings.stripe_livemode,
            catalogue=desk.catalogue,
            cause=Cause(
                correlation=request_id,
                causation=request_id,
                actor=f"tenant:{program.tenant}",
                trace=trace,
            ),
            log=desk.log,
        )
    row = by_id(desk.log.engine, name)
    assert row is not None  # written with the order's first event
    response.headers["Location"] = f"/v1/orders/{name}"
    response.headers["Cache-Control"] = "no-store"
    if not placed:
        response.headers["Idempotent-Replayed"] = "true"
    product = desk.catalogue.get(row.status.product)
    wait = ask_again(row, product, desk.clock(), desk.settings.speed)
    if wait is not None:
        response.headers["Retry-After"] = str(wait)
    return shapes.order(row, costs=program.pays)


def _check(wanted: requests.Request, tenant: str, desk: Desk) -> None:
    """Raises the problem of an order that cannot be placed."""
    if found := requests.faults(wanted, desk.catalogue):
        raise Problem(
            "invalid-request",
            errors=[_error(each.pointer, each.message) for each in found],
        )
    budget = desk.tenants.of(tenant).month_budget
    if budget is not None and this_month(desk.log.engine, tenant) >= budget:
        wait = str(_until_next_month(desk.clock()))
        raise Problem("budget-used-up", headers={"Retry-After": wait})


def _until_next_month(now: datetime) -> int:
    """In how many seconds the month is over, as its orders are counted: in UTC."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return int((following - now).total_seconds()) + 1


def _invalid(error: ValidationError) -> Problem:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    if any(each["type"] == "json_invalid" or not each["loc"] for each in found):
        return Problem("bad-body")
    return Problem(
        "invalid-request",
        errors=[
            _error(_pointer(each["loc"]), _MESSAGES.get(each["type"], each["msg"]))
            for each in found[:50]
        ],
    )


_MESSAGES = {
    "missing": "This is missing.",
    "extra_forbidden": "There is no such thing in an order: only product, fields and email.",
    "string_type": "This must be a string.",
    "dict_type": "This must be an object.",
}
_LONGEST_NAME = 40


def _pointer(place: tuple[Any, ...]) -> str:
    """As a JSON pointer (RFC 6901), as far as its names are short enough to be repeated."""
    pointer = ""
    for each in place:
        if len(str(each)) > _LONGEST_NAME:
            break
        pointer += "/" + str(each).replace("~", "~0").replace("/", "~1")
    return pointer


def _error(pointer: str, message: str) -> dict[str, str]:
    name = pointer.removeprefix("/").replace("/", ".")
    return {"in": "body", "name": name, "pointer": pointer, "message": message}
