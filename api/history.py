"""The history of an order, for operators and auditors: what was recorded, without personal data."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api.desk import OnDesk
from api.problems import Problem
from api.reader import ReadsByToken
from api.shapes import Time
from events.announcement import public
from events.envelope import Recorded
from storage.orders import by_id
from storage.readings import Reading

router = APIRouter(prefix="/v1/orders", tags=["history"])


class Event(BaseModel):
    """A recorded event. ``hash`` covers all of it, personal fields as ciphertext, and ``previous``."""

    id: str
    type: str = Field(examples=["section-written"])
    schema_version: int = Field(examples=[1])
    version: str = Field(description="Its place in the order's history.", examples=["6"])
    recorded_at: Time
    actor: str = Field(examples=["life_clarity@worker-1:41"])
    correlation: str
    causation: str
    code: str
    fence: str | None = None
    data: dict[str, Any] = Field(examples=[{"section": "section-001", "model": "gpt-4.1-mini"}])
    previous: str
    hash: str


class Events(BaseModel):
    """An order's events, oldest first."""

    data: list[Event]


@router.get(
    "/{order_id}/events",
    operation_id="getOrderEvents",
    response_model_exclude_none=True,
    summary="What was recorded of an order",
)
def get_events(order_id: str, reader: ReadsByToken, desk: OnDesk, response: Response) -> Events:
    """Every event of the order, oldest first."""
    row = by_id(desk.log.engine, order_id)
    if row is None:
        raise Problem("order-not-found")
    reader.note(Reading(what="events", order=row.status.order, version=row.status.version))
    response.headers.update({"Cache-Control": "private, no-cache", "Vary": "Authorization"})
    return Events(data=[_event(each) for each in desk.log.recorded(row.status.order)])


def _event(recorded: Recorded) -> Event:
    return Event(
        id=str(recorded.id),
        type=recorded.type,
        schema_version=recorded.schema,
        version=str(recorded.version),
        recorded_at=recorded.recorded_at,
        actor=recorded.cause.actor,
        correlation=recorded.cause.correlation,
        causation=recorded.cause.causation,
        code=recorded.code,
        fence=None if recorded.fence is None else str(recorded.fence),
        data=public(recorded.event),
        previous=recorded.previous.hex(),
        hash=recorded.hash.hex(),
    )
