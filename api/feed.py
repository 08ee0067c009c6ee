"""The whole log for programs that follow it: sealed events in order of position, without personal data."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.access import Staff
from api.audit import LARGEST, next_page
from api.desk import OnDesk
from api.history import public
from api.shapes import Time
from events.codec import decode
from storage import event_log, sealed
from storage.database import again_once, connected

router = APIRouter(prefix="/v1", tags=["history"])

_NDJSON = "application/x-ndjson"


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


class Events(BaseModel):
    """Events in order of position."""

    data: list[Event]


@router.get(
    "/events",
    operation_id="followEvents",
    response_model=Events,
    response_model_exclude_none=True,
    responses={
        200: {
            "content": {_NDJSON: {}},
            "headers": {
                "Link": {
                    "description": "What there is more of already; missing once there is none.",
                    "schema": {"type": "string"},
                }
            },
        }
    },
    summary="What was recorded of everything",
)
def follow_events(
    _: Staff,
    desk: OnDesk,
    request: Request,
    response: Response,
    after: Annotated[int, Query(ge=0, le=LARGEST, description="The last position seen.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Events | Response:
    """The events behind position ``after``. Going on behind the last position seen misses nothing, ever."""

    def ask() -> list[sealed.Sealed]:
        with connected(desk.log.engine) as connection:
            return sealed.read(connection, after=after, most=limit + 1)

    found = again_once(ask)
    headers = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Accept"}
    if len(found) > limit:
        found = found[:limit]
        headers["Link"] = next_page(request, found[-1].position)
    source = desk.settings.public_url
    shown = [_event(each, source) for each in found]
    if _NDJSON in request.headers.get("Accept", ""):
        lines = (each.model_dump_json(exclude_none=True) + "\n" for each in shown)
        return Response("".join(lines), media_type=_NDJSON, headers=headers)
    response.headers.update(headers)
    return Events(data=shown)


def _event(each: sealed.Sealed, source: str) -> Event:
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
