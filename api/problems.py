"""Errors as problem details (RFC 9457): for programs in JSON, for people as a page."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from api.kinds import KINDS, Kind
from api.templating import page
from events.errors import Conflict, LedgerpressError, NotFound, Refused, Unavailable

router = APIRouter(tags=["problems"])


_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "retryable", "next", "errors", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "retryable": {"type": "boolean"},
        "next": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "What is wrong where; of a body, with a JSON pointer.",
            "items": {
                "type": "object",
                "required": ["in", "name", "message"],
                "properties": {
                    "in": {"type": "string", "examples": ["body"]},
                    "name": {"type": "string", "examples": ["fields.birth_date"]},
                    "pointer": {"type": "string", "examples": ["/fields/birth_date"]},
                    "message": {"type": "string"},
                },
            },
        },
        "request_id": {"type": "string"},
    },
}


def _described(kind: Kind, description: str) -> dict[str, Any]:
    example = {**_told(kind), "errors": [], "request_id": "7c1f7c0e-4c6f-4f0b-9d50-0a3f7d7f3b11"}
    content = {"schema": _SCHEMA, "example": example}
    return {"description": description, "content": {"application/problem+json": content}}


def foreseen(*slugs: str) -> dict[int | str, dict[str, Any]]:
    """How an operation's answers with these problems, one for each status, are described in /openapi.json."""
    return {KINDS[slug].status: _described(KINDS[slug], KINDS[slug].title) for slug in slugs}


def _told(kind: Kind) -> dict[str, Any]:
    return {
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "retryable": kind.retryable,
        "next": kind.next,
    }


# How every operation's other answers are described there.
DESCRIBED: dict[int | str, dict[str, Any]] = {
    "default": _described(KINDS["order-not-found"], "A problem (RFC 9457); see /problems.")
}

# Errors of the house that have a problem of their own, by their reason.
_BY_REASON = {
    slug: slug
    for slug in (
        "key-reused",
        "erased",
        "bad-at",
        "before-first-event",
        "version-not-reached",
        "event-not-found",
    )
}
# What nobody but people open.
FOR_STAFF = ("/ops", "/audit", "/log-in", "/log-out")
FOR_PEOPLE = ("/o/", "/r/", *FOR_STAFF)
_BY_STATUS = {404: "page-not-found", 405: "method-not-allowed"}
_BY_ERROR: Sequence[tuple[type[LedgerpressError], str]] = (
    (NotFound, "page-not-found"),
    (Refused, "refused"),
    (Conflict, "conflict"),
    (Unavailable, "unavailable"),
)


class Problem(Exception):
    """Ends a request with the problem of that slug."""

    def __init__(
        self,
        slug: str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(slug)
        self.kind = KINDS[slug]
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = list(errors)


def answer(request: Request, problem: Problem) -> Response:
    """The problem as JSON for programs, as a page for people."""
    kind, request_id = problem.kind, request.state.request_id
    headers = {"Cache-Control": "no-store", "Vary": "Accept", **problem.headers}
    if _for_people(request):
        return page(
            "problem.html",
            status=kind.status,
            headers=headers,
            kind=kind,
            request_id=request_id,
            staff=request.url.path.startswith(FOR_STAFF),
        )
    body = {
        **_told(kind),
        **({"detail": problem.detail} if problem.detail else {}),
        "errors": problem.errors,
        "request_id": request_id,
    }
    return JSONResponse(
        body, status_code=kind.status, headers=headers, media_type="application/problem+json"
    )


def install(app: FastAPI) -> None:
    """Answer every error of the house and of the framework with a problem."""

    @app.exception_handler(Problem)
    async def ours(request: Request, problem: Problem) -> Response:
        return answer(request, problem)

    @app.exception_handler(LedgerpressError)
    async def of_the_house(request: Request, error: LedgerpressError) -> Response:
        return answer(request, problem_of(error))

    @app.exception_handler(HTTPException)
    async def of_the_framework(request: Request, error: HTTPException) -> Response:
        slug = _BY_STATUS.get(error.status_code, "bad-request")
        headers = dict(error.headers or {})
        if slug == "method-not-allowed":
            headers["Allow"] = _allowed(request)
        return answer(request, Problem(slug, headers=headers))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        faults = [
            {
                "in": str(each["loc"][0]),
                "name": ".".join(map(str, each["loc"][1:])),
                "message": each["msg"],
            }
            for each in error.errors()
        ]
        return answer(request, Problem("invalid-request", errors=faults))


@router.get("/problems", include_in_schema=False)
def all_problems() -> HTMLResponse:
    """Every kind of problem."""
    return page("problems.html", kinds=KINDS.values())


@router.get("/problems/{slug}", include_in_schema=False)
def one_problem(slug: str) -> HTMLResponse:
    """What a problem of this kind means, and what to do about it."""
    if slug not in KINDS:
        raise Problem("page-not-found")
    return page("problems.html", kinds=[KINDS[slug]])


def _allowed(request: Request) -> str:
    """The methods that this address takes, whichever route takes them: the framework tells those of the first only."""
    taken = [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]
    # HEAD is asked as GET (see ``Frame``).
    return ", ".join([*taken, "HEAD"] if "GET" in taken else taken)


def problem_of(error: LedgerpressError) -> Problem:
    """The problem that an error of the house is to whoever asked."""
    slug = _BY_REASON.get(error.reason) or next(
        (slug for kind, slug in _BY_ERROR if isinstance(error, kind)), "internal"
    )
    if isinstance(error, Unavailable):
        seconds = math.ceil(error.retry_after or 2)
        return Problem(slug, str(error), headers={"Retry-After": str(seconds)})
    return Problem(slug, str(error))


def _for_people(request: Request) -> bool:
    path, accept = request.url.path, request.headers.get("accept", "")
    if path.startswith(("/v1/", "/webhooks/")):
        return False
    return path.startswith(FOR_PEOPLE) or "text/html" in accept
