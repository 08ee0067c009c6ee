"""The whole log for programs that follow it: sealed events in order of position, without personal data."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from api.access import Staff
from api.audit import LARGEST, next_page
from api.cloud_events import Event, told
from api.desk import OnDesk
from api.problems import Problem
from storage import sealed
from storage.database import again_once, connected

router = APIRouter(prefix="/v1", tags=["history"])

_NDJSON = "application/x-ndjson"


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

    def ask() -> tuple[list[sealed.Sealed], int]:
        with connected(desk.log.engine) as connection:
            found = sealed.read(connection, after=after, most=limit + 1)
            return found, after if found else sealed.grown_tree(connection).size

    found, reached = again_once(ask)
    if reached < after:
        raise Problem("cursor-beyond-the-end")
    headers = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Accept"}
    if len(found) > limit:
        found = found[:limit]
        headers["Link"] = next_page(request, found[-1].position)
    source = desk.settings.public_url
    shown = [told(each, source) for each in found]
    if _NDJSON in request.headers.get("Accept", ""):
        lines = (each.model_dump_json(exclude_none=True) + "\n" for each in shown)
        return Response("".join(lines), media_type=_NDJSON, headers=headers)
    response.headers.update(headers)
    return Events(data=shown)
