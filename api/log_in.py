"""Where staff log in, with the operator's or the auditor's token, and out."""

import hashlib

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api import sessions
from api.access import staff_role
from api.desk import Desk, OnDesk
from api.kinds import KINDS
from api.limits import client_address
from api.problems import Problem
from api.sessions import LOG_IN, Filled, Session, Visitor, our_path, staff_page
from storage.endpoints import Endpoints, Want

router = APIRouter(include_in_schema=False)

# So many tries a minute from one address. Addresses share some names, so that whoever has many fills no table.
_TRIES = 10
_NAMES = 1024


@router.get(LOG_IN)
def show(visitor: Visitor, desk: OnDesk, next: str = "") -> Response:  # noqa: A002 - its name in the URL
    """The form. It stands in a session of its own, so that nobody else's page can send it."""
    return _shown(visitor or sessions.begin(None, desk), our_path(next), desk)


@router.post(LOG_IN)
def log_in(request: Request, visitor: Visitor, form: Filled, desk: OnDesk) -> Response:
    """Begin a session for whoever has a token, and lead them where they wanted to go."""
    wait = Endpoints(desk.log.engine).take([Want(_name(request), 1, _TRIES)])
    if wait > 0:
        raise Problem("too-many-tries", headers={"Retry-After": str(int(wait) + 1)})
    role = staff_role(form.get("token"), desk.settings)
    if role is None:
        assert visitor is not None  # or the form would not have been taken
        return _shown(visitor, our_path(form.get("next")), desk, refused=True)
    response = RedirectResponse(
        our_path(form.get("next")), status_code=303, headers={"Cache-Control": "no-store"}
    )
    sessions.carry(response, sessions.begin(role, desk), desk)
    return response


@router.post("/log-out")
def log_out(_: Filled, desk: OnDesk) -> Response:
    """Take the session from this browser."""
    response = RedirectResponse(LOG_IN, status_code=303, headers={"Cache-Control": "no-store"})
    sessions.end(response, desk)
    return response


def _shown(session: Session, next_: str, desk: Desk, *, refused: bool = False) -> Response:
    kind = KINDS["wrong-token"]
    response = staff_page(
        "log-in.html",
        session,
        status=kind.status if refused else 200,
        headers={"Cache-Control": "no-store"},
        next=next_,
        refused=kind if refused else None,
        usable=bool(desk.settings.operator_token or desk.settings.auditor_token),
    )
    sessions.carry(response, session, desk)
    return response


def _name(request: Request) -> str:
    digest = hashlib.sha256(client_address(request).encode()).digest()
    return f"log-in/{int.from_bytes(digest[:4], 'big') % _NAMES}"
