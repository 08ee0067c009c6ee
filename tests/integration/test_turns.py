"""Whose turn it is: tenants take turns, priorities count, and nobody has more at work than they may."""

import uuid
from typing import Any

import pytest
from sqlalchemy import text

from events.envelope import Cause
from events.facts import AttemptEnded
from storage import record, tenants
from storage.leases import Lease, Leases
from storage.outbox import due
from storage.record import Log
from tests.examples import SUBJECT, failed, paid, placed
from tests.taking import take_up

CAUSE = Cause(correlation="c-1", causation="m-1", actor="test")
PRODUCT = "life_clarity"


@pytest.fixture
def leases(orders_log: Log) -> Leases:
    return Leases(orders_log.engine)


@pytest.fixture(autouse=True)
def for_as_long_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's heart beats here: what is held must stay so however long a test takes."""
    monkeypatch.setattr(record, "LEASE_SECONDS", 3600.0)


@pytest.fixture(autouse=True)
def acme(orders_log: Log) -> None:
    tenants.add(orders_log.engine, "acme", "Acme")


def place(log: Log, tenant: str, number: int, **changes: Any) -> str:
    order = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{tenant}/{number}"))
    history = log.begin(order, uuid.UUID(SUBJECT))
    wanted = placed(tenant=tenant, session=f"cs_{tenant}_{number}", **changes)
    log.record(history, [wanted, paid()], CAUSE)
    return order


def let_go(log: Log, order: str, lease: Lease) -> None:
    ended = AttemptEnded(number=lease.fence, why="leg")
    log.record(log.read(order), [ended], CAUSE, fence=lease.fence)


def test_the_tenant_who_has_waited_longest_goes_first_whoever_was_called(
    orders_log: Log, leases: Leases
) -> None:
    noisy = [place(orders_log, "default", number) for number in range(5)]
    first = take_up(orders_log, noisy[0])
    quiet = place(orders_log, "acme", 1)

    assert leases.turn(PRODUCT, noisy[1]) == quiet
    assert leases.turn(PRODUCT, quiet) == quiet
    assert first


def test_tenants_with_waiting_orders_take_turns(orders_log: Log, leases: Leases) -> None:
    for number in range(4):
        place(orders_log, "default", number)
        place(orders_log, "acme", number)
    last = place(orders_log, "default", 9)

    owners = []
    for _ in range(6):
        order = leases.turn(PRODUCT, last)
        assert order
        owners.append(orders_log.read(order).order.placed.tenant)  # type: ignore[union-attr]
        assert take_up(orders_log, order)

    assert owners in (["acme", "default"] * 3, ["default", "acme"] * 3)


def test_within_a_tenant_the_order_that_was_placed_first_keeps_its_place(
    orders_log: Log, leases: Leases
) -> None:
    old, new = (place(orders_log, "default", number) for number in range(2))
    lease = take_up(orders_log, old)
    assert lease
    let_go(orders_log, old, lease)

    assert leases.turn(PRODUCT, new) == old


def test_a_step_of_priority_is_worth_a_minute(orders_log: Log, leases: Leases) -> None:
    tenants.change(orders_log.engine, "acme", {"priority": 4})
    urgent, other = place(orders_log, "acme", 1), place(orders_log, "default", 1)
    again = place(orders_log, "acme", 2)
    assert leases.turn(PRODUCT, other) == urgent
    assert take_up(orders_log, urgent)
    assert leases.turn(PRODUCT, other) == other
    assert take_up(orders_log, other)

    assert leases.turn(PRODUCT, again) == again


def test_a_tenant_has_no_more_at_work_than_it_may(orders_log: Log, leases: Leases) -> None:
    tenants.change(orders_log.engine, "acme", {"at_work": 2})
    first, second, third = (place(orders_log, "acme", number) for number in range(3))
    held = take_up(orders_log, first)
    assert held
    assert take_up(orders_log, second)

    assert take_up(orders_log, third) is None
    other = place(orders_log, "default", 1)
    assert leases.turn(PRODUCT, third) == other

    let_go(orders_log, first, held)
    assert take_up(orders_log, third)


def test_whoever_lets_go_calls_the_next_order_of_a_limited_tenant(orders_log: Log) -> None:
    tenants.change(orders_log.engine, "acme", {"at_work": 1})
    first, second = (place(orders_log, "acme", number) for number in range(2))
    lease = take_up(orders_log, first)
    assert lease
    with orders_log.engine.connect() as connection:
        connection.execute(text("delete from outbox"))

    let_go(orders_log, first, lease)

    assert second in [letter.order for letter in due(orders_log.engine)]


def test_orders_that_wait_for_a_retry_or_are_held_are_nobodys_turn(
    orders_log: Log, leases: Leases
) -> None:
    waiting = place(orders_log, "acme", 1)
    lease = take_up(orders_log, waiting)
    assert lease
    later = failed(lease.fence, retry_at="2126-11-21T08:00:30+00:00")
    orders_log.record(orders_log.read(waiting), [later], CAUSE, fence=lease.fence)
    held = place(orders_log, "acme", 2)
    assert take_up(orders_log, held)
    other = place(orders_log, "default", 1)

    assert leases.turn(PRODUCT, other) == other
    assert leases.turn(PRODUCT, held) is None
