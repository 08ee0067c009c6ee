"""Carries out a step and yields the facts it made true, as soon as they are true."""

from collections.abc import Generator
from typing import Any, assert_never

from actors.attempt import Attempt
from actors.bundling import place_parts
from actors.gathering import gather
from actors.posting import mail
from actors.pressing import bind, compose, render
from actors.writing import write
from events.decide import (
    Bind,
    Compose,
    Deliver,
    Gather,
    Mail,
    Park,
    PlaceParts,
    Render,
    Step,
    Write,
)
from events.facts import AttentionNeeded, OrderDelivered
from events.plan import Product

_Single = Render | Bind | Compose | PlaceParts | Gather | Mail | Deliver | Park


def perform(step: Step, attempt: Attempt, product: Product) -> Generator[tuple[Any, ...]]:
    """Do what ``step`` says, in the world; yield together what became true at the same moment.

    The caller records what it gets before it asks for more, so an intent that is yielded is in the log before anything
    is spent on it, and the order is ours before anything is done. Closing the iterator abandons what is in flight.
    """
    if isinstance(step, Write):
        yield from write(step.sections, attempt, product)
    else:
        if isinstance(step, Render | Bind | Compose | PlaceParts):
            yield ()  # these announce nothing
        for fact in _one_by_one(step, attempt, product):
            yield (fact,)


def _one_by_one(step: _Single, attempt: Attempt, product: Product) -> Generator[Any]:
    match step:
        case Render(chunks):
            yield from render(chunks, attempt, product)
        case Bind(chunks):
            yield from bind(chunks, attempt, product)
        case Compose():
            yield compose(attempt, product)
        case PlaceParts(products):
            yield from place_parts(products, attempt)
        case Gather(parts):
            yield from gather(parts, attempt.order, attempt.tools)
        case Mail(name, doubtful):
            yield from mail(name, attempt, product, doubtful=doubtful)
        case Deliver(by):
            yield OrderDelivered(by=by)
        case Park(reason, detail, advice):
            number = attempt.order.attempt
            yield AttentionNeeded(reason=reason, attempt=number, detail=detail, advice=advice)
        case _:
            assert_never(step)
