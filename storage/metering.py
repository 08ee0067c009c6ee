"""Counts what is recorded: every figure about an order's making is one of the log's own facts."""

from collections.abc import Container, Iterable
from datetime import UTC, datetime
from typing import Any

from events.envelope import kind_of
from events.facts import AttemptFailed, AttentionNeeded, CallFailed, OrderDelivered, SectionWritten
from events.money import Tokens
from events.order import Order
from storage.metrics import (
    ATTENTION,
    CALLS,
    COST,
    EVENTS,
    FAILED,
    LOST,
    ORDER,
    SECTION,
    TOKENS,
    labelled,
)

_ANSWERED = "answered"
# What was ordered comes from outside: what we do not sell has one name.
_OTHER = "other"
_MILLION = 1_000_000


def meter(order: Order, events: Iterable[Any], catalogue: Container[str]) -> None:
    """Count ``events``, which have just been recorded and have made ``order`` what it is."""
    product = order.placed.product if order.placed else _OTHER
    if product not in catalogue:
        product = _OTHER
    for event in events:
        labelled(EVENTS, product, kind_of(event).name).inc()
        match event:
            case SectionWritten(model=model, tokens=tokens, cost=cost, milliseconds=taken):
                labelled(CALLS, product, model, _ANSWERED).inc()
                labelled(SECTION, product).observe(taken / 1000)
                _spend(product, model, tokens, cost)
            case CallFailed(model=model, reason=reason, tokens=tokens, cost=cost, lost=lost):
                labelled(CALLS, product, model, reason).inc()
                labelled(LOST, model).inc(lost)
                _spend(product, model, tokens, cost)
            case AttemptFailed(reason=reason):
                labelled(FAILED, product, reason).inc()
            case AttentionNeeded(reason=reason):
                labelled(ATTENTION, product, reason).inc()
            case OrderDelivered() if order.placed:
                began = datetime.fromisoformat(order.since or order.placed.at)
                waited = datetime.now(UTC) - began
                labelled(ORDER, product).observe(waited.total_seconds())


def _spend(product: str, model: str, tokens: Tokens, cost: int) -> None:
    labelled(TOKENS, product, model, "read").inc(tokens.prompt)
    labelled(TOKENS, product, model, "written").inc(tokens.completion)
    labelled(COST, product, model).inc(cost / _MILLION)
