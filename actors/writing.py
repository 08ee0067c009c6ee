"""Writes sections: one round of calls side by side, each answer recorded as it arrives."""

import math
import time
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress

from actors.attempt import Attempt
from actors.model import Answer
from events.errors import LedgerpressError, Refused, Unavailable
from events.order import SectionsAsked, SectionWritten
from events.plan import DocumentKind, Product, Section
from events.prompt import compose

# How soon a refund, a dispute or a takeover ends the calls that it makes useless.
_LOOK_SECONDS = 0.5
# How long calls in flight may take once the process has been told to stop; shorter than the process then lives.
_LAST_SECONDS = 20.0


def write(
    sections: tuple[Section, ...], attempt: Attempt, product: Product
) -> Generator[tuple[SectionsAsked | SectionWritten, ...]]:
    """Ask for ``sections`` at once; yield the intent, then each answer, and those together that came together.

    Every answer that arrives is yielded, even if another call fails; then the worst error is raised. The calls are
    cancelled as soon as the log says that they are of no use any more: when the order has been refunded, say.
    """
    order, tools = attempt.order, attempt.tools
    if order.sections:
        tools.rest(product.pacing.pause)
        if tools.stopping.is_set():
            return
    prompts = {section.name: compose(product, section, order) for section in sections}
    yield (SectionsAsked(attempt=order.attempt, sections=tuple(prompts), model=tools.model.name),)

    calls = {
        tools.model.ask(
            prompt,
            seconds=product.pacing.call_timeout,
            as_json=product.document is DocumentKind.JSON,
            order=order.id,
        ): name
        for name, prompt in prompts.items()
    }
    errors: list[LedgerpressError] = []
    try:
        for ended in _answered(calls, attempt):
            written: list[SectionWritten] = []
            for call in ended:
                try:
                    answer = call.result()
                except LedgerpressError as error:
                    errors.append(error)
                    continue
                written.append(_written(calls[call], answer, order.attempt))
            if written:
                yield tuple(written)
    finally:
        for call in calls:
            call.cancel()
    if errors:
        raise min(errors, key=lambda error: not isinstance(error, Refused))


def _written(section: str, answer: Answer, attempt: int) -> SectionWritten:
    return SectionWritten(
        section=section,
        attempt=attempt,
        model=answer.model,
        tokens=answer.tokens,
        cost=answer.cost,
        milliseconds=answer.milliseconds,
        text=answer.text,
    )


def _answered(calls: Iterable[Future[Answer]], attempt: Attempt) -> Generator[list[Future[Answer]]]:
    """Yield the calls that have ended since, in the order they were asked, while they are still of use.

    When the process is told to stop, calls in flight may finish, but not for ever: what takes longer is cancelled, and
    asked again by whoever takes the order up.
    """
    pending = list(calls)
    patience = math.inf
    while pending and _of_use(attempt) and time.monotonic() < patience:
        if attempt.tools.stopping.is_set():
            patience = min(patience, time.monotonic() + _LAST_SECONDS)
        wait(pending, _LOOK_SECONDS, FIRST_COMPLETED)
        if ended := [call for call in pending if call.done()]:
            pending = [call for call in pending if call not in ended]
            yield ended
        else:
            _look(attempt)
    # What has arrived is paid for, and recorded, even if it is of no use any more.
    yield [call for call in pending if call.done()]


def _of_use(attempt: Attempt) -> bool:
    """Whether the order may be worked on, and by nobody but us."""
    return attempt.order.workable and attempt.order.attempt == attempt.lease.fence


def _look(attempt: Attempt) -> None:
    """Learn what happened to the order while nothing was recorded of it here."""
    with suppress(Unavailable):  # the answer may well arrive when Postgres is back
        attempt.catch_up()
