"""The door for payments: verifies what Stripe sends and records what it says."""

import json
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import stripe
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict

from api.desk import TENANT, Desk, OnDesk, RequestId
from api.problems import Problem
from events.envelope import Cause
from events.errors import Refused, Unavailable, WrongExpectedVersion
from events.payments import Ignored, event_name, order_id, read
from events.place import Purchase, place
from storage.telemetry import log

router = APIRouter(tags=["payments"])

LARGEST_BYTES = 1_000_000
# How far apart Stripe's clock and ours may be, either way, in seconds.
TOLERANCE = 300
_TRIES = 20


class Received(BaseModel):
    """What became of an event. Stripe reads only that the answer is 200; the rest is for people."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "received": True,
                    "verdict": "recorded",
                    "order": "0b9d1c52-6a1e-5c3f-9a55-1f0a4a3f7c11",
                }
            ]
        }
    )

    received: Literal[True] = True
    verdict: Literal["recorded", "duplicate", "ignored"]
    order: str | None = None
    reason: str | None = None


async def _tenant(tenant: str) -> str:
    """A tenant that exists; asked before anything is read."""
    if tenant != TENANT:
        raise Problem("unknown-tenant")
    return tenant


async def _body(request: Request) -> bytes:
    """The raw body; too large a one is refused unread if it says so, otherwise as soon as it shows."""
    if int(request.headers.get("content-length", 0)) > LARGEST_BYTES:
        raise _refused(request, "too-large")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BYTES:
            raise _refused(request, "too-large")
    return bytes(body)


def _signed_event(
    request: Request, body: Annotated[bytes, Depends(_body)], desk: OnDesk
) -> Mapping[str, object]:
    """The event, once it is certain that Stripe sent it."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise _refused(request, "bad-body") from None
    secrets = [each.get_secret_value() for each in desk.settings.stripe_webhook_secret]
    if not _signed(text, request.headers.get("stripe-signature", ""), secrets):
        raise _refused(request, "bad-signature")
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise _refused(request, "bad-body") from None
    if not isinstance(event, dict):
        raise _refused(request, "bad-body")
    if str(event.get("object")).startswith("v2."):
        raise _refused(request, "thin-event")
    return event


# The body is read raw, because its exact bytes are signed; so it is described by hand.
_TAKES: dict[str, Any] = {
    "parameters": [
        {"name": "Stripe-Signature", "in": "header", "required": True, "schema": {"type": "string"}}
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {"id": "evt_1", "object": "event", "type": "checkout.session.completed"},
            }
        },
    },
}
SignedEvent = Annotated[Mapping[str, object], Depends(_signed_event)]


@router.post(
    "/webhooks/stripe",
    operation_id="receivePayment",
    response_model_exclude_none=True,
    openapi_extra=_TAKES,
    summary="Hear of a payment",
)
def payment_event(event: SignedEvent, desk: OnDesk, request_id: RequestId) -> Received:
    """Record what Stripe says happened, then say thank you.

    Stripe delivers at least once and in any order. The order is named after the checkout session, so a second
    delivery meets its own stream and changes nothing.
    """
    return _receive(TENANT, event, desk, request_id)


@router.post(
    "/webhooks/stripe/{tenant}",
    operation_id="receivePaymentOfTenant",
    response_model_exclude_none=True,
    openapi_extra=_TAKES,
    summary="Hear of a payment to a tenant",
)
def payment_event_of_tenant(
    tenant: Annotated[str, Depends(_tenant)],
    event: SignedEvent,
    desk: OnDesk,
    request_id: RequestId,
) -> Received:
    """Record what Stripe says happened in a tenant's own account."""
    return _receive(tenant, event, desk, request_id)


def _receive(tenant: str, event: Mapping[str, object], desk: Desk, request_id: str) -> Received:
    now = desk.clock().isoformat()
    said = read(event, tenant=tenant, live=desk.settings.stripe_livemode, at=now)
    if isinstance(said, Ignored):
        return Received(verdict="ignored", reason=said.reason)
    cause = Cause(
        correlation=request_id, causation=event_name(event) or said.session, actor="stripe"
    )
    try:
        return _record(said, cause, desk)
    except Refused as error:
        # Something here is set up wrongly; Stripe will send it again when that has been mended.
        message = "the payment cannot be recorded now"
        raise Unavailable(message, reason=error.reason, retry_after=60) from None


def _record(purchase: Purchase, cause: Cause, desk: Desk) -> Received:
    """Add to the order what ``purchase`` says and the log does not, however many others do the same right now."""
    name = order_id(purchase.tenant, purchase.session)
    subject = uuid.UUID(name)
    history = desk.log.begin(name, subject)
    wrote = False
    for _ in range(_TRIES):
        facts = place(history.order, purchase, name, desk.catalogue)
        if not facts:
            break
        try:
            history = desk.log.record(history, facts, cause)
            wrote = wrote or history.wrote
        except WrongExpectedVersion:
            history = desk.log.begin(name, subject)
    else:
        message = "too many others are writing to this order"
        raise Unavailable(message, reason="busy", retry_after=1)
    if history.order.placed is None:
        return Received(verdict="ignored", reason="never-placed")
    return Received(verdict="recorded" if wrote else "duplicate", order=name)


def _signed(text: str, header: str, secrets: Iterable[str]) -> bool:
    if not header.isascii():
        return False
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(text, header, secret, TOLERANCE)
        except stripe.SignatureVerificationError:
            continue
        return _stamp(header) <= time.time() + TOLERANCE
    return False


def _stamp(header: str) -> int:
    """When a verified header says it was signed; the library takes the first ``t`` as well."""
    return int(next(part.split("=")[1] for part in header.split(",") if part.startswith("t=")))


def _refused(request: Request, slug: str) -> Problem:
    log.warning("webhook refused", why=slug, correlation=request.state.request_id)
    return Problem(slug)
