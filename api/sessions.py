"""Who looks at the pages for staff: a signed cookie that expires, and the form tokens that belong to it."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.access import Role, staff_token
from api.bodies import body
from api.desk import Desk, OnDesk
from api.problems import Problem
from api.templating import page
from storage.passes import Passes
from storage.settings import Settings

LOG_IN = "/log-in"
# Where staff arrive who did not say where they want to go.
HOME = "/ops"
_HOURS = 12
_MOST_FIELDS = 200
# A path of this site. Browsers read a backslash as a slash, and leave out tabs and line ends.
_OURS = re.compile(r"/(?![/\\])[!-\[\]-~]*")
# Forms are sent with their origin only where the policy lets the browser name it to ourselves.
_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that was let in as ``role``, or (``None``) that has only been shown where to log in.

    ``cookie`` is what it carries. ``form_token`` is what its forms carry, and is worth nothing in any other session.
    """

    role: Role | None
    cookie: str
    form_token: str

    @property
    def operates(self) -> bool:
        """Whether it may do anything to orders."""
        return self.role is Role.OPERATOR


class LogInFirst(Exception):
    """Ends a request by leading to the log-in, and from there to ``next``."""

    def __init__(self, next_: str) -> None:
        super().__init__(next_)
        self.next = next_


def begin(role: Role | None, desk: Desk) -> Session:
    """A new session, for twelve hours or until the role's token is another one."""
    expires = int(desk.clock().timestamp()) + _HOURS * 3600
    return _session(role, f"{role or ''}.{expires}.{secrets.token_urlsafe(16)}", desk)


def carry(response: Response, session: Session, desk: Desk) -> None:
    """Give the session to the browser."""
    secure = desk.settings.https
    response.set_cookie(
        cookie_name(desk.settings),
        session.cookie,
        max_age=_HOURS * 3600,
        httponly=True,
        secure=secure,
        samesite="lax",
    )


def end(response: Response, desk: Desk) -> None:
    """Take the session from the browser."""
    secure = desk.settings.https
    response.delete_cookie(cookie_name(desk.settings), httponly=True, secure=secure, samesite="lax")


def cookie_name(settings: Settings) -> str:
    """Where it can be, under a name that browsers take over https and from this very host only."""
    return "__Host-staff" if settings.https else "staff"


def our_path(given: str) -> str:
    """``given`` if it is a path of this site, otherwise where staff begin."""
    return given if _OURS.fullmatch(given) else HOME


async def _visitor(request: Request, desk: OnDesk) -> Session | None:
    """The session that the browser carries, if it was made here, is not over, and its token still opens something."""
    carried = request.cookies.get(cookie_name(desk.settings), "")
    text, _, signature = carried.rpartition(".")
    name, _, rest = text.partition(".")
    expires = rest.partition(".")[0]
    if name not in ("", *Role) or not expires.isdecimal() or not carried.isascii():
        return None
    role = Role(name) if name else None
    if role and not staff_token(role, desk.settings):
        return None
    if not _passes(role, desk.settings).signed(text, signature):
        return None
    if int(expires) <= desk.clock().timestamp():
        return None
    return _session(role, text, desk)


Visitor = Annotated[Session | None, Depends(_visitor)]


async def _staff_page(request: Request, visitor: Visitor) -> Session:
    if visitor is None or visitor.role is None:
        asked = request.url.path if request.method == "GET" else HOME
        query = f"?{request.url.query}" if request.url.query and request.method == "GET" else ""
        raise LogInFirst(our_path(asked + query))
    return visitor


# For a page that operators and auditors may see.
StaffPage = Annotated[Session, Depends(_staff_page)]


async def _operator_page(session: StaffPage) -> Session:
    if not session.operates:
        raise Problem("operators-only")
    return session


# For a page that only operators may see.
OperatorPage = Annotated[Session, Depends(_operator_page)]


class Form:
    """What was filled in, on a form of ours that was shown in the very session that sends it."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def get(self, name: str) -> str:
        """The field's text without the space around it; empty if it was left out."""
        return self._fields.get(name, [""])[0].strip()

    def all(self, name: str) -> list[str]:
        """Each value of a field that may come several times."""
        return self._fields.get(name, [])

    def starting(self, prefix: str) -> dict[str, str]:
        """The fields whose name starts so, by the rest of it."""
        names = [name for name in self._fields if name.startswith(prefix)]
        return {name.removeprefix(prefix): self.get(name) for name in names}


async def _form(request: Request, visitor: Visitor, desk: OnDesk) -> Form:
    if not _from_here(request, desk.settings):
        raise Problem("foreign-form")
    raw = await body(request)
    try:
        fields = parse_qs(
            raw.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise Problem("bad-form") from None
    if any("\0" in text for texts in fields.values() for text in texts):
        raise Problem("bad-form")
    given = fields.get("form_token", [""])[0].encode()
    if visitor is None or not secrets.compare_digest(visitor.form_token.encode(), given):
        raise Problem("stale-form")
    return Form(fields)


Filled = Annotated[Form, Depends(_form)]


def staff_page(
    name: str,
    session: Session,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **facts: object,
) -> HTMLResponse:
    """The template ``name``, filled in for staff: it knows the ``session``, for its forms and its menu."""
    return page(
        name, status=status, headers={**_HEADERS, **(headers or {})}, session=session, **facts
    )


def install(app: FastAPI) -> None:
    """Lead whoever is not logged in to where they can."""

    @app.exception_handler(LogInFirst)
    async def log_in(_: Request, asked: LogInFirst) -> Response:
        return RedirectResponse(
            f"{LOG_IN}?{urlencode({'next': asked.next})}", status_code=303, headers=_HEADERS
        )


def _session(role: Role | None, text: str, desk: Desk) -> Session:
    passes = _passes(role, desk.settings)
    form_token = passes.sign(f"form {text}")
    return Session(role=role, cookie=f"{text}.{passes.sign(text)}", form_token=form_token)


def _passes(role: Role | None, settings: Settings) -> Passes:
    """The signature hangs on the token itself: once that is another one, no session of it is left."""
    keys = [key.get_secret_value() for key in settings.vault_key]
    return Passes(keys, f"session {role or ''}", staff_token(role, settings) if role else "")


def _from_here(request: Request, settings: Settings) -> bool:
    """Whether the browser says that one of our own pages sends this; old ones say nothing, and have the token."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    public = urlsplit(settings.public_url)
    known = {f"{public.scheme}://{public.netloc}"}
    # Asked for under another of its names, as on the way through a tunnel.
    known |= {f"{scheme}://{request.headers.get('host', '')}" for scheme in ("http", "https")}
    return origin in known
