"""What a failed attempt leads to: another one later, or a person."""

from datetime import datetime, timedelta

from events.errors import DATABASE_AWAY, LedgerpressError, Unavailable
from events.facts import AttemptFailed, AttentionNeeded
from events.order import Order
from events.plan import Product

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)


def fail(
    order: Order, product: Product, error: Exception, now: datetime
) -> tuple[AttemptFailed | AttentionNeeded, ...]:
    """The facts to record after ``error`` ended the running attempt.

    What will not help again (``Refused``) is not tried again. Where the other side named a time, it is kept and costs
    no attempt; neither does an absence of Postgres. Everything else is tried again after 30 s, 60 s, 120 s ..., as
    often as the product's ``attempts`` say. Nothing is tried again once the product's deadline has passed, counted from
    the payment or from when a person let it go on.
    """
    reason = reason_of(error)
    detail = str(error) if isinstance(error, LedgerpressError) else type(error).__name__
    asked_to_wait = error.retry_after if isinstance(error, Unavailable) else None
    final = isinstance(error, LedgerpressError) and not isinstance(error, Unavailable)
    spent = asked_to_wait is None and reason != DATABASE_AWAY
    if spent and order.failures + 1 >= product.attempts:
        final = True
    if order.since and now > datetime.fromisoformat(order.since) + _deadline(product):
        final = True
    wait = (
        FIRST_WAIT * 2**order.failures
        if asked_to_wait is None
        else timedelta(seconds=min(max(asked_to_wait, 1.0), LONGEST_WAIT.total_seconds()))
    )
    failed = AttemptFailed(
        number=order.attempt,
        reason=reason,
        detail=detail,
        retry_at="" if final else (now + min(wait, LONGEST_WAIT)).isoformat(),
        spent=spent,
    )
    if not final:
        return (failed,)
    advice = "Mend the cause, then retry the order; or refund and cancel it."
    return failed, AttentionNeeded(
        reason=reason, attempt=order.attempt, detail=detail, advice=advice
    )


def reason_of(error: Exception) -> str:
    """Why an attempt ended, in a word."""
    return error.reason if isinstance(error, LedgerpressError) else "unforeseen"


def _deadline(product: Product) -> timedelta:
    return timedelta(seconds=product.pacing.deadline)
