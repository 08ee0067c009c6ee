"""One worker's holding of one order: how it begins, notes facts, and ends."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from actors.tools import Tools
from events.envelope import Cause, kind_of
from events.errors import (
    DATABASE_AWAY,
    LedgerpressError,
    Unavailable,
    WrongExpectedVersion,
)
from events.facts import AttemptEnded, AttemptStarted
from events.order import Order, evolve
from events.plan import Product
from events.retry import fail, reason_of
from storage import tracing
from storage.history import History
from storage.leases import SILENT_SECONDS, Lease
from storage.telemetry import log, where
from storage.tracing import Kind, Span

# How long a worker keeps what it has made while Postgres is away. Shorter than a leg lies before its hard limit.
_FACT_SECONDS = 45.0
_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A nudge as the broker delivered it. ``id`` is the message's own, the same when it is delivered again."""

    order: str
    correlation: str
    id: str
    redelivered: bool = False


class Held(Exception):
    """Somebody else has the order, or its tenant has its fill at work."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One worker's holding of one order. ``leg_ends`` is on the monotonic clock.

    The order is taken with the first facts that are noted: until then there is no ``lease``, and nothing may be done
    that costs money or reaches anyone. ``handed_on``: it was let go with work left that can be done at once.

    ``span`` is told of as soon as the order is taken, so that what is done in an attempt that is killed hangs below
    something. ``trace`` continues the trace below the step that is being performed.
    """

    delivery: Delivery
    history: History
    cause: Cause
    tools: Tools
    leg_ends: float
    span: Span = field(default_factory=lambda: Span(""))
    lease: Lease | None = None
    trace: str = ""
    handed_on: bool = False
    waited: bool = False
    _begun: tuple[Order, Order] | None = None

    @property
    def known(self) -> Order:
        """The order as far as it is known here."""
        return self.history.order

    @property
    def order(self) -> Order:
        """The same, as if this attempt had begun already."""
        if self.lease:
            return self.history.order
        if self._begun is None or self._begun[0] is not self.history.order:
            self._begun = self.history.order, evolve(self.history.order, self._started)
        return self._begun[1]

    @property
    def ours(self) -> bool:
        """Whether nobody else has taken the order over, as far as is known."""
        return self.lease is not None and self.history.order.attempt == self.lease.fence

    @property
    def over(self) -> bool:
        """Whether the worker should let go now."""
        return self.tools.stopping.is_set() or time.monotonic() > self.leg_ends

    def note(self, *facts: Any, then: Callable[[Order], Iterable[Any]] = lambda _: ()) -> None:
        """Record what has just become true, or what is about to be done; all or none. Takes the order if need be.

        A fact is recorded whatever else happened meanwhile, and even if Postgres is away for some seconds: it has been
        paid for. An intent is not: ``WrongExpectedVersion`` says that it must be decided anew, before anything is
        spent. ``then`` tells what to record with them, from the order before them. Raises ``Held`` if the order cannot
        be taken, ``Fenced`` if it has passed to another worker, ``Unavailable`` if Postgres stays away.
        """
        if self.lease is None:
            self._take_up((*facts, *then(self.order)))
            return
        if not facts:
            return
        intent = any(kind_of(fact).intent for fact in facts)
        patience = time.monotonic() + (0.0 if intent else _FACT_SECONDS)
        while True:
            try:
                self._record((*facts, *then(self.order)), self.lease)
            except WrongExpectedVersion:
                if intent:
                    raise
                self.catch_up()
            except Unavailable:
                if time.monotonic() > patience:
                    raise
                time.sleep(_AGAIN_SECONDS)
            else:
                return

    def catch_up(self) -> None:
        """Learn what else has been recorded of the order."""
        self.history = self.tools.log.catch_up(self.history)

    def end(self) -> None:
        """Let go of an unfinished order; one that is finished, or parked, has been let go already."""
        if self.lease is None or not self.order.running:
            return
        why = "rest"
        if self.over:
            why = "stop" if self.tools.stopping.is_set() else "leg"
        self.note(AttemptEnded(number=self.order.attempt, why=why))
        self.handed_on = why != "rest"

    def fail(self, error: Exception, product: Product) -> bool:
        """Record that the attempt failed, and when the next one is due or that a person must look.

        Returns whether it is over: not if the order has changed before it could be taken. Raises ``error`` if Postgres
        is away before it was: nothing has been done, and nobody knows whose the order is.
        """
        if not isinstance(error, LedgerpressError):
            log.error("unforeseen error", order=self.order.id, **where(error))
        if self.lease is None and reason_of(error) == DATABASE_AWAY:
            raise error
        try:
            self.note(*fail(self.order, product, error, self.tools.clock()))
        except WrongExpectedVersion:
            return False
        return True

    @property
    def _started(self) -> AttemptStarted:
        return AttemptStarted(number=self.history.order.attempt + 1, worker=self.tools.name)

    def _record(self, facts: tuple[Any, ...], lease: Lease) -> None:
        self.history = self.tools.log.record(self.history, facts, self.cause, fence=lease.fence)

    def _take_up(self, facts: tuple[Any, ...]) -> None:
        taken = self.tools.log.take_up(
            self.history,
            [self._started, *facts],
            self.cause,
            holder=self.delivery.id,
            redelivered=self.delivery.redelivered,
        )
        if taken:
            self.history, self.lease = taken
            self.span.end(told={"ledgerpress.attempt": self.lease.fence})
            self.tools.leases.keep(self.lease)
            return
        known = self.history.order.version
        self.catch_up()
        if self.history.order.version == known:
            if self.waited or not self.delivery.redelivered:
                raise Held
            # Delivered again: its holder has died, or has only lost the broker. Its heartbeat tells in a moment.
            self.waited = True
            time.sleep(SILENT_SECONDS)
            self.catch_up()
        raise WrongExpectedVersion("the order could not be taken as it was known")


def begin(delivery: Delivery, product: Product, tools: Tools) -> Attempt | None:
    """Read the order, to be taken once there is something to note.

    ``None`` if another product's workers make it, or its customer has been forgotten before it could know.
    """
    history = tools.log.read(delivery.order)
    if history.sealer.erased:
        return None
    if history.order.placed and history.order.placed.product != product.name:
        return None  # a person has corrected what was ordered; its own worker is told too
    span = tracing.begin(
        tracing.Name.ATTEMPT,
        Kind.CONSUMER,
        tracing.of_order(delivery.order, history.trace),
        {
            "ledgerpress.order": delivery.order,
            "ledgerpress.product": product.name,
            "ledgerpress.redelivered": delivery.redelivered,
        },
    )
    cause = Cause(
        correlation=history.correlation,
        causation=delivery.id,
        actor=tools.name,
        trace=span.traceparent,
    )
    return Attempt(
        delivery=delivery,
        history=history,
        cause=cause,
        tools=tools,
        leg_ends=time.monotonic() + product.pacing.leg,
        span=span,
        trace=span.traceparent,
    )
