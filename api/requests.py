"""The frame around every request: its id, the headers of every answer, and the last resort when something breaks."""

import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, answer
from storage.telemetry import log, where

_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_OVER_HTTPS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
# What a customer sees through a secret link is not for search engines.
_PRIVATE = ("/o/", "/r/", "/checkout/")


class Frame:
    """Wraps the application. Its request id is the correlation id of every event the request leads to."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = _HEADERS | (_OVER_HTTPS if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _SANE_ID.fullmatch(given) else str(uuid.uuid4())
        head = scope["method"] == "HEAD"
        state = {**scope.get("state", {}), "request_id": request_id, "head": head}
        scope = {**scope, "state": state}
        if head:
            scope["method"] = "GET"  # the server leaves the body out
        begun = False

        async def send_framed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._add_headers(MutableHeaders(scope=message), scope)
            await send(message)

        try:
            await self._app(scope, receive, send_framed)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may see its insides
            log.error("request failed", correlation=request_id, **where(error))
            if begun:
                return
            response = answer(Request(scope), Problem("internal"))
            await response(scope, receive, send_framed)

    def _add_headers(self, headers: MutableHeaders, scope: Scope) -> None:
        """What every answer says, and what was noted for this one on the way."""
        state = scope["state"]
        headers["X-Request-Id"] = state["request_id"]
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        for name, value in state.get("headers", {}).items():
            headers[name] = value
        if scope["path"].startswith(_PRIVATE):
            headers["X-Robots-Tag"] = "noindex"
