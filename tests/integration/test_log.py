"""The log: appended to, never changed, and the same to everyone who reads it."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import psycopg
import pytest
from msgspec import structs
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

import storage.leases
import storage.record
from events.chain import first_break
from events.envelope import Cause
from events.errors import Conflict, Fenced, NotFound, Refused, WrongExpectedVersion
from events.facts import AttemptEnded, PaymentRefunded
from events.money import Money
from events.order import Order
from events.products import CATALOGUE
from storage import schema
from storage.database import connect, connected
from storage.history import History, stream_of
from storage.leases import Leases
from storage.orders import by_id, by_session
from storage.record import Log
from tests.examples import ORDER, SUBJECT, asked, paid, placed, started, written
from tests.taking import take_up

CAUSE = Cause(correlation="c-1", causation="evt_1", actor="test")


def begun(log: Log, *events: Any) -> History:
    history = log.begin(ORDER, uuid.UUID(SUBJECT))
    return log.record(history, events or (placed(), paid()), CAUSE)


@pytest.fixture
def superuser(database: str) -> Iterator[Connection]:
    engine = create_engine(
        make_url(database).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text("set search_path = ledgerpress"))
        yield connection
    engine.dispose()


def test_what_was_recorded_is_read_back(orders_log: Log) -> None:
    begun(orders_log)

    order = orders_log.read(ORDER).order
    assert order.placed == placed()
    assert order.paid == paid().amount
    assert order.version == 2


def test_an_order_that_never_was_is_not_found(orders_log: Log) -> None:
    with pytest.raises(NotFound):
        orders_log.read(ORDER)


def test_a_writer_who_has_not_read_the_latest_is_refused(orders_log: Log) -> None:
    old = begun(orders_log, placed())
    orders_log.record(old, [paid()], CAUSE)

    with pytest.raises(WrongExpectedVersion):
        orders_log.record(old, [started()], CAUSE)


def test_the_same_fact_again_changes_nothing(orders_log: Log) -> None:
    history = begun(orders_log)
    empty = History(Order(id=ORDER), history.sealer)

    again = orders_log.record(empty, [placed(), paid()], CAUSE)

    assert again.order == history.order
    assert len(orders_log.recorded(ORDER)) == 2


def test_a_retry_that_brings_more_than_was_written_is_refused_and_loses_nothing(
    orders_log: Log,
) -> None:
    empty = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    orders_log.record(empty, [placed()], CAUSE)

    with pytest.raises(WrongExpectedVersion):
        orders_log.record(empty, [placed(), paid()], CAUSE)
    history = orders_log.record(orders_log.read(ORDER), [paid()], CAUSE)

    assert history.wrote
    assert history.order.paid


def test_of_many_at_once_one_places_the_order(orders_log: Log) -> None:
    ready = threading.Barrier(12)

    def place_it(_: int) -> str:
        history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
        ready.wait()
        try:
            orders_log.record(history, [placed(), paid()], CAUSE)
        except Conflict as error:
            return error.reason
        return "recorded"

    with ThreadPoolExecutor(12) as crowd:
        assert set(crowd.map(place_it, range(12))) == {"recorded"}
    assert [each.type for each in orders_log.recorded(ORDER)] == [
        "order-placed",
        "payment-received",
    ]


@pytest.fixture
def fall_silent(superuser: Connection, monkeypatch: pytest.MonkeyPatch) -> Callable[[], datetime]:
    """Makes the order's holder one that has not been heard of for so long as may cost it the order, if not its lease.

    And nobody falls silent, or loses a lease, for being slow. Returns until when the holder has the lease now.
    """
    monkeypatch.setattr(storage.record, "SILENT_SECONDS", 3600.0)
    for module in (storage.record, storage.leases):
        monkeypatch.setattr(module, "LEASE_SECONDS", 7200.0)
    silence = text(
        "update streams set held_until = held_until - interval '3600 s' where stream = :stream"
        " returning held_until"
    )

    def silent() -> datetime:
        found: datetime = superuser.execute(silence, {"stream": stream_of(ORDER)}).scalar_one()
        return found

    return silent


def test_an_older_attempt_can_record_nothing(
    orders_log: Log, fall_silent: Callable[[], datetime]
) -> None:
    history = begun(orders_log)
    first = take_up(orders_log)
    history = orders_log.catch_up(history)
    fall_silent()
    second = take_up(orders_log, redelivered=True)
    assert first
    assert second

    with pytest.raises(Fenced):
        orders_log.record(history, [written("section-001")], CAUSE, fence=first.fence)
    history = orders_log.catch_up(history)
    orders_log.record(history, [written("section-001")], CAUSE, fence=second.fence)


def test_only_its_own_message_takes_an_order_over_and_only_from_a_silent_holder(
    orders_log: Log, superuser: Connection, fall_silent: Callable[[], datetime]
) -> None:
    begun(orders_log)
    lease = take_up(orders_log, holder="m-1")
    assert lease
    before = fall_silent()
    beating = Leases(orders_log.engine).start()
    beating.keep(lease)

    deadline = time.monotonic() + 60
    held = text("select held_until from streams where stream = :stream")
    while superuser.execute(held, {"stream": lease.stream}).scalar_one() == before:
        assert time.monotonic() < deadline, "no heartbeat came"
        time.sleep(0.02)
    assert not take_up(orders_log, holder="m-1", redelivered=True)
    beating.stop()
    beating._thread.join(60)
    fall_silent()
    assert not take_up(orders_log, holder="m-1")
    assert not take_up(orders_log, holder="m-2", redelivered=True)
    assert take_up(orders_log, holder="m-1", redelivered=True)


def test_personal_data_is_nowhere_in_the_database_in_plain(
    orders_log: Log, superuser: Connection
) -> None:
    history = begun(orders_log, placed(email="canary@example.com", fields={"name": "Canaria Bird"}))
    orders_log.record(history, [paid(), written("section-001", text="Canaria sings.")], CAUSE)

    tables = superuser.execute(
        text("select tablename from pg_tables where schemaname = 'ledgerpress'")
    ).scalars()
    everything = "".join(
        str(superuser.execute(text(f"select t::text from {table} t")).all()) for table in tables
    )
    assert "order-placed" in everything
    assert "anari" not in everything
    assert orders_log.read(ORDER).order.sections["section-001"].text == "Canaria sings."


@pytest.mark.parametrize(
    "statement",
    [
        "update events set data = '{}'",
        "delete from events",
        "truncate events cascade",
        "insert into events (stream) values ('order-x')",
        "insert into unsealed values (99)",
        "update subjects set wrapped = null, erased_at = now()",
        "delete from subjects",
        "update streams set version = 99",
        "update orders set word = 'delivered'",
        "delete from orders",
        "alter table events disable trigger never_changed",
        "drop table events cascade",
    ],
)
def test_the_application_cannot(statement: str, orders_log: Log) -> None:
    begun(orders_log)

    with orders_log.engine.connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.execute(text(statement))
    assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)


@pytest.mark.parametrize(
    "statement",
    ["update events set type = 'x'", "delete from events", "truncate events cascade"],
)
def test_not_even_a_superuser_changes_events_by_mistake(
    statement: str, orders_log: Log, superuser: Connection
) -> None:
    begun(orders_log)
    superuser.execute(text("set session_replication_role = replica"))

    with pytest.raises(DBAPIError, match="never changed or removed"):
        superuser.execute(text(statement))


def test_every_hash_can_be_computed_from_what_is_stored(orders_log: Log) -> None:
    history = begun(orders_log)
    orders_log.record(
        history, [asked("section-001"), written("section-001", text="Ünïcødé")], CAUSE
    )

    links = orders_log.links(ORDER)
    assert len(links) == 4
    assert first_break(stream_of(ORDER), links) is None
    forged = [
        *links[:2],
        structs.replace(links[2], data=links[2].data.replace("001", "002")),
        links[3],
    ]
    assert first_break(stream_of(ORDER), forged) == 3


def test_the_status_row_moves_with_the_events(orders_log: Log) -> None:
    history = begun(orders_log)
    row = by_session(orders_log.engine, "default", "cs_test_example")
    assert row
    assert (row.status.word, row.status.version) == ("queued", 2)

    orders_log.record(history, [started(), asked("section-001")], CAUSE)

    row = by_id(orders_log.engine, ORDER)
    assert row
    assert (row.status.word, row.status.version) == ("writing", 4)
    assert row.status.progress.now == (CATALOGUE["life_clarity"].sections[0].title,)


def test_a_payment_for_nothing_we_sell_nudges_nobody(orders_log: Log) -> None:
    orders_log.publisher.stop()
    begun(orders_log, placed("no-such-product"), paid())

    with connected(orders_log.engine) as connection:
        assert connection.execute(text("select count(*) from outbox")).scalar_one() == 0


def test_reading_an_order_whose_key_is_missing_writes_nothing(
    orders_log: Log, superuser: Connection
) -> None:
    begun(orders_log)
    superuser.execute(text("alter table subjects disable trigger never_back"))
    superuser.execute(text("delete from subjects"))

    with pytest.raises(Refused) as refused:
        orders_log.read(ORDER)
    assert refused.value.reason == "customer-key-missing"
    assert superuser.execute(text("select count(*) from subjects")).scalar_one() == 0


def test_a_nudge_is_written_with_the_payment_and_only_with_it(orders_log: Log) -> None:
    def waiting() -> list[Any]:
        with connected(orders_log.engine) as connection:
            return list(
                connection.execute(text("select product from ledgerpress.outbox")).scalars()
            )

    orders_log.publisher.stop()
    history = begun(orders_log, placed())
    assert waiting() == []

    orders_log.record(history, [paid()], CAUSE)
    assert waiting() == ["life_clarity"]


@pytest.mark.usefixtures("fall_silent")  # which nobody does: the lease outlasts the test
def test_the_end_of_an_attempt_frees_the_order_in_the_same_transaction(orders_log: Log) -> None:
    history = begun(orders_log)
    lease = take_up(orders_log)
    assert lease
    assert take_up(orders_log, holder="m-2") is None

    history = orders_log.catch_up(history)
    orders_log.record(history, [AttemptEnded(number=1, why="leg")], CAUSE, fence=lease.fence)

    assert take_up(orders_log, holder="m-2")


def test_an_attempt_begins_with_its_first_events_or_not_at_all(orders_log: Log) -> None:
    history = begun(orders_log)
    orders_log.record(history, [PaymentRefunded(amount=Money(1, "usd"), full=False)], CAUSE)
    first = [started(1), asked("section-001")]

    behind = orders_log.take_up(history, first, CAUSE, holder="m-1", redelivered=False)
    current = orders_log.read(ORDER)
    begun_now = orders_log.take_up(current, first, CAUSE, holder="m-1", redelivered=False)

    assert behind is None
    assert begun_now
    assert begun_now[0].order.asked == ("section-001",)
    assert orders_log.read(ORDER).order == begun_now[0].order


def test_appends_of_different_orders_do_not_wait_for_each_other(
    orders_log: Log, superuser: Connection
) -> None:
    begun(orders_log)
    superuser.execute(text("begin"))
    lock = text("select 1 from streams where stream = :stream for update")
    superuser.execute(lock, {"stream": stream_of(ORDER)})

    second = str(uuid.uuid4())
    history = orders_log.begin(second, uuid.UUID(SUBJECT))
    orders_log.record(history, [placed(session="cs_test_other")], CAUSE)

    assert orders_log.read(second).order.placed
    superuser.execute(text("rollback"))


def test_upgrading_twice_changes_nothing(database: str) -> None:
    assert schema.upgrade(database) == schema.upgrade(database)
    engine = connect(database)
    with connected(engine) as connection:
        reached, newest = schema.current(connection)
    engine.dispose()
    assert reached == newest
