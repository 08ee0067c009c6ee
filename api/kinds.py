"""Every kind of problem: the HTTP status it is told with, and what whoever gets it can do."""

from collections.abc import Mapping
from dataclasses import dataclass


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
        "The log has no such position, or the order no such version",
        "It is a cursor of something else, perhaps of the log that this was restored from: begin again at after=0.",
    ),
    Kind("bad-at", 400, "This is no moment", _NAME_MOMENT),
    Kind("bad-page", 400, "This is no page of the log", "Begin again, from the newest event on."),
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
assert len(KINDS) == len(_KINDS)  # or one would hide another
