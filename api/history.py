"""The history of an order, for operators and auditors: what was recorded, without personal data."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.cloud_events import told
from api.desk import OnDesk
from api.event_pages import MOST, RESPONSES, After, Events, in_pages
from api.problems import Problem
from api.reader import ReadsByToken
from events.chain import Link
from storage import sealed
from storage.database import again_once, connected
from storage.history import stream_of
from storage.orders import by_id
from storage.readings import Reading

router = APIRouter(prefix="/v1/orders", tags=["history"])


@router.get(
    "/{order_id}/events",
    operation_id="getOrderEvents",
    response_model=Events,
    responses=RESPONSES,
    summary="What was recorded of an order",
)
def get_events(  # noqa: PLR0917 - each is a parameter of the request, or given by it
    order_id: str,
    reader: ReadsByToken,
    desk: OnDesk,
    request: Request,
    after: After,
    limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
) -> Response:
    """The events of the order behind version ``after``, oldest first: versions have no holes.

    They are told as soon as they are recorded, a moment before the log gives them their positions.
    """
    row = by_id(desk.log.engine, order_id)
    if row is None:
        raise Problem("order-not-found")
    reader.note(Reading(what="events", order=row.status.order, version=row.status.version))
    stream = stream_of(row.status.order)

    def ask() -> list[tuple[int | None, Link]]:
        with connected(desk.log.engine) as connection:
            return sealed.recorded(connection, stream, after=after, most=limit + 1)

    found = again_once(ask)
    if not found and row.status.version < after:
        raise Problem("cursor-beyond-the-end")
    source = desk.settings.public_url
    shown = [told(position, link, source) for position, link in found]
    return in_pages(request, shown, limit, "version")
