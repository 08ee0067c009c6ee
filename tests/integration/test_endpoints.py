"""The circuit breaker and the allowances, over real Postgres: all workers see the same, by one clock."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from storage.database import rows
from storage.endpoints import Endpoints, Permit, Want, conditions
from storage.record import Log

ENDPOINT = "gpt-4.1-mini at model.example"
WELL = Permit(calls=None, wait=0.0, shaky=False)


@pytest.fixture
def endpoints(orders_log: Log) -> Endpoints:
    return Endpoints(orders_log.engine)


def fail(endpoints: Endpoints, times: int, *, permit: Permit = WELL, after: float = 0.0) -> None:
    for _ in range(times):
        endpoints.report(ENDPOINT, permit, ok=False, after=after)


@pytest.fixture
def let_time_pass(orders_log: Log) -> Callable[[float], None]:
    """Puts every moment that is kept into the past, by some seconds."""

    def rewind(seconds: float) -> None:
        with orders_log.engine.connect() as connection:
            connection.exec_driver_sql("set role none")
            for table, column in (("endpoints", "open_until"), ("allowances", "full_at")):
                connection.exec_driver_sql(
                    f"update ledgerpress.{table} set {column} = {column} - interval '{seconds} s'"
                )
            connection.exec_driver_sql("reset role")

    return rewind


@pytest.fixture
def moment(orders_log: Log) -> Callable[[], datetime]:
    """The time, by the clock that counts."""

    def now() -> datetime:
        (row,) = rows(orders_log.engine, text("select clock_timestamp()"))
        found: datetime = row[0]
        return found

    return now


def open_until(log: Log) -> datetime:
    until = conditions(log.engine)[ENDPOINT].open_until
    assert until
    return until


def test_an_endpoint_nobody_has_complained_of_may_be_called(endpoints: Endpoints) -> None:
    assert endpoints.permit(ENDPOINT) == WELL


def test_five_failures_in_a_row_open_the_breaker_for_all_workers(
    endpoints: Endpoints,
    orders_log: Log,
    moment: Callable[[], datetime],
    let_time_pass: Callable[[float], None],
) -> None:
    fail(endpoints, 4)
    assert endpoints.permit(ENDPOINT).calls is None

    before = moment()
    fail(endpoints, 1)
    after, until = moment(), open_until(orders_log)

    assert until - after <= timedelta(seconds=5) <= until - before
    let_time_pass(-60)  # none of what follows comes too late
    permit = Endpoints(orders_log.engine).permit(ENDPOINT)
    assert permit.calls == 0
    assert 0 < permit.wait <= 65
    assert endpoints.permit("another endpoint") == WELL


def test_a_success_in_between_starts_the_count_anew(endpoints: Endpoints) -> None:
    fail(endpoints, 4)
    endpoints.report(ENDPOINT, endpoints.permit(ENDPOINT), ok=True)
    fail(endpoints, 4)

    assert endpoints.permit(ENDPOINT).calls is None


def test_when_its_time_is_over_one_call_may_try_and_nobody_else(
    endpoints: Endpoints, let_time_pass: Callable[[float], None]
) -> None:
    fail(endpoints, 5)
    let_time_pass(6)

    with ThreadPoolExecutor(8) as workers:
        permits = list(workers.map(endpoints.permit, [ENDPOINT] * 8))

    assert sorted(permit.calls or 0 for permit in permits) == [0] * 7 + [1]


def test_a_probe_that_succeeds_closes_the_breaker(
    endpoints: Endpoints, let_time_pass: Callable[[float], None]
) -> None:
    fail(endpoints, 5)
    let_time_pass(6)

    endpoints.report(ENDPOINT, endpoints.permit(ENDPOINT), ok=True)

    assert endpoints.permit(ENDPOINT) == WELL


def test_a_probe_that_fails_opens_it_for_twice_as_long(
    endpoints: Endpoints,
    orders_log: Log,
    moment: Callable[[], datetime],
    let_time_pass: Callable[[float], None],
) -> None:
    fail(endpoints, 5)
    let_time_pass(6)

    before = moment()
    fail(endpoints, 1, permit=endpoints.permit(ENDPOINT))
    after, until = moment(), open_until(orders_log)

    assert until - after <= timedelta(seconds=10) <= until - before


def test_a_probe_whose_prober_died_is_made_again(
    endpoints: Endpoints, let_time_pass: Callable[[float], None]
) -> None:
    fail(endpoints, 5)
    let_time_pass(6)
    assert endpoints.permit(ENDPOINT).probing

    let_time_pass(31)

    assert endpoints.permit(ENDPOINT).probing


def test_it_stays_open_for_as_long_as_the_other_side_asked(endpoints: Endpoints) -> None:
    fail(endpoints, 5, after=90)

    assert 60 < endpoints.permit(ENDPOINT).wait <= 90


def test_calls_that_fail_while_it_is_open_do_not_open_it_for_longer(
    endpoints: Endpoints, orders_log: Log, let_time_pass: Callable[[float], None]
) -> None:
    fail(endpoints, 5)
    let_time_pass(-60)  # however long the others take
    before = open_until(orders_log)

    fail(endpoints, 20)

    assert open_until(orders_log) == before


def test_an_allowance_gives_a_minutes_worth_and_then_as_it_is_renewed(
    endpoints: Endpoints, let_time_pass: Callable[[float], None]
) -> None:
    want = Want("requests", 1, 2)
    assert [endpoints.take([want]) for _ in range(2)] == [0.0] * 2

    assert 0 < endpoints.take([want]) <= 30
    let_time_pass(30)
    assert endpoints.take([want]) == 0


def test_all_allowances_are_taken_or_none(endpoints: Endpoints) -> None:
    plenty, scarce = Want("requests", 300, 1000), Want("tokens", 500, 600)
    assert endpoints.take([plenty, scarce]) == 0

    waits = [endpoints.take([plenty, scarce]) for _ in range(2)]

    assert all(0 < wait <= 40 for wait in waits)
    assert endpoints.take([Want("requests", 700, 1000)]) == 0


def test_what_is_more_than_a_minutes_worth_passes_when_nothing_else_has(
    endpoints: Endpoints,
) -> None:
    assert endpoints.take([Want("tokens", 5000, 600)]) == 0

    assert endpoints.take([Want("tokens", 1, 600)]) > 400


def test_many_workers_together_get_no_more_than_there_is(endpoints: Endpoints) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(8) as workers:
        waits = list(workers.map(endpoints.take, [[Want("requests", 1, 30)]] * 64))
    renewed = (time.monotonic() - began) / 2  # one every two seconds

    assert 30 <= waits.count(0.0) <= 31 + renewed
