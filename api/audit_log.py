"""The auditor's page of the whole log: sealed events, the newest first, by type, actor, order and time."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse, Response

from api import exhibits
from api.desk import Desk, OnDesk
from api.kinds import KINDS
from api.reader import Reads
from api.saying import order_number
from api.sessions import StaffPage, staff_page
from events.codec import decode_public
from events.envelope import all_kinds
from events.errors import NotFound, Refused
from events.moments import BadMoment, read_bound
from storage import readings
from storage.browsing import Found, Sought, browse
from storage.bundle.evidence import SCRIPT
from storage.database import connected
from storage.naming import order_in, orders_named, streams_of
from storage.readings import Reading
from storage.sealed import Sealed

router = APIRouter(include_in_schema=False)

_MOST = 50
_LONGEST = 255
_CURSOR = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
# As browsers send what was chosen in a field for a time; it is meant in UTC.
_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What was filled in to search the log, as it came. ``before`` is where the page before ended."""

    order: str
    type: str
    actor: str
    since: str
    until: str
    looks: str
    before: str

    @property
    def filters(self) -> dict[str, str]:
        """What narrows the search, by name."""
        found = {name: getattr(self, name) for name in self.__slots__ if name != "before"}
        return {name: value for name, value in found.items() if value}

    def link(self, before: int) -> str:
        """The address of the next page."""
        return "/audit?" + urlencode({**self.filters, "before": before})


async def _query(  # noqa: PLR0917 - the fields of a form
    order: str = "",
    type: str = "",  # noqa: A002 - its name in the URL
    actor: str = "",
    since: str = "",
    until: str = "",
    looks: str = "",
    before: str = "",
) -> Query:
    given = (order, type, actor, since, until, looks, before)
    return Query(
        **dict(zip(Query.__slots__, (each.strip()[:_LONGEST] for each in given), strict=True))
    )


Queried = Annotated[Query, Depends(_query)]


@dataclass(frozen=True, slots=True)
class Row:
    """An event as the page lists it. ``order`` is whose event it is, if it is an order's; ``of`` says it in words."""

    position: int
    version: int
    at: datetime
    type: str
    about: str
    order: str
    of: str
    actor: str


class _BadPage(Refused):
    """A page that nobody was ever led to."""

    reason = "bad-page"


@router.get("/audit")
def log_page(query: Queried, session: StaffPage, reader: Reads, desk: OnDesk) -> Response:
    """The sealed log, searched."""
    reader.note(Reading(what="log", filters=tuple(query.filters)))
    found, named, refused, status = Found(events=[], further=None), list[str](), "", 200
    try:
        sought, named = _sought(query, desk)
        below = _below(query.before)
        found = browse(desk.log.engine, sought, below=below, most=_MOST)
    except (BadMoment, NotFound, _BadPage) as error:
        refused, status = str(error), KINDS[error.reason].status
    return staff_page(
        "audit-log.html",
        session,
        status=status,
        query=query,
        refused=refused,
        rows=[_row(each) for each in found.events],
        further=query.link(found.further) if found.further else "",
        down_to=found.further,
        named=[(each, order_number(each)) for each in named],
        types=[*(kind.name for kind in all_kinds()), readings.TYPE],
        actors=[
            "stripe",
            "operator",
            "auditor",
            "keeper",
            *(f"{name}@" for name in desk.catalogue),
        ],
        exact=exhibits.exact,
    )


@router.get("/static/proof.js")
def proof_script() -> Response:
    """The script that verifies in a browser: the very one that is in every bundle."""
    return FileResponse(SCRIPT, media_type="text/javascript")


def _sought(query: Query, desk: Desk) -> tuple[Sought, list[str]]:
    """What the form asks for, and the orders that it names. Raises ``BadMoment`` and ``NotFound``."""
    since, until = _bound(query.since), _bound(query.until, last=True)
    named: list[str] = []
    streams = None
    if query.order:
        named = orders_named(desk.log.engine, query.order)
        if not named:
            message = (
                "No order has that name. Try its id, its number (7F3K-Q2XW), the checkout session (cs_...) or the"
                " payment (pi_...), as Stripe has them."
            )
            raise NotFound(message, reason="order-not-found")
        with connected(desk.log.engine) as connection:
            streams = [each for order in named for each in streams_of(connection, order)[1]]
        if query.looks:
            streams += [readings.stream_of(order) for order in named]
    without = "" if query.looks or query.type == readings.TYPE else readings.TYPE
    sought = Sought(
        streams=streams,
        type=query.type,
        without=without,
        actor=query.actor,
        since=since,
        until=until,
    )
    return sought, named


def _bound(text: str, *, last: bool = False) -> datetime | None:
    if not text:
        return None
    if _LOCAL.fullmatch(text):
        text += "Z" if text.count(":") == 2 else ":00Z"  # noqa: PLR2004 - hours, minutes, seconds
    return read_bound(text, last=last)


def _below(before: str) -> int | None:
    if before and not _CURSOR.fullmatch(before):
        raise _BadPage("This is no page of the log: search again, from the newest event on.")
    return int(before) if before else None


def _row(each: Sealed) -> Row:
    link = each.link
    order, of = order_in(link.stream), link.stream.partition("/")[0]
    if order:
        of = order_number(order)
    elif looked_at := readings.order_in(link.stream):
        of = f"looks at {order_number(looked_at)}"
    return Row(
        position=each.position,
        version=link.version,
        at=link.recorded_at,
        type=link.type,
        about=_about(each),
        order=order,
        of=of,
        actor=msgspec.json.decode(link.meta)["actor"],
    )


def _about(each: Sealed) -> str:
    """In a few words, what it is about; nothing is opened for that."""
    return exhibits.about(decode_public(each.link.type, each.link.schema, each.link.data), None)
