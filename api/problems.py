"""Errors as problem details (RFC 9457): the only file that knows HTTP error codes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from api.templating import page
from events.errors import Conflict, LedgerpressError, NotFound, Refused, Unavailable

router = APIRouter(tags=["problems"])


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem. ``next`` is what the caller can do about it."""

    slug: str
    status: int
    title: str
    next: str
    retryable: bool = False


_SEND_ONE = (
    "Send Authorization: Bearer with an API key, or an order's, operator's or auditor's token."
)
_CHECK_KEYS = "Check STRIPE_WEBHOOK_SECRET and the clocks; have Stripe send the event again."
_TRY_LINK = "Open the link from our e-mail once more, all of it, or look at our reports."
_TRY_MAIL = "Open the link from our e-mail, or write to us with your receipt."
_SEND_KEY = "Send Authorization: Bearer with an API key of the tenant, lp_..."
_AS_JSON = "Send one JSON object; what Stripe signed, exactly as it came."
_SAY_JSON = "Send Content-Type: application/json."
_NEXT_MONTH = "Ask the operator for more, or wait as long as Retry-After says."
_NAME_MOMENT = "Name a version (37), an event's id, or a time like 2026-11-21T13:02:11Z (+ is %2B)."
_ITS_SETTING = "Look into the settings: OPERATOR_TOKEN or AUDITOR_TOKEN, all of it."
_FIND_IT = "Look for it by its number, its id, or Stripe's name of its payment."
_SAY_WHY = "Say why, in a few words: they are kept with the order, sealed."
_OPEN_AGAIN = "Open the page again and send it from there; cookies must be allowed."
_LATER = "Wait as many seconds as Retry-After says, then try again."
_AGAIN = "Ask again after the number of seconds in Retry-After."

_KINDS = (
    Kind("bad-signature", 400, "The signature is missing, wrong or stale", _CHECK_KEYS),
    Kind("bad-body", 400, "The body is not a JSON object in UTF-8", _AS_JSON),
    Kind("bad-form", 400, "The form cannot be read", _OPEN_AGAIN),
    Kind("thin-event", 400, "This event is thin", "Have Stripe send snapshot events here."),
    Kind(
        "bad-cursor",
        400,
        "There is no such place to go on from",
        "Send what the last answer named, or nothing to begin afresh.",
    ),
    Kind("bad-request", 400, "The request cannot be understood", "See /docs for what is."),
    Kind(
        "idempotency-key-missing",
        400,
        "This needs an Idempotency-Key of 1 to 255 visible characters",
        "Make one up for each order, keep it, and send it with every try.",
    ),
    Kind(
        "cursor-beyond-the-end",
        400,
        "The log has no such position",
        "It is a cursor of another log, perhaps of the one that this was restored from: begin again at after=0.",
    ),
    Kind("bad-at", 400, "This is no moment", _NAME_MOMENT),
    Kind("bad-cursor", 400, "This is no page of the log", "Begin again, from the newest event on."),
    Kind("credentials-missing", 401, "This needs a token", _SEND_ONE),
    Kind("credentials-unknown", 401, "This is no API key, or it has been revoked", _SEND_KEY),
    Kind(
        "wrong-token", 403, "This is neither the operator's nor the auditor's token", _ITS_SETTING
    ),
    Kind("operators-only", 403, "Only an operator may do that", "Log in with OPERATOR_TOKEN."),
    Kind("foreign-form", 403, "This form was not sent from one of our pages", _OPEN_AGAIN),
    Kind("stale-form", 403, "This form is from another session, or an old one", _OPEN_AGAIN),
    Kind("forbidden", 403, "This token does not open this", "Use one that does: /docs says whose."),
    Kind("tenants-only", 403, "Only a tenant's program can order", _SEND_KEY),
    Kind("link-needed", 403, "This opens only with your own link", _TRY_LINK),
    Kind("order-not-found", 404, "There is no such order for this token", "Check both."),
    Kind("before-first-event", 404, "There was no such order then", "Ask for a later time."),
    Kind("version-not-reached", 404, "The order has no such version", "Ask for an earlier one."),
    Kind(
        "event-not-found", 404, "There is no such event", "Take the id from the events there are."
    ),
    Kind("schema-not-found", 404, "No event is called that", "/asyncapi.json names them all."),
    Kind("page-not-found", 404, "There is nothing here", _TRY_LINK),
    Kind("not-sold-here", 404, "This cannot be bought here", "Look at our reports."),
    Kind("not-on-file", 404, "There is no such order", _FIND_IT),
    Kind("unknown-session", 404, "This is no checkout session", _TRY_MAIL),
    Kind(
        "unknown-tenant", 404, "There is no such tenant", "Check the webhook's address in Stripe."
    ),
    Kind("report-not-ready", 404, "The report is not ready yet", _AGAIN, retryable=True),
    Kind("not-signed-yet", 404, "No checkpoint covers this yet", _AGAIN, retryable=True),
    Kind("report-missing", 404, "There is no report", "See the order's status for the reason."),
    Kind("report-in-parts", 404, "This order is several reports", "Fetch that of each part."),
    Kind("method-not-allowed", 405, "This address does not do that", "Use a method from Allow."),
    Kind("conflict", 409, "Someone else was faster", "Read again, then decide.", retryable=True),
    Kind(
        "not-possible", 409, "The order does not allow that", "See detail for what to do instead."
    ),
    Kind(
        "key-reused",
        409,
        "This Idempotency-Key has ordered something else",
        "Send another order with another key, and the same order with the same body.",
    ),
    Kind(
        "link-expired",
        410,
        "This link has expired",
        "Open your page; its link is in the same mail.",
    ),
    Kind("erased", 410, "This customer's data has been erased", "Nothing can bring it back."),
    Kind("order-moved-on", 412, "The order is not as you saw it", "Look again, then decide."),
    Kind(
        "too-large", 413, "The body is larger than a megabyte", "Events and orders are far smaller."
    ),
    Kind("not-json", 415, "The body does not say that it is JSON", _SAY_JSON),
    Kind("bad-range", 416, "The report has no such bytes", "See Content-Range for its length."),
    Kind("invalid-request", 422, "Something is missing or invalid", "Correct what errors names."),
    Kind("reason-missing", 422, "Nothing is done without a reason", _SAY_WHY),
    Kind("refused", 422, "This cannot be done", "See detail; it will be refused again."),
    Kind("version-missing", 428, "Say which version you saw", "Send If-Match with its ETag."),
    Kind("too-many-tries", 429, "Too many tries to log in", _LATER, retryable=True),
    Kind("too-many-requests", 429, "Too many requests in a minute", _AGAIN, retryable=True),
    Kind("budget-used-up", 429, "This month's budget is used up", _NEXT_MONTH, retryable=True),
    Kind("internal", 500, "Something broke on our side", "Try again later.", retryable=True),
    Kind("too-many-streams", 503, "Too many wait here already", _AGAIN, retryable=True),
    Kind("unavailable", 503, "A part of the house is away", _AGAIN, retryable=True),
)
KINDS: Mapping[str, Kind] = {kind.slug: kind for kind in _KINDS}
# How every operation's other answers are described in /openapi.json.
DESCRIBED: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem (RFC 9457); see /problems.",
        "content": {
            "application/problem+json": {
                "schema": {
                    "type": "object",
                    "required": [
                        "type",
                        "title",
                        "status",
                        "retryable",
                        "next",
                        "errors",
                        "request_id",
                    ],
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
                                    "pointer": {
                                        "type": "string",
                                        "examples": ["/fields/birth_date"],
                                    },
                                    "message": {"type": "string"},
                                },
                            },
                        },
                        "request_id": {"type": "string"},
                    },
                },
                "example": {
                    "type": "/problems/order-not-found",
                    "title": KINDS["order-not-found"].title,
                    "status": 404,
                    "retryable": False,
                    "next": KINDS["order-not-found"].next,
                    "errors": [],
                    "request_id": "7c1f7c0e-4c6f-4f0b-9d50-0a3f7d7f3b11",
                },
            }
        },
    }
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
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        **({"detail": problem.detail} if problem.detail else {}),
        "retryable": kind.retryable,
        "next": kind.next,
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
