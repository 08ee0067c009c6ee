"""Projections across orders: fed from sealed events, rebuilt beside the live ones, and always what the log says."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from events.envelope import Cause
from events.estimates import ENOUGH
from events.facts import MailSent, OrderDelivered, PaymentRefunded
from events.folding import Key
from events.money import Money
from events.projections import PROJECTIONS
from events.projections.durations import STAGES
from storage import estimates, rebuilding
from storage.record import Log
from storage.sums import sums
from tests.examples import asked, bound, paid, placed, started, written
from tests.projecting import feed_all, projector

CAUSE = Cause(correlation="c", causation="c", actor="test")
SECTIONS = ("section-001", "section-002", "section-003", "section-004")


def order_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def history(number: int) -> list[Any]:
    """What happens to an order; every third one is not finished, every fifth refunded."""
    sections = SECTIONS if number % 3 else SECTIONS[:2]
    begun = [placed(session=f"cs_{number}", intent=f"pi_{number}"), paid(), started()]
    made = [asked(*SECTIONS), *(written(name) for name in sections)]
    ended = [bound(), MailSent(mail="report", message_id="<x@y>"), OrderDelivered(by="mail")]
    back = [PaymentRefunded(amount=Money(4900, "usd"), full=True)] if number % 5 == 0 else []
    return [*begun, *made, *(ended if number % 3 else []), *back]


def record(log: Log, number: int, events: list[Any] | None = None, at_once: int = 1) -> None:
    facts = history(number) if events is None else events
    subject = UUID(placed().subject)
    story = log.begin(order_id(number), subject)
    for first in range(0, len(facts), at_once):
        story = log.record(story, facts[first : first + at_once], CAUSE)


def everything(log: Log) -> Mapping[str, Mapping[Key, int]]:
    return {name: sums(log.engine, name).amounts for name in PROJECTIONS}


def remembered(log: Log) -> list[Any]:
    query = """
        select g.projection, m.stream, m.memory from ledgerpress_views.memories m
        join ledgerpress_views.generations g using (generation) where g.use = 'live' order by 1, 2
    """
    with log.engine.connect() as connection:
        return list(connection.execute(text(query)))


def test_what_is_fed_in_small_batches_is_what_a_rebuild_makes_to_the_byte(
    orders_log: Log, database: str
) -> None:
    for number in range(10):
        record(orders_log, number)
        feed_all(orders_log.engine, database, most=7)
    fed, known = everything(orders_log), remembered(orders_log)

    with projector(database) as ours:
        steps = list(rebuilding.rebuild(ours, list(PROJECTIONS)))

    assert steps[-1].done == steps[-1].total > 0
    assert everything(orders_log) == fed
    assert remembered(orders_log) == known
    assert all(fed.values())


def test_an_estimate_is_read_from_what_was_delivered(orders_log: Log, database: str) -> None:
    for number in range(ENOUGH * 2):
        record(orders_log, number, at_once=20)
    feed_all(orders_log.engine, database)

    found = estimates.read(orders_log.engine, datetime.now(UTC))["life_clarity"]

    assert found.ready is not None
    assert found.ready.number == 13
    assert set(found.sections) == set(SECTIONS)
    assert set(found.stages) == set(STAGES)
