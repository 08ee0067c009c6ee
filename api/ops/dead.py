"""Dead letters: messages that nobody could work on, put back by a person once the cause is mended."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from api.desk import OnDesk
from api.sessions import Filled, OperatorPage
from storage.dead_letters import put_back

router = APIRouter(prefix="/ops/dead-letters")


@router.post("/{letter}/put-back")
def back(letter: str, _: OperatorPage, __: Filled, desk: OnDesk) -> Response:
    """Put it back into its queue. If it cannot be worked on now either, it comes here again."""
    put_back(desk.settings, desk.log.engine, letter)
    return RedirectResponse("/ops#dead-letters", status_code=303)
