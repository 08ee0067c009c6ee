"""Writes sections: one round of calls side by side, each answer recorded as it arrives."""

from collections.abc import Generator
from concurrent.futures import as_completed

from actors.attempt import Attempt
from events.errors import LedgerpressError, Refused
from events.order import SectionsAsked, SectionWritten
from events.plan import DocumentKind, Product, Section
from events.prompt import compose


def write(
    sections: tuple[Section, ...], attempt: Attempt, product: Product
) -> Generator[SectionsAsked | SectionWritten]:
    """Ask for ``sections`` at once; yield the intent, then each answer.

    Every answer that arrives is yielded, even if another call fails; then the worst error is raised.
    """
    order, tools = attempt.order, attempt.tools
    if order.sections:
        tools.rest(product.pacing.pause)
        if tools.stopping.is_set():
            return
    prompts = {section.name: compose(product, section, order) for section in sections}
    yield SectionsAsked(attempt=order.attempt, sections=tuple(prompts), model=tools.model.name)

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
        for call in as_completed(calls):
            try:
                answer = call.result()
            except LedgerpressError as error:
                errors.append(error)
                continue
            yield SectionWritten(
                section=calls[call],
                attempt=order.attempt,
                model=answer.model,
                tokens=answer.tokens,
                cost=answer.cost,
                milliseconds=answer.milliseconds,
                text=answer.text,
            )
    finally:
        for call in calls:
            call.cancel()
    if errors:
        raise min(errors, key=lambda error: not isinstance(error, Refused))
