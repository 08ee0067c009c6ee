"""Projections over a Postgres that is shut down at once, again and again, while they are fed and rebuilt."""

import uuid
from contextlib import ExitStack, suppress

import pytest

from events.envelope import Cause
from events.errors import Unavailable
from events.products import CATALOGUE
from events.projections import PROJECTIONS
from storage import rebuilding, schema
from storage.opening import opened
from storage.rebuilding import Different
from storage.record import Log
from storage.settings import read_from
from storage.sums import standings, sums
from tests.acceptance.services import own
from tests.examples import asked, paid, placed, started, written
from tests.projecting import feed_all, projector
from tests.running import keeper
from tests.waiting import until

pytestmark = pytest.mark.acceptance

CAUSE = Cause(correlation="c", causation="c", actor="test")


def test_a_postgres_that_is_shut_down_at_once_costs_no_sum(environment: dict[str, str]) -> None:
    with ExitStack() as held:
        postgres = held.enter_context(own("postgres"))
        database = schema.made_afresh(postgres.url, "projecting")
        schema.upgrade(database)
        told = {**environment, "DATABASE_URL": database}
        log = held.enter_context(opened(read_from(told), CATALOGUE))

        def order() -> None:
            name = str(uuid.uuid4())
            history = log.begin(name, uuid.UUID(placed().subject))
            made = [asked("section-001"), written("section-001")]
            log.record(history, [placed(session=f"cs_{name}"), paid(), started(), *made], CAUSE)

        process = keeper(told)
        held.callback(process.wait)
        held.callback(process.kill)
        orders = 0
        for number in range(4):
            for _ in range(25):
                order()
                orders += 1
            with projector(database) as ours:
                rebuilding.begin(ours, list(PROJECTIONS))
                rebuilding.go_on(ours, list(PROJECTIONS), most=20 * number)
            postgres.crash()
            postgres.start()
            until(lambda: reached(log))

        def counted() -> int:
            used = sums(log.engine, "usage").amounts
            return sum(amount for key, amount in used.items() if key[3] == "orders")

        def fed() -> bool:
            """What the killed keeper had locked is passed over until Postgres has noticed that it is gone."""
            feed_all(log.engine, database)
            return counted() == orders

        until(lambda: all(each.rebuilding is None for each in standings(log.engine)))
        until(counted)
        process.kill()
        until(fed)
        with projector(database) as ours:
            found = [
                each
                for each in rebuilding.check(ours, list(PROJECTIONS))
                if isinstance(each, Different)
            ]
        in_the_end = counted()

    assert all(not each.sums and not each.streams for each in found)
    assert in_the_end == orders == 100


def reached(log: Log) -> bool:
    with suppress(Unavailable):
        standings(log.engine)
        return True
    return False
