"""What several threads record at the same moment: written together, and each as if it were alone."""

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from msgspec import structs

import storage.database
from events.envelope import Cause
from events.errors import Unavailable
from events.facts import AttemptEnded
from events.order import Order
from storage import event_log, tenants
from storage.database import connect, directly
from storage.event_log import Fact, Taking, Writing
from storage.group_commit import GroupCommit
from storage.history import History, stream_of
from storage.record import Log
from tests.examples import SUBJECT, paid, placed
from tests.taking import take_up
from tests.waiting import until

CAUSE = Cause(correlation="c-1", causation="evt_1", actor="test")


@pytest.fixture
def superuser(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set search_path = ledgerpress")
        yield connection


def begun(log: Log) -> History:
    """A new order, paid for."""
    name = str(uuid.uuid4())
    events = [placed(session=f"cs_{name}"), paid()]
    return log.record(log.begin(name, uuid.UUID(SUBJECT)), events, CAUSE)


def note(stream: str, **given: Any) -> Writing:
    fact = Fact(id=uuid.uuid4(), type="note", schema=1, data="{}")
    return structs.replace(Writing(stream=stream, facts=[fact], meta="{}"), **given)


def together(writings: Sequence[Writing], write: Callable[[Writing], Any]) -> list[Any]:
    """What each thread got, or was told, if they all come at the same moment."""
    ready = threading.Barrier(len(writings))

    def come(writing: Writing) -> Any:
        ready.wait()
        try:
            return write(writing)
        except (psycopg.Error, Unavailable) as error:
            return error

    with ThreadPoolExecutor(len(writings)) as crowd:
        return list(crowd.map(come, writings))


def test_those_who_come_while_one_writes_share_a_transaction(
    orders_log: Log, superuser: psycopg.Connection[Any]
) -> None:
    commits = GroupCommit(orders_log.engine)
    wrote: list[str] = []

    def shared() -> bool:
        crowd = [note(f"payment-{uuid.uuid4()}") for _ in range(12)]
        wrote.extend(each.outcome for each in together(crowd, commits.write))
        found = superuser.execute("select count(*), count(distinct xmin::text) from events")
        events, transactions = found.fetchone() or (0, 0)
        assert events == len(wrote)
        return bool(transactions < events)

    until(shared)
    assert set(wrote) == {"new"}


def test_each_of_several_writings_has_an_outcome_of_its_own(orders_log: Log) -> None:
    first, second = (stream_of(begun(orders_log).order.id) for _ in range(2))
    take = Taking(tenant="default", holder="m-1", redelivered=False, seconds=60.0, silent=1.0)
    ours = note(first, expected=2, fence=1, take=take)
    writings = [
        ours,
        note(second, expected=2),
        note("payment-a"),
        note("payment-b", expected=1),
        note("payment-c", fence=1),
    ]

    with directly(orders_log.engine) as connection:
        outcomes = [each.outcome for each in event_log.write(connection, writings)]
        again = [
            structs.replace(ours, expected=3, fence=2),
            structs.replace(ours, take=None, fence=2),
            structs.replace(ours, take=None),
            structs.replace(ours, take=None, facts=[*ours.facts, *note(first).facts]),
        ]
        later = [event_log.write(connection, [each])[0].outcome for each in again]

    assert outcomes == ["new", "new", "new", "moved", "fenced"]
    assert later == ["held", "fenced", "known", "moved"]


def test_what_is_refused_leaves_nothing_behind(
    orders_log: Log, superuser: psycopg.Connection[Any]
) -> None:
    with directly(orders_log.engine) as connection:
        event_log.write(connection, [note("payment-b", expected=1), note("payment-c", fence=1)])

    found = superuser.execute(
        "select (select count(*) from streams), (select count(*) from events)"
    )
    assert found.fetchone() == (0, 0)


def test_nudges_find_their_way_back_to_whoever_asked_for_them(
    orders_log: Log, superuser: psycopg.Connection[Any]
) -> None:
    orders_log.publisher.stop()
    names = [str(uuid.uuid4()) for _ in range(3)]
    writings = []
    for name in names:
        history = History(Order(id=name), orders_log.begin(name, uuid.UUID(SUBJECT)).sealer)
        events = [placed(session=f"cs_{name}"), paid()]
        writings.append(orders_log._prepared(history, events, CAUSE, None)[1])
    writings[1] = structs.replace(writings[1], expected=7)

    with directly(orders_log.engine) as connection:
        written = event_log.write(connection, writings)

    assert [each.outcome for each in written] == ["new", "moved", "new"]
    nudged = {
        order: (number,)
        for number, order in superuser.execute("select id, order_id::text from outbox")
    }
    assert [tuple(each.nudges) for each in written] == [nudged[names[0]], (), nudged[names[2]]]


def test_for_each_that_lets_go_another_one_comes_in(
    orders_log: Log, superuser: psycopg.Connection[Any]
) -> None:
    orders_log.publisher.stop()
    tenants.change(orders_log.engine, "default", {"at_work": 2})
    names = [begun(orders_log).order.id for _ in range(4)]
    ended = [AttemptEnded(number=1, why="rest")]
    assert all(take_up(orders_log, name) for name in names[:2])
    assert not take_up(orders_log, names[2])
    superuser.execute("delete from outbox")

    leaving = [
        orders_log._prepared(orders_log.read(name), ended, CAUSE, 1)[1] for name in names[:2]
    ]
    with directly(orders_log.engine) as connection:
        assert all(each.new for each in event_log.write(connection, leaving))

    told = superuser.execute("select order_id::text from outbox").fetchall()
    assert sorted(order for (order,) in told) == sorted(names[2:])
    assert all(take_up(orders_log, name) for name in names[2:])


def test_who_waits_for_a_stream_keeps_nobody_waiting(
    database: str, superuser: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"statement_timeout": "300s", "lock_timeout": "300s"}
    monkeypatch.setattr(storage.database, "_LIMITS", limits)
    monkeypatch.setattr(storage.database, "_ANSWER_SECONDS", 300.0)
    engine = connect(database)
    commits = GroupCommit(engine)
    commits.write(note("payment-held"))
    superuser.execute("begin")
    superuser.execute("select from streams where stream = 'payment-held' for update")

    with ThreadPoolExecutor(5) as crowd:
        waits = crowd.submit(commits.write, note("payment-held"))
        others = [crowd.submit(commits.write, note(f"payment-{number}")) for number in range(4)]
        try:
            assert {each.result(timeout=100).outcome for each in others} == {"new"}
            assert not waits.done()
        finally:
            superuser.execute("rollback")
        assert waits.result().outcome == "new"
    engine.dispose()


@pytest.mark.parametrize(
    "poison",
    [
        pytest.param({"data": "no JSON"}, id="for Postgres"),
        pytest.param({"type": "\0"}, id="for the driver"),
    ],
)
def test_what_cannot_be_stored_fails_alone(
    poison: dict[str, Any], orders_log: Log, superuser: psycopg.Connection[Any]
) -> None:
    commits = GroupCommit(orders_log.engine)
    bad = replace(note("payment-x").facts[0], **poison)
    crowd = [note(f"payment-{number}") for number in range(11)]
    crowd.insert(3, structs.replace(note("payment-x"), facts=[bad]))

    ended = together(crowd, commits.write)

    assert isinstance(ended.pop(3), psycopg.DataError)
    assert {each.outcome for each in ended} == {"new"}
    found = superuser.execute("select count(*) from events").fetchone()
    assert found == (11,)


def test_all_of_them_are_told_that_postgres_is_away() -> None:
    engine = connect("postgresql://nobody@127.0.0.1:9/nothing")
    commits = GroupCommit(engine)

    ended = together([note(f"payment-{number}") for number in range(8)], commits.write)

    assert {type(each) for each in ended} == {Unavailable}
    assert {each.reason for each in ended} == {"database-away"}


def test_two_who_write_to_one_stream_do_so_one_after_the_other(orders_log: Log) -> None:
    commits = GroupCommit(orders_log.engine)

    ended = together([note("payment-a", expected=0) for _ in range(8)], commits.write)

    assert sorted(each.outcome for each in ended) == [*["moved"] * 7, "new"]
