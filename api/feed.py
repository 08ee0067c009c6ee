"""The whole log for programs that follow it: sealed events in order of position, without personal data."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.access import Staff
from api.cloud_events import told
from api.desk import OnDesk
from api.event_pages import MOST, RESPONSES, After, Events, in_pages
from api.problems import Problem
from storage import sealed
from storage.database import again_once, connected

router = APIRouter(prefix="/v1", tags=["history"])


@router.get(
    "/events",
    operation_id="followEvents",
    response_model=Events,
    responses=RESPONSES,
    summary="What was recorded of everything",
)
def follow_events(
    _: Staff,
    desk: OnDesk,
    request: Request,
    after: After,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
) -> Response:
    """The events behind position ``after``. Going on behind the last position seen misses nothing, ever."""

    def ask() -> tuple[list[sealed.Sealed], int]:
        with connected(desk.log.engine) as connection:
            found = sealed.read(connection, after=after, most=limit + 1)
            return found, after if found else sealed.grown_tree(connection).size

    found, reached = again_once(ask)
    if reached < after:
        raise Problem("cursor-beyond-the-end")
    shown = [told(each.position, each.link, desk.settings.public_url) for each in found]
    return in_pages(request, shown, limit, "position")
