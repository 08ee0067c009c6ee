"""Writes sections: one round of calls side by side, each answer recorded as it arrives."""

import math
import time
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import replace
from functools import partial

from actors.attempt import Attempt
from actors.replies import Failure, Reply
from actors.reserving import Round, over_month, report, reserve
from events import answers, form
from events.errors import Refused, Unavailable
from events.facts import CallFailed, SectionsAsked, SectionWritten
from events.money import NOTHING
from events.plan import DocumentKind, Product, Section
from storage import tracing
from storage.tracing import Kind, Span

Fact = SectionsAsked | SectionWritten | CallFailed

# How soon a refund, a dispute or a takeover ends the calls that it makes useless.
_LOOK_SECONDS = 0.5
# How long calls in flight may take once the process has been told to stop; shorter than the process then lives.
_LAST_SECONDS = 20.0


def write(
    sections: tuple[Section, ...], attempt: Attempt, product: Product
) -> Generator[tuple[Fact, ...]]:
    """Ask for ``sections`` at once; yield the intent, then how each call ended, and those together that ended together.

    Every answer that arrives is yielded, even if another call fails; then the worst error is raised. The calls are
    cancelled as soon as the log says that they are of no use any more: when the order has been refunded, say.
    """
    order, tools = attempt.order, attempt.tools
    if order.sections:
        tools.rest(product.pacing.pause)
        if tools.stopping.is_set():
            return
    made = reserve(sections, attempt, product)
    sections_asked = SectionsAsked(
        attempt=order.attempt, sections=tuple(made.prompts), model=made.model.name, most=made.most
    )
    yield (sections_asked,)
    if full := over_month(attempt):
        unmade = Failure(error=full)
        yield tuple(fact for name in made.prompts for fact in _facts(name, unmade, attempt, made))
        raise full

    spans = {name: _span(name, attempt, made) for name in made.prompts}
    keys = product.keys if product.document is DocumentKind.JSON else None
    calls = {
        made.model.ask(
            prompt,
            longest=made.longest[name],
            seconds=product.pacing.call_timeout,
            keys=keys,
            faults=partial(form.faults, section=product.section(name))
            if keys is None
            else partial(answers.faults, keys=keys),
            order=order.id,
            trace=spans[name].traceparent,
        ): name
        for name, prompt in made.prompts.items()
    }
    errors: list[Refused | Unavailable] = []
    try:
        for ended in _answered(calls, attempt):
            replies = [(calls[call], call.result()) for call in ended]
            for name, reply in replies:
                _tell(spans[name], reply)
            yield tuple(
                fact for name, reply in replies for fact in _facts(name, reply, attempt, made)
            )
            for _, reply in replies:
                report(made, reply, attempt)
                if isinstance(reply, Failure):
                    errors.append(reply.error)
    finally:
        for call, name in calls.items():
            call.cancel()
            spans[name].end("cancelled")
    if errors:
        raise min(errors, key=lambda error: not isinstance(error, Refused))


def _span(section: str, attempt: Attempt, made: Round) -> Span:
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": made.model.name,
        "ledgerpress.order": attempt.known.id,
        "ledgerpress.section": section,
    }
    return tracing.begin(tracing.Name.CALL, Kind.CLIENT, attempt.trace, told)


def _tell(span: Span, reply: Reply) -> None:
    told = {
        "gen_ai.usage.input_tokens": reply.tokens.prompt,
        "gen_ai.usage.output_tokens": reply.tokens.completion,
    }
    span.end(reply.error.reason if isinstance(reply, Failure) else "", told)


def _facts(section: str, reply: Reply, attempt: Attempt, made: Round) -> Generator[Fact]:
    failed = CallFailed(
        section=section,
        attempt=attempt.order.attempt,
        model=made.model.name,
        reason="model-away",
        tokens=NOTHING,
        cost=0,
        lost=reply.lost,
    )
    if isinstance(reply, Failure):
        yield replace(failed, reason=reply.error.reason, tokens=reply.tokens, cost=reply.cost)
        return
    yield SectionWritten(
        section=section,
        attempt=attempt.order.attempt,
        model=made.model.name,
        tokens=reply.tokens,
        cost=reply.cost,
        milliseconds=reply.milliseconds,
        text=reply.text,
    )
    if reply.lost:
        yield failed


def _answered(calls: Iterable[Future[Reply]], attempt: Attempt) -> Generator[list[Future[Reply]]]:
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
    if ended := [call for call in pending if call.done()]:
        yield ended


def _of_use(attempt: Attempt) -> bool:
    """Whether the order may be worked on, and by nobody but us."""
    return attempt.order.workable and attempt.ours


def _look(attempt: Attempt) -> None:
    """Learn what happened to the order while nothing was recorded of it here."""
    with suppress(Unavailable):  # the answer may well arrive when Postgres is back
        attempt.catch_up()
