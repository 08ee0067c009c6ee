"""Does to an order what a person asks for: at the version they saw, with their reason, its parts included."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from events.envelope import Cause
from events.errors import WrongExpectedVersion
from events.foresight import Preview, foresee
from events.interventions import Asked, Wish, intervene
from events.money import Rate
from events.order import Order
from events.plan import Product
from storage.history import History
from storage.parts import tell
from storage.record import Log

OPERATOR = "operator"


def by_person(request: str) -> Cause:
    """The cause of what a person does, by the request or command that says so."""
    return Cause(correlation=request, causation=request, actor=OPERATOR)


def carry_out(
    order_id: str,
    wish: Wish,
    reason: str,
    *,
    expected: int | None,
    now: datetime,
    cause: Cause,
    log: Log,
    catalogue: Mapping[str, Product],
) -> Order:
    """Record what ``wish`` leads to, if the order is still at version ``expected``; return it as it then is.

    Raises ``WrongExpectedVersion`` if it has moved on, ``Refused`` with the reason why it cannot be done, ``NotFound``.
    """
    history = _seen(order_id, expected, log)
    asked = Asked(wish=wish, reason=reason, now=now, erased=history.sealer.erased)
    facts = intervene(history.order, asked, catalogue)
    after = log.record(history, facts, cause)
    if not after.wrote and not _ours(log, history.order, facts):
        raise WrongExpectedVersion("somebody else did something to this order at the same moment")
    tell(after.order, cause, log)
    return after.order


def look_ahead(
    order_id: str,
    wish: Wish,
    *,
    expected: int | None,
    now: datetime,
    rate: Rate,
    log: Log,
    catalogue: Mapping[str, Product],
) -> tuple[Order, Preview]:
    """The order, and what ``wish`` would lead to. Records nothing; raises as ``carry_out`` does."""
    history = _seen(order_id, expected, log)
    asked = Asked(wish=wish, reason="", now=now, erased=history.sealer.erased)
    intervene(history.order, asked, catalogue)
    return history.order, foresee(history.order, wish, catalogue, rate)


def _seen(order_id: str, expected: int | None, log: Log) -> History:
    history = log.read(order_id)
    version = history.order.version
    if expected not in (None, version):
        message = f"the order is at version {version} by now, not {expected}"
        raise WrongExpectedVersion(message)
    return history


def _ours(log: Log, before: Order, facts: Sequence[Any]) -> bool:
    """Whether what stands in the log after ``before`` is just this: our own, of which the answer was lost."""
    recorded = log.recorded(before.id)[before.version :][: len(facts)]
    return [each.event for each in recorded] == list(facts)
