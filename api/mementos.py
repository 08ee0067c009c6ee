"""An order as it was, for programs: its status at a version, an event or a time, as a memento (RFC 7089)."""

from email.utils import format_datetime
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse

from api import shapes
from api.access import Seen
from api.caching import unchanged
from api.desk import Desk
from api.reader import Reader
from events.moments import read_moment
from storage.past import past
from storage.readings import Reading

At = Annotated[
    str | None,
    Query(
        max_length=64,
        description="As it was then: at a version, at an event's id, or at a time (RFC 3339).",
        examples=["37", "2026-11-21T13:02:11Z"],
    ),
]
HEADERS = {
    "Memento-Datetime": {
        "description": "With `at`: when the order became as it is told here.",
        "schema": {"type": "string"},
    },
    "Link": {
        "description": "With `at`: the order as it is now, and its versions around this one.",
        "schema": {"type": "string"},
    },
}


def memento(seen: Seen, at: str, desk: Desk, request: Request) -> Response:
    """The status as it was, or word that the asker has it already. Raises ``BadMoment`` and ``NoSuchMoment``."""
    moment = read_moment(at)
    history = past(seen.row, desk.log, desk.catalogue)
    then = history.at(moment)
    version = then.by.version
    # What was recorded stays; what today's rules make of it may change with the code.
    etag = f'W/"v{version}.{desk.log.code}"'
    headers = {
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization",
        "ETag": etag,
        "Memento-Datetime": format_datetime(then.by.recorded_at, usegmt=True),
        "Link": _links(then.row.status.order, version, history.last),
    }
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    if seen.asker.staff:
        reading = Reading(what="memento", order=then.row.status.order, version=version)
        Reader(seen.asker.role, request.state.request_id, desk.log).note(reading)
    told = shapes.order(then.row, costs=seen.asker.pays)
    return JSONResponse(told.model_dump(mode="json", exclude_none=True), headers=headers)


def _links(order: str, version: int, last: int) -> str:
    here = f"/v1/orders/{order}"
    others = {"first": 1, "prev": version - 1, "next": version + 1, "last": last}
    links = [f'<{here}>; rel="original"']
    links += [
        f'<{here}?at={each}>; rel="{name} memento"'
        for name, each in others.items()
        if 1 <= each <= last
    ]
    return ", ".join(links)
