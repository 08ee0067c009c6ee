"""Lets no NUL through in an address: Postgres keeps none in a text, so that nothing of ours is called by one."""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import Problem, answer


class Sieve:
    """Answers such a request itself, whatever route it is for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        problem = _problem(scope) if scope["type"] == "http" else None
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await answer(Request(scope), problem)(scope, receive, send)


def _problem(scope: Scope) -> Problem | None:
    if "\0" in scope["path"]:
        return Problem("page-not-found")
    if b"%00" not in scope["query_string"]:
        return None
    given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    faults = [
        {"in": "query", "name": name.replace("\0", ""), "message": "This holds a NUL character."}
        for name, value in given
        if "\0" in name + value
    ]
    return Problem("invalid-request", errors=faults) if faults else None
