"""An order from all sides: its time, what was tried, what it cost, who was told, and every event."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.caching import ask_again, spared
from api.desk import Desk, OnDesk
from api.ops.acts import KINDS, act, acts
from api.ops.waterfall import waterfall
from api.problems import Problem
from api.reader import Reads
from api.saying import masked
from api.sessions import Session, StaffPage, staff_page
from events.announcement import public
from events.envelope import Recorded
from events.facts import (
    AttemptEnded,
    AttemptFailed,
    AttemptStarted,
    AttentionNeeded,
    CallFailed,
    MailFailed,
    MailIntended,
    MailSent,
    NoteMade,
    OrderDelivered,
    SectionWritten,
)
from events.order import Order
from storage.orders import OrderRow, by_id, parts_of
from storage.readings import Reading

router = APIRouter(prefix="/ops/orders/{order_id}")


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One holding of the order by a worker: ``how`` it ended, in words."""

    number: int
    worker: str
    begun: datetime
    ended: datetime | None = None
    how: str = ""
    detail: str = ""
    retry_at: str = ""


@dataclass(slots=True, kw_only=True)
class Asked:
    """What was asked of one model. ``cost`` is in millionths of a dollar."""

    model: str
    answered: int = 0
    failed: int = 0
    lost: int = 0
    tokens: int = 0
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of the card company that had an effect, and what became of it."""

    name: str
    at: datetime
    effects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """An event for the list: ``facts`` are its public fields as JSON, ``note`` what a person said."""

    recorded: Recorded
    facts: str
    note: str


@dataclass(frozen=True, slots=True)
class Run:
    """Rows that follow each other: one, or many steps of the work that are folded together."""

    rows: tuple[Row, ...]

    @property
    def kinds(self) -> str:
        """What is in it: how many of which."""
        counted = Counter(row.recorded.type for row in self.rows)
        return ", ".join(f"{count} {kind}" for kind, count in counted.most_common())


@router.get("")
def order(
    *,
    order_id: str,
    session: StaffPage,
    reader: Reads,
    desk: OnDesk,
    request: Request,
    did: str = "",
) -> Response:
    """The order's page. An auditor's look at it is noted; for operators it is their everyday work.

    An auditor's page stands still: what asks again by itself is nobody's look.
    """
    row = by_id(desk.log.engine, order_id)
    if row is None:
        raise Problem("not-on-file")
    name = row.status.order
    history, recorded = desk.log.read(name), desk.log.recorded(name)
    product = desk.catalogue.get(row.status.product)
    again = ask_again(row, product, desk.clock(), desk.settings.speed)
    possible = acts(history, desk) if session.operates else []
    page = staff_page(
        "ops/order.html",
        session,
        row=row,
        product=product,
        address=_address(history.order, session),
        erased=history.sealer.erased,
        parts=parts_of(desk.log.engine, name),
        can=[each for each in possible if not each.refused],
        cannot=[each for each in possible if each.refused],
        did=act(did) if did in KINDS else None,
        chart=waterfall(recorded, history.order, product, _medians(row, desk), desk.clock()),
        attempts=_attempts(recorded),
        asked=_asked(recorded),
        mails=[
            each
            for each in recorded
            if isinstance(each.event, MailIntended | MailSent | MailFailed)
        ],
        heard=_heard(recorded),
        number=len(recorded),
        runs=_runs([_row(each, operates=session.operates) for each in reversed(recorded)]),
        wait=again if session.operates else None,
        catalogue=desk.catalogue,
        now=desk.clock(),
    )
    answer = spared(request, page)
    if not session.operates and answer is page:
        reader.note(Reading(what="page", order=name, version=row.status.version))
    return answer


def _address(order: Order, session: Session) -> str:
    """The customer's, as far as it is told: to auditors not at all."""
    if order.placed is None or not order.placed.email:
        return "no e-mail"
    return masked(order.placed.email) if session.operates else "sealed"


def _medians(row: OrderRow, desk: Desk) -> dict[str, float]:
    """How long each section of the product takes in one of two orders, in milliseconds."""
    sections = desk.estimates.of(row.status.product).sections
    return {name: lengths.p50 for name, lengths in sections.items()}


def _attempts(recorded: Sequence[Recorded]) -> list[Attempt]:
    found: list[Attempt] = []
    for each in recorded:
        match each.event:
            case AttemptStarted(number=number, worker=worker):
                if found and not found[-1].how:
                    found[-1].how = "fell silent: the next worker took the order over"
                found.append(Attempt(number=number, worker=worker, begun=each.recorded_at))
            case AttemptEnded(why=why) if found:
                _ended(found[-1], each.recorded_at, _WHY.get(why, why))
            case AttemptFailed(reason=reason, detail=detail, retry_at=again) if found:
                _ended(found[-1], each.recorded_at, reason)
                found[-1].detail, found[-1].retry_at = detail, again
            case OrderDelivered() if found:
                _ended(found[-1], each.recorded_at, "delivered")
            case AttentionNeeded(reason=reason) if found and not found[-1].how:
                _ended(found[-1], each.recorded_at, reason)
    return found


_WHY = {"leg": "handed on: its leg was over", "stop": "handed on: the worker was told to stop"}
_WHY |= {"rest": "nothing to do for now"}


def _ended(attempt: Attempt, at: datetime, how: str) -> None:
    attempt.ended, attempt.how = at, how


def _asked(recorded: Iterable[Recorded]) -> list[Asked]:
    found: dict[str, Asked] = {}
    for each in recorded:
        match each.event:
            case SectionWritten(model=model, tokens=tokens, cost=cost):
                asked = found.setdefault(model, Asked(model=model))
                asked.answered += 1
            case CallFailed(model=model, tokens=tokens, cost=cost, lost=lost):
                asked = found.setdefault(model, Asked(model=model))
                asked.failed += 1
                asked.lost += lost
            case _:
                continue
        asked.tokens += tokens.prompt + tokens.completion
        asked.cost += cost
    return list(found.values())


def _heard(recorded: Iterable[Recorded]) -> list[Heard]:
    found: dict[str, list[Recorded]] = {}
    for each in recorded:
        if each.cause.actor == "stripe":
            found.setdefault(each.cause.causation, []).append(each)
    return [
        Heard(name, members[0].recorded_at, tuple(each.type for each in members))
        for name, members in found.items()
    ]


def _runs(rows: Iterable[Row]) -> list[Run]:
    """The rows; where nothing but steps of the work follow each other, as one."""
    found: list[Run] = []
    for step, members in groupby(rows, key=lambda row: row.recorded.type in _STEPS):
        together = tuple(members)
        if step and len(together) >= _MANY:
            found.append(Run(together))
        else:
            found += [Run((each,)) for each in together]
    return found


_STEPS = frozenset({"sections-asked", "section-written", "chunk-rendered"})
_MANY = 5


def _row(each: Recorded, *, operates: bool) -> Row:
    """What a person said is sealed with the order: only who may do something to it reads it."""
    note = each.event.text if operates and isinstance(each.event, NoteMade) else ""
    return Row(each, msgspec.json.encode(public(each.event)).decode(), note)
