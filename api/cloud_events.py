"""A sealed event as the world is told of it: under the names of CloudEvents 1.0, without personal data."""

from typing import Any

import msgspec
from pydantic import BaseModel, Field

from api.history import public
from api.shapes import Time
from events.codec import decode
from storage import event_log, sealed


class Event(BaseModel):
    """An event under the names of CloudEvents 1.0. ``subject`` is its stream, and ``version`` its place there.

    ``hash`` covers all of it, personal fields as ciphertext, and ``previous``, the hash before it in its stream.
    """

    specversion: str = "1.0"
    id: str
    source: str = Field(examples=["https://reports.example"])
    type: str = Field(examples=["section-written"])
    subject: str = Field(examples=["order-0b4bd1a6-54f1-5cc4-9df1-6a3d9b9f3c11"])
    time: Time
    datacontenttype: str = "application/json"
    position: str = Field(description="Its place in the whole log.", examples=["301"])
    version: str = Field(examples=["6"])
    schemaversion: str = Field(examples=["1"])
    actor: str
    correlation: str
    causation: str
    code: str
    fence: str | None = None
    previous: str
    hash: str
    data: dict[str, Any]


def told(each: sealed.Sealed, source: str) -> Event:
    """The event; ``source`` is the address of this house."""
    link = each.link
    try:
        # Nothing is opened: what is personal stays empty, and is left out as in an order's history.
        event = decode(link.type, link.schema, link.data, lambda _: None)
        data = public(event)
    except (msgspec.ValidationError, KeyError):
        data = {**msgspec.json.decode(link.data)}
        data.pop("sealed", None)
    recorded = event_log.recorded(link, None)
    return Event(
        id=str(link.id),
        source=source,
        type=link.type,
        subject=link.stream,
        time=link.recorded_at,
        position=str(each.position),
        version=str(link.version),
        schemaversion=str(link.schema),
        actor=recorded.cause.actor,
        correlation=recorded.cause.correlation,
        causation=recorded.cause.causation,
        code=recorded.code,
        fence=None if link.fence is None else str(link.fence),
        previous=link.previous.hex(),
        hash=link.hash.hex(),
        data=data,
    )
