"""The operator's first page: what needs a human, then how products, queues, providers and tenants stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.caching import spared
from api.desk import Desk, OnDesk
from api.sessions import Filled, StaffPage, staff_page
from api.survey import OnSurvey
from events.money import Money
from events.plan import Product
from storage.queues import Depth
from storage.since import since
from storage.standing import Pace, Trade, Waiting

router = APIRouter(prefix="/ops")

# How often the page asks whether anything has changed, in seconds.
LOOK_SECONDS = 3
_READ = "ops-read"
_A_YEAR = 365 * 86_400
# Who never said that they had read it is told of the last day; nobody is told of more than a week.
_UNREAD, _LONGEST_AWAY = timedelta(hours=24), timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """A product's line: what became of its orders, and what was promised. ``promise`` is in seconds."""

    name: str
    title: str
    trade: Trade
    promise: float | None
    price: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A product's queue: RabbitMQ's figures, and the log's. ``depth`` is ``None`` if there is no such queue."""

    product: str
    depth: Depth | None
    waiting: Waiting
    pace: Pace


@router.get("")
def board(session: StaffPage, desk: OnDesk, survey: OnSurvey, request: Request) -> Response:
    """Everything on one page; each part only if there is something to see."""
    now = desk.clock()
    read = _read(request, now)
    found, day, depths = survey.board(), survey.day(), survey.depths()
    late = sum(each.late for each in day.trade.values())
    answer = staff_page(
        "ops/board.html",
        session,
        board=found,
        needy=[each for each in found.causes if each.word == "attention"],
        retrying=[each for each in found.causes if each.word == "retrying"],
        late=late,
        sold=_sold(day.trade, desk),
        spent=sum(each.spent for each in day.trade.values()),
        queues=_queues(desk, found.waiting, day.pace, depths),
        broker=bool(depths),
        workers=sum(1 for each in depths.values() if each and each.listening),
        products=len(desk.catalogue),
        tenants=survey.tenants(),
        news=since(desk.log, read),
        read=_read_given(request, now),
        now=now,
        wait=LOOK_SECONDS,
        catalogue=desk.catalogue,
    )
    return spared(request, answer)


@router.post("/read")
def mark_read(_: StaffPage, form: Filled, desk: OnDesk) -> Response:
    """Remember, in this browser, up to when somebody has read what happened."""
    answer = RedirectResponse("/ops", status_code=303)
    if (until := _moment(form.get("until"), desk.clock())) is not None:
        answer.set_cookie(
            _READ,
            until.isoformat(),
            max_age=_A_YEAR,
            path="/ops",
            httponly=True,
            secure=desk.settings.https,
            samesite="lax",
        )
    return answer


def _read(request: Request, now: datetime) -> datetime:
    given = _read_given(request, now)
    return max(given, now - _LONGEST_AWAY) if given else now - _UNREAD


def _read_given(request: Request, now: datetime) -> datetime | None:
    return _moment(request.cookies.get(_READ, ""), now)


def _moment(text: str, now: datetime) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return min(found, now) if found.tzinfo else None


def _sold(trade: Mapping[str, Trade], desk: Desk) -> list[Sold]:
    known = [_line(name, trade[name], desk.catalogue.get(name), desk) for name in trade]
    return sorted(known, key=lambda each: (each.promise or 0.0, each.name))


def _line(name: str, trade: Trade, product: Product | None, desk: Desk) -> Sold:
    return Sold(
        name=name,
        title=product.title if product else name or "(no product)",
        trade=trade,
        promise=product.promise / desk.settings.speed if product else None,
        price=product.prices[0] if product else None,
    )


def _queues(
    desk: Desk,
    waiting: Mapping[str, Waiting],
    pace: Mapping[str, Pace],
    depths: Mapping[str, Depth | None],
) -> list[Queue]:
    """The queues that somebody listens to, or something waits in."""
    found = [
        Queue(
            product=name,
            depth=depths.get(name),
            waiting=waiting.get(name, Waiting(product=name)),
            pace=pace.get(name, Pace()),
        )
        for name in desk.catalogue
    ]
    return [each for each in found if each.depth or each.waiting.at_work or each.waiting.waiting]
