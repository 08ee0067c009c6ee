"""One worker's holding of one order: how it begins, notes facts, and ends."""

import time
from dataclasses import dataclass
from typing import Any

from actors.gathering import gather
from actors.tools import Tools
from events.decide import Gather, Step, decide
from events.envelope import Cause, kind_of
from events.errors import LedgerpressError, Unavailable, WrongExpectedVersion
from events.order import AttemptEnded, AttemptStarted, Order
from events.plan import Product
from events.retry import fail
from storage.leases import SILENT_SECONDS, Lease
from storage.record import History, stream_of
from storage.telemetry import log, where

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


@dataclass(slots=True, kw_only=True)
class Attempt:
    """An order that this worker holds. ``leg_ends`` is on the monotonic clock.

    ``handed_on``: it was let go with work left that can be done at once.
    """

    history: History
    lease: Lease
    cause: Cause
    tools: Tools
    leg_ends: float
    handed_on: bool = False

    @property
    def order(self) -> Order:
        """The order as far as it is known here."""
        return self.history.order

    @property
    def over(self) -> bool:
        """Whether the worker should let go now."""
        return self.tools.stopping.is_set() or time.monotonic() > self.leg_ends

    def note(self, *facts: Any) -> None:
        """Record what has just become true, or what is about to be done; all or none.

        A fact is recorded whatever else happened meanwhile, and even if Postgres is away for some seconds: it has been
        paid for. An intent is not: ``WrongExpectedVersion`` says that it must be decided anew, before anything is
        spent. Raises ``Fenced`` if the order has passed to another worker, ``Unavailable`` if Postgres stays away.
        """
        intent = any(kind_of(fact).intent for fact in facts)
        patience = time.monotonic() + (0.0 if intent else _FACT_SECONDS)
        while True:
            try:
                if self._noted(facts, intent=intent):
                    return
            except Unavailable:
                if time.monotonic() > patience:
                    raise
                time.sleep(_AGAIN_SECONDS)

    def _noted(self, facts: tuple[Any, ...], *, intent: bool) -> bool:
        try:
            self.history = self.tools.log.record(
                self.history, facts, self.cause, fence=self.lease.fence
            )
        except WrongExpectedVersion:
            if intent:
                raise
            self.catch_up()
            return False
        return True

    def catch_up(self) -> None:
        """Learn what else has been recorded of the order."""
        self.history = self.tools.log.catch_up(self.history)

    def end(self) -> None:
        """Let go of an unfinished order; one that is finished, or parked, has been let go already."""
        if not self.order.running:
            return
        why = "rest"
        if self.over:
            why = "stop" if self.tools.stopping.is_set() else "leg"
        self.note(AttemptEnded(number=self.order.attempt, why=why))
        self.handed_on = why != "rest"

    def fail(self, error: Exception, product: Product) -> None:
        """Record that the attempt failed, and when the next one is due or that a person must look."""
        if not isinstance(error, LedgerpressError):
            log.error("unforeseen error", order=self.order.id, **where(error))
        self.note(*fail(self.order, product, error, self.tools.clock()))


def begin(delivery: Delivery, product: Product, tools: Tools) -> Attempt | None:
    """Take the order, if there is something to do and nobody else has it."""
    history = tools.log.read(delivery.order)
    if history.order.placed and history.order.placed.product != product.name:
        return None  # a person has corrected what was ordered; its own worker is told too
    waited = False
    while _worth_it(decide(history.order, product, tools.clock()), history.order, tools):
        lease = tools.leases.take(
            stream_of(delivery.order),
            history.order.version,
            tenant=history.order.placed.tenant if history.order.placed else "",
            holder=delivery.id,
            redelivered=delivery.redelivered,
        )
        if lease:
            attempt = Attempt(
                history=history,
                lease=lease,
                cause=Cause(
                    correlation=history.correlation, causation=delivery.id, actor=tools.name
                ),
                tools=tools,
                leg_ends=time.monotonic() + product.pacing.leg,
            )
            try:
                attempt.note(AttemptStarted(number=lease.fence, worker=tools.name))
            except BaseException:
                tools.leases.forget(lease)
                raise
            return attempt
        newer = tools.log.catch_up(history)
        if newer.order.version == history.order.version:
            if waited or not delivery.redelivered:
                return None
            # Delivered again: its holder has died, or has only lost the broker. Its heartbeat tells in a moment.
            waited = True
            time.sleep(SILENT_SECONDS)
        history = newer
    return None


def _worth_it(step: Step | None, order: Order, tools: Tools) -> bool:
    """Whether there is something to do; a bundle of whose parts there is no news is left to rest."""
    if isinstance(step, Gather):
        return any(True for _ in gather(step.parts, order, tools))
    return step is not None
