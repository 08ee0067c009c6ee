"""The door for payments: verifies what Stripe sends and records what it says."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict

from api.bodies import body
from api.desk import Desk, OnDesk, RequestId, Trace
from api.problems import Problem
from events.errors import NotFound, Refused, Unavailable
from storage.payments import Signed
from storage.stripe_api import signed
from storage.telemetry import log
from storage.tenants import DEFAULT

# In which tenants' secrets are read: other requests that hang on Postgres must not keep a payment waiting.
_reading = ThreadPoolExecutor(8, thread_name_prefix="secrets")

router = APIRouter(tags=["payments"])


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
    verdict: Literal["recorded", "duplicate", "ignored", "queued"]
    order: str | None = None
    reason: str | None = None


async def _secrets(request: Request, desk: OnDesk) -> list[str]:
    """What Stripe may have signed with for the tenant in the address; asked before anything is read.

    A tenant's secrets are its own: whoever knows another's, or the house's, cannot pay for its orders.
    """
    try:
        tenant = request.path_params.get("tenant", DEFAULT)
        if tenant == DEFAULT:  # known without asking anybody
            return desk.stripe_secrets.of(tenant)
        return await asyncio.wrap_future(_reading.submit(desk.stripe_secrets.of, tenant))
    except NotFound:
        raise Problem("unknown-tenant") from None
    except Refused as error:
        # Something here is set up wrongly; Stripe will send it again when that has been mended.
        message = "the payment cannot be verified now"
        raise Unavailable(message, reason=error.reason, retry_after=60) from None


async def _body(request: Request) -> bytes:
    try:
        return await body(request)
    except Problem as problem:
        raise _refused(request, problem.kind.slug) from None


async def _signed_body(
    request: Request,
    secrets: Annotated[list[str], Depends(_secrets)],
    raw: Annotated[bytes, Depends(_body)],
) -> str:
    """The text of an event, once it is certain that Stripe sent it."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise _refused(request, "bad-body") from None
    if not signed(text, request.headers.get("stripe-signature", ""), secrets):
        raise _refused(request, "bad-signature")
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise _refused(request, "bad-body") from None
    if not isinstance(event, dict):
        raise _refused(request, "bad-body")
    if str(event.get("object")).startswith("v2."):
        raise _refused(request, "thin-event")
    return text


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
SignedBody = Annotated[str, Depends(_signed_body)]


@router.post(
    "/webhooks/stripe",
    operation_id="receivePayment",
    response_model_exclude_none=True,
    openapi_extra=_TAKES,
    summary="Hear of a payment",
)
async def payment_event(
    body: SignedBody, desk: OnDesk, request_id: RequestId, trace: Trace
) -> Received:
    """Record what Stripe says happened, then say thank you.

    Stripe delivers at least once and in any order. The order is named after the checkout session, so a second
    delivery meets its own stream and changes nothing. While Postgres is away it waits in a durable queue.
    """
    return await _receive(DEFAULT, body, desk, request_id, trace)


@router.post(
    "/webhooks/stripe/{tenant}",
    operation_id="receivePaymentOfTenant",
    response_model_exclude_none=True,
    openapi_extra=_TAKES,
    summary="Hear of a payment to a tenant",
)
async def payment_event_of_tenant(
    tenant: str,
    body: SignedBody,
    desk: OnDesk,
    request_id: RequestId,
    trace: Trace,
) -> Received:
    """Record what Stripe says happened in a tenant's own account, signed with one of the tenant's own secrets."""
    return await _receive(tenant, body, desk, request_id, trace)


async def _receive(tenant: str, body: str, desk: Desk, request_id: str, trace: str) -> Received:
    heard_of = Signed(
        tenant=tenant,
        live=desk.settings.stripe_livemode,
        at=desk.clock().isoformat(),
        correlation=request_id,
        trace=trace,
        body=body,
    )
    try:
        heard = await desk.reception.take(heard_of)
    except Refused as error:
        # Something here is set up wrongly; Stripe will send it again when that has been mended.
        message = "the payment cannot be recorded now"
        raise Unavailable(message, reason=error.reason, retry_after=60) from None
    if heard is None:
        return Received(verdict="queued")
    return Received(verdict=heard.verdict, order=heard.order, reason=heard.reason)


def _refused(request: Request, slug: str) -> Problem:
    log.warning("webhook refused", why=slug, correlation=request.state.request_id)
    return Problem(slug)
