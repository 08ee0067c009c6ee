"""Dead letters: messages that nobody could work on. Once the cause is mended they are put back, or else discarded."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from api.desk import Desk, OnDesk
from api.kinds import KINDS
from api.ops.acts import LONGEST_REASON, reason_in
from api.sessions import Filled, OperatorPage, Session, staff_page
from storage import dead_letters
from storage.inbox import QUEUE as INBOX

router = APIRouter(prefix="/ops/dead-letters/{letter}")


@router.post("/put-back")
def back(letter: str, _: OperatorPage, __: Filled, desk: OnDesk) -> Response:
    """Put it back into its queue. If it cannot be worked on now either, it comes here again."""
    dead_letters.put_back(desk.settings, desk.log.engine, letter)
    return _to_the_others()


@router.get("/discard")
def preview(letter: str, session: OperatorPage, desk: OnDesk) -> Response:
    """What would come of discarding it."""
    return _shown(letter, session, desk)


@router.post("/discard")
def discard(letter: str, session: OperatorPage, form: Filled, desk: OnDesk) -> Response:
    """Let nobody work on it any more. Its row stays, with the reason; what it said is gone."""
    reason = reason_in(form)
    if not reason:
        return _shown(letter, session, desk, slug="reason-missing")
    dead_letters.discard(desk.log.engine, letter, reason)
    return _to_the_others()


def _to_the_others() -> Response:
    return RedirectResponse("/ops#dead-letters", status_code=303)


def _shown(letter: str, session: Session, desk: Desk, *, slug: str = "") -> Response:
    kind = KINDS[slug] if slug else None
    return staff_page(
        "ops/discard.html",
        session,
        status=kind.status if kind else 200,
        headers={"Cache-Control": "no-store"},
        letter=dead_letters.found(desk.log.engine, letter),
        payments=INBOX,
        kind=kind,
        longest=LONGEST_REASON,
        now=desk.clock(),
    )
