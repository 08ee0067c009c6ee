"""What is announced, described for programs: AsyncAPI, and a JSON Schema for each type of event."""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.desk import OnDesk
from api.problems import Problem
from events.asyncapi import asyncapi, envelope
from events.envelope import kind_named
from events.shapes import public_shape

router = APIRouter(tags=["documentation"])

_HEADERS = {"Cache-Control": "public, max-age=3600"}
_ENVELOPE = "announcement"


@router.get(
    "/asyncapi.json", operation_id="describeAnnouncements", summary="What is announced, and how"
)
def describe_announcements(desk: OnDesk) -> JSONResponse:
    """The announcements on RabbitMQ as AsyncAPI 3.0."""
    document = asyncapi(desk.catalogue.values(), version("ledgerpress"))
    return JSONResponse(document, headers=_HEADERS)


@router.get(
    "/schemas/{event_type}.json",
    operation_id="describeEvent",
    summary="The shape of an event",
)
def describe_event(event_type: str) -> JSONResponse:
    """The JSON Schema of an event's ``data``, or of the ``announcement`` around it."""
    schema: dict[str, Any]
    kind = kind_named(event_type)
    if event_type == _ENVELOPE:
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **envelope()}
    elif kind is not None:
        schema = public_shape(kind)
    else:
        raise Problem("schema-not-found")
    return JSONResponse(schema, headers=_HEADERS, media_type="application/schema+json")
