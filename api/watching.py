"""Watches every request: how long it took is measured, and what it sets in motion is traced."""

import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage import tracing
from storage.metrics import REQUESTS
from storage.tracing import Kind, Span, Told

# Whoever makes up methods makes up no labels.
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BROKEN = 500


class Watch:
    """Stands right before the application, where the route is known afterwards.

    A request that only looks is traced if it is part of somebody's trace, and not of its own accord.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "other"
        status, began = _BROKEN, time.monotonic()

        async def send_watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        span = _span(scope, method)
        scope.setdefault("state", {})["trace"] = span.traceparent
        try:
            await self._app(scope, receive, send_watched)
        finally:
            route = _route(scope)
            REQUESTS.labels(method, route, str(status)).observe(time.monotonic() - began)
            span.rename(f"{method} {route}")
            error = str(status) if status >= _BROKEN else ""
            told: Told = {"http.route": route, "http.response.status_code": status}
            span.end(error, told)


def _span(scope: Scope, method: str) -> Span:
    parent = tracing.given(Headers(scope=scope).get("traceparent", ""))
    if method == "GET" and not parent:
        return Span("")
    told = {"http.request.method": method, "ledgerpress.request": scope["state"]["request_id"]}
    return tracing.begin(method, Kind.SERVER, parent, told)


def _route(scope: Scope) -> str:
    """The pattern that the path matched, and never the path: there are few patterns, and no ids in them."""
    path = getattr(scope.get("route"), "path", "")
    return str(path) or ("/static" if scope["path"].startswith("/static/") else "none")
