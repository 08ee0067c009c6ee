"""Lists of orders, filtered by their address; and what is done to all of a list, after a look ahead."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from api.caching import spared
from api.desk import Desk, OnDesk, RequestId
from api.kinds import KINDS as PROBLEMS
from api.ops.acts import LONGEST_REASON, OF_MANY, Act, act, look, plain, reason_in
from api.paging import parsed, printed
from api.problems import Problem
from api.sessions import Filled, OperatorPage, Session, StaffPage, staff_page
from api.survey import OnSurvey, Survey
from events.errors import Conflict, Refused
from events.foresight import Preview
from events.order import Order
from events.views import Word
from storage.intervening import by_person, carry_out
from storage.orders import OrderRow
from storage.searching import MOST_COUNTED, Sought, count, search

router = APIRouter(prefix="/ops/orders")

_ON_A_PAGE = 50
# So many at once, and then those behind them.
MOST_AT_ONCE = 200
_SAMPLE = 5
_LOOK_SECONDS = 5


class Filter(BaseModel):
    """Which orders, as the address says it. Empty is any."""

    model_config = ConfigDict(extra="ignore")

    q: str = Field("", max_length=255)
    status: str = Field("", max_length=20)
    product: str = Field("", max_length=63)
    tenant: str = Field("", max_length=63)
    reason: str = Field("", max_length=63)
    late: str = Field("", max_length=1)
    after: str = Field("", max_length=64)

    def sought(self, survey: Survey) -> Sought:
        """What the log is asked for. Raises the problem of an unknown status."""
        if self.status and self.status not in set(Word):
            raise Problem("invalid-request")
        return Sought(
            words=self.q.strip(),
            word=self.status,
            product=self.product,
            tenant=self.tenant,
            reason=self.reason,
            late=survey.late() if self.late else None,
        )

    @property
    def cursor(self) -> tuple[datetime, uuid.UUID] | None:
        """The last order of the page before. Raises the problem of a cursor that is none of ours."""
        try:
            return parsed(self.after) if self.after else None
        except ValueError:
            raise Problem("invalid-request") from None

    def query(self, **more: object) -> str:
        """The filter as a query, without its page."""
        given: dict[str, Any] = self.model_dump(exclude_defaults=True, exclude={"after"})
        return urlencode({**given, **{name: str(value) for name, value in more.items()}})


Filtered = Annotated[Filter, Query()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What would come of doing it to the ``looked`` orders: ``can`` with their versions, ``cannot`` by reason.

    ``behind`` is where the next ones begin, if there are any.
    """

    looked: int
    can: tuple[Order, ...]
    cannot: dict[str, int]
    most_cost: int
    mails: int
    sample: tuple[OrderRow, ...]
    behind: str = ""

    @property
    def versions(self) -> str:
        """The orders as they were looked at, for the form: each id with its version."""
        return " ".join(f"{order.id}:{order.version}" for order in self.can)


@router.get("")
def orders(
    *,
    session: StaffPage,
    desk: OnDesk,
    survey: OnSurvey,
    request: Request,
    chosen: Filtered,
    did: str = "",
    done: int = 0,
    left: int = 0,
    behind: str = "",
) -> Response:
    """The orders, the newest first. One that was asked for by its name is shown at once.

    ``behind`` is how far somebody has come who did something to all of them.
    """
    sought = chosen.sought(survey)
    rows = search(desk.log.engine, sought, _ON_A_PAGE + 1, chosen.cursor)
    if sought.words and len(rows) == 1:
        return RedirectResponse(f"/ops/orders/{rows[0].status.order}", status_code=303)
    shown = rows[:_ON_A_PAGE]
    more = chosen.query(after=printed(shown[-1])) if len(rows) > len(shown) else ""
    answer = staff_page(
        "ops/orders.html",
        session,
        rows=shown,
        number=count(desk.log.engine, sought),
        most=MOST_COUNTED,
        chosen=chosen,
        more=more,
        words=list(Word),
        catalogue=desk.catalogue,
        acts=[act(verb) for verb in OF_MANY],
        did=act(did) if did in OF_MANY else None,
        done=done,
        left=left,
        go_on=chosen.query(after=behind) if behind else "",
        wait=_LOOK_SECONDS,
        now=desk.clock(),
    )
    return spared(request, answer)


@router.get("/all/{verb}")
def preview(
    verb: str, session: OperatorPage, desk: OnDesk, survey: OnSurvey, chosen: Filtered
) -> Response:
    """How many there are, some of them, and what would come of doing it to them."""
    return _shown(_of_many(verb), chosen, session, desk, survey)


@router.post("/all/{verb}")
def do(
    *,
    verb: str,
    session: OperatorPage,
    desk: OnDesk,
    survey: OnSurvey,
    request_id: RequestId,
    form: Filled,
    chosen: Filtered,
) -> Response:
    """Do it to each order that is still as it was when the page was shown; count the others, and go on behind them."""
    what, reason = _of_many(verb), reason_in(form)
    if not reason:
        return _shown(what, chosen, session, desk, survey, slug="reason-missing")
    done = left = 0
    for order, version in _versions(form.get("orders")):
        try:
            carry_out(
                order,
                plain(verb),
                reason,
                expected=version,
                now=desk.clock(),
                cause=by_person(request_id),
                log=desk.log,
                catalogue=desk.catalogue,
            )
            done += 1
        except (Refused, Conflict):
            left += 1
    more = {"behind": behind} if (behind := form.get("behind")) else {}
    query = chosen.query(did=verb, done=done, left=left, **more)
    return RedirectResponse(f"/ops/orders?{query}", status_code=303)


def _of_many(verb: str) -> Act:
    if verb not in OF_MANY:
        raise Problem("not-on-file")
    return act(verb)


def _shown(
    what: Act, chosen: Filter, session: Session, desk: Desk, survey: Survey, *, slug: str = ""
) -> Response:
    kind = PROBLEMS[slug] if slug else None
    sought = chosen.sought(survey)
    rows = search(desk.log.engine, sought, MOST_AT_ONCE + 1, chosen.cursor)
    ahead = _ahead(what.verb, rows[:MOST_AT_ONCE], desk)
    if len(rows) > MOST_AT_ONCE:
        ahead = replace(ahead, behind=printed(rows[MOST_AT_ONCE - 1]))
    return staff_page(
        "ops/many.html",
        session,
        status=kind.status if kind else 200,
        headers={"Cache-Control": "no-store"},
        act=what,
        kind=kind,
        chosen=chosen,
        here=chosen.query(after=chosen.after) if chosen.after else chosen.query(),
        go_on=chosen.query(after=ahead.behind) if ahead.behind else "",
        most=MOST_AT_ONCE,
        ahead=ahead,
        longest=LONGEST_REASON,
        catalogue=desk.catalogue,
    )


def _ahead(verb: str, rows: Sequence[OrderRow], desk: Desk) -> Ahead:
    can: list[tuple[OrderRow, Order, Preview]] = []
    cannot: dict[str, int] = {}
    for row in rows:
        history = desk.log.read(row.status.order)
        found, preview = look(verb, history, desk)
        if preview is None:
            cannot[found.refused] = cannot.get(found.refused, 0) + 1
        else:
            can.append((row, history.order, preview))
    return Ahead(
        looked=len(rows),
        can=tuple(order for _, order, _ in can),
        cannot=cannot,
        most_cost=sum(preview.most_cost for _, _, preview in can),
        mails=sum(len(preview.mails) for _, _, preview in can),
        sample=tuple(row for row, _, _ in can[:_SAMPLE]),
    )


def _versions(given: str) -> Iterable[tuple[str, int]]:
    """The orders that the form names. Raises the problem of one that was not made by us."""
    pairs = [each.partition(":") for each in given.split()[:MOST_AT_ONCE]]
    try:
        return [(str(uuid.UUID(name)), int(version)) for name, _, version in pairs]
    except ValueError:
        raise Problem("bad-form") from None
