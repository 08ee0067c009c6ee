"""The loop: lease, fold, decide, perform, record. All the rest of the house is arranged around it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import Enum, auto
from functools import partial

from actors.attempt import Attempt, Delivery, Held, begin
from actors.perform import perform
from actors.tools import Tools
from events.decide import Step, decide, foregone
from events.errors import Fenced, WrongExpectedVersion
from events.plan import Product
from events.retry import reason_of
from storage import tracing
from storage.telemetry import log
from storage.tracing import Kind


class Outcome(Enum):
    """What became of a leg: there was nothing to do, it is done for now, or there is more to do at once."""

    IDLE = auto()
    DONE = auto()
    MORE = auto()


def fulfil(delivery: Delivery, product: Product, tools: Tools) -> Outcome:
    """Do whatever the log does not say is done, for one leg.

    Safe to run twice and safe to kill: each fact is recorded as soon as it is true, and a worker that has lost its
    lease can record nothing. Raises only if not even the failure could be recorded; the message then goes back.
    """
    attempt = begin(delivery, product, tools)
    if attempt is None:
        return Outcome.IDLE
    with tools.limits.within(product.pacing.hard_limit):
        try:
            _work(attempt, product)
        except Held:
            return Outcome.IDLE
        except Fenced:
            log.warning("another worker has the order", order=delivery.order)
        finally:
            if attempt.lease:
                tools.leases.forget(attempt.lease)
    if attempt.lease is None:
        # Told to stop before it was taken: the message is somebody else's to see to.
        return Outcome.MORE if tools.stopping.is_set() else Outcome.IDLE
    return Outcome.MORE if attempt.handed_on else Outcome.DONE


def _work(attempt: Attempt, product: Product) -> None:
    while True:
        try:
            now = attempt.tools.clock()
            # As it stands, and as it will when it is taken up: what waits is not, and a crash counts.
            step = decide(attempt.known, product, now) and decide(attempt.order, product, now)
            moved = False
            if step and not attempt.over:
                with _traced(step, attempt), closing(perform(step, attempt, product)) as done:
                    for facts in done:
                        follows = partial(foregone, facts=facts, product=product, now=now)
                        attempt.note(*facts, then=follows)
                        moved = True
            if not moved:
                attempt.end()
                return
        except WrongExpectedVersion:
            attempt.catch_up()  # something else has happened to the order: decide again
        except (Fenced, Held):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the log must say so
            if attempt.fail(error, product):
                return


@contextmanager
def _traced(step: Step, attempt: Attempt) -> Iterator[None]:
    """A span for the step, unless the order could not even be taken for it."""
    span = tracing.begin(
        f"{tracing.Name.STEP} {type(step).__name__.lower()}",
        Kind.INTERNAL,
        attempt.span.traceparent,
        {"ledgerpress.order": attempt.known.id},
    )
    attempt.trace = span.traceparent
    try:
        yield
    except Exception as error:
        if attempt.lease:
            span.end(reason_of(error))
        raise
    else:
        span.end()
    finally:
        attempt.trace = attempt.span.traceparent
