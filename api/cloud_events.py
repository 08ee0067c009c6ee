"""A recorded event as the world is told of it: under the names of CloudEvents 1.0, without personal data."""

from typing import Any

import msgspec
from pydantic import BaseModel, Field

from api.shapes import Time
from events.announcement import announce
from events.chain import Link


class Event(BaseModel):
    """An event under the names of CloudEvents 1.0. ``subject`` is its stream, and ``version`` its place there.

    ``data`` is in the shape of ``schemaversion``, which ``dataschema`` describes; a type that this release does not
    know is told as it was recorded, and has none. ``hash`` covers all of it, personal fields as ciphertext, and
    ``previous``, the hash before it in its stream.
    """

    specversion: str = "1.0"
    id: str
    source: str = Field(examples=["https://reports.example"])
    type: str = Field(examples=["section-written"])
    subject: str = Field(examples=["order-0b4bd1a6-54f1-5cc4-9df1-6a3d9b9f3c11"])
    time: Time
    datacontenttype: str = "application/json"
    dataschema: str | None = Field(
        default=None, examples=["https://reports.example/schemas/section-written.json"]
    )
    position: str | None = Field(
        default=None,
        description="Its place in the whole log; an order's events are told a moment before they have one.",
        examples=["301"],
    )
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


def told(position: int | None, link: Link, source: str) -> Event:
    """The event; ``source`` is the address of this house. It has no ``position`` until it is sealed."""
    found = Event.model_validate(msgspec.to_builtins(announce(position or 0, link, source)))
    return found if position else found.model_copy(update={"position": None})
