"""The frame around every request: its id, the headers of every answer, and the last resort when something breaks."""

import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, answer
from storage.metrics import REQUESTS
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


# Whoever makes up methods makes up no labels.
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


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
        scope = {**scope, "state": {**scope.get("state", {}), "request_id": request_id}}
        if scope["method"] == "HEAD":
            scope["method"] = "GET"  # the server leaves the body out
        begun, status, began = False, 500, time.monotonic()

        async def send_framed(message: Message) -> None:
            nonlocal begun, status
            if message["type"] == "http.response.start":
                begun, status = True, message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith(_PRIVATE):
                    headers["X-Robots-Tag"] = "noindex"
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
        finally:
            route = _route(scope)
            seconds = time.monotonic() - began
            REQUESTS.labels(_method(scope), route, str(status)).observe(seconds)


def _route(scope: Scope) -> str:
    """The pattern that the path matched, and never the path: there are few patterns, and no ids in them."""
    path = getattr(scope.get("route"), "path", "")
    return str(path) or ("/static" if scope["path"].startswith("/static/") else "none")


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "other"
