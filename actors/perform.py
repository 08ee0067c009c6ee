"""Carries out a step and yields the facts it made true, each as soon as it is true."""

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
from events.order import AttentionNeeded, OrderDelivered
from events.plan import Product


def perform(step: Step, attempt: Attempt, product: Product) -> Generator[Any]:
    """Do what ``step`` says, in the world.

    The caller records each fact before it asks for the next, so an intent that is yielded is in the log before
    anything is spent on it. Closing the iterator abandons what is in flight.
    """
    match step:
        case Write(sections):
            yield from write(sections, attempt, product)
        case Render(chunks):
            yield from render(chunks, attempt, product)
        case Bind(chunks):
            yield bind(chunks, attempt, product)
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
