"""Projections across orders: fed from sealed events, rebuilt beside the live ones, and always what the log says."""

import itertools
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from hypothesis import strategies as st
from sqlalchemy import text

from actors import projecting
from events.envelope import Cause, event_id
from events.errors import Conflict
from events.estimates import ENOUGH
from events.facts import MailSent, OrderDelivered, PaymentReceived, PaymentRefunded
from events.folding import Key
from events.money import Money
from events.projections import PROJECTIONS
from events.projections.durations import STAGES
from sandbox.machine import postgres
from storage import estimates, generations, rebuilding, restating
from storage.checks import readers
from storage.database import connect
from storage.findings import Finding
from storage.generations import ForeignBookmark
from storage.history import stream_of
from storage.projector import Projector
from storage.rebuilding import Different
from storage.record import Log
from storage.sealer import seal_all
from storage.settings import Settings
from storage.stretches import AT_HAND, Stretch, Stretches
from storage.sums import standings, sums
from tests.conftest import ROOT, Server
from tests.examples import asked, bound, paid, placed, started, written
from tests.forking import ledgerpress
from tests.integration.conftest import serving
from tests.projecting import feed_all, projector
from tests.running import keeper
from tests.strategies import histories

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
    subject = uuid.UUID(placed().subject)
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


def test_a_batch_of_more_orders_than_are_folded_at_a_time_is_folded_whole(
    orders_log: Log, database: str
) -> None:
    for number in range(AT_HAND + 10):
        record(orders_log, number, [placed(session=f"cs_{number}"), paid()], at_once=2)
    feed_all(orders_log.engine, database)

    found = everything(orders_log)["outcomes"]
    known = [stream for name, stream, _ in remembered(orders_log) if name == "outcomes"]

    assert {outcome: number for (*_, outcome), number in found.items()} == {
        "placed": AT_HAND + 10,
        "paid": AT_HAND + 10,
    }
    assert known == [stream_of(order_id(number)) for number in range(AT_HAND + 10)]


def test_a_batch_that_fails_after_a_part_of_it_was_folded_is_folded_whole_the_next_time(
    orders_log: Log, database: str
) -> None:
    outcomes, calls = PROJECTIONS["outcomes"], itertools.count(1)

    def failing_once(*given: Any) -> Any:
        if next(calls) == AT_HAND + 5:
            raise ZeroDivisionError
        return outcomes.steps[PaymentReceived](*given)

    steps = {**outcomes.steps, PaymentReceived: failing_once}
    for number in range(AT_HAND + 10):
        record(orders_log, number, [placed(session=f"cs_{number}")])
    feed_all(orders_log.engine, database)
    for number in range(AT_HAND + 10):
        record(orders_log, number, [paid()])
    seal_all(orders_log.engine)
    with projector(database) as ours:
        mortal = Projector(
            ours._engine, {**PROJECTIONS, "outcomes": replace(outcomes, steps=steps)}
        )
        with pytest.raises(ZeroDivisionError):
            mortal.feed()
        mortal.feed()

    assert all(not each.sums and not each.streams for each in checked(database))


def test_an_estimate_is_read_from_what_was_delivered(orders_log: Log, database: str) -> None:
    for number in range(ENOUGH * 2):
        record(orders_log, number, at_once=20)
    feed_all(orders_log.engine, database)

    found = estimates.read(orders_log.engine, datetime.now(UTC))["life_clarity"]

    assert found.ready is not None
    assert found.ready.number == 13
    assert set(found.sections) == set(SECTIONS)
    assert set(found.stages) == set(STAGES)


@pytest.fixture
def filled(orders_log: Log, database: str) -> Log:
    """A log of some orders, all of it folded into the projections."""
    for number in range(10):
        record(orders_log, number, at_once=20)
    feed_all(orders_log.engine, database)
    return orders_log


def checked(database: str) -> list[Different]:
    with projector(database) as ours:
        steps = list(rebuilding.check(ours, list(PROJECTIONS)))
    return [each for each in steps if isinstance(each, Different)]


def spoilt(database: str, statement: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement)


# The status rows.


@tried(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories, many=st.integers(1, 9))
def test_the_status_row_is_what_the_events_add_up_to(
    orders_log: Log, history: list[Any], many: int
) -> None:
    name = str(uuid.uuid4())
    facts = list({event_id(stream_of(name), each): each for each in history}.values())
    facts[0] = placed(session=f"cs_{name}")
    story = orders_log.begin(name, uuid.UUID(facts[0].subject))
    for first in range(0, len(facts), many):
        story = orders_log.record(story, facts[first : first + many], CAUSE)

    found = [each for each in restating.compare(orders_log) if isinstance(each, restating.Drift)]

    assert found == []


def test_a_row_that_says_something_else_is_named_and_can_be_put_right(
    filled: Log, database: str
) -> None:
    spoilt(
        database,
        f"""update ledgerpress.orders set word = 'queued', status = jsonb_set(status::jsonb, '{{percent}}', '7')::json
            where order_id = '{order_id(1)}'""",
    )
    spoilt(database, f"delete from ledgerpress.orders where order_id = '{order_id(2)}'")

    found = [each for each in restating.compare(filled) if isinstance(each, restating.Drift)]
    mended = [e for e in restating.compare(filled, mend=True) if isinstance(e, restating.Drift)]
    after = [each for each in restating.compare(filled) if isinstance(each, restating.Drift)]

    assert found == [
        restating.Drift(order_id(1), ("word",)),
        restating.Drift(order_id(2), ()),
    ]
    assert [each.mended for each in mended] == [True, False]
    assert after == [restating.Drift(order_id(2), ())]


# Rebuilt and compared.


def test_a_projection_that_is_what_the_log_says_has_no_difference(
    filled: Log, database: str
) -> None:
    found = checked(database)

    assert {each.projection for each in found} == set(PROJECTIONS)
    assert all(not each.sums and not each.streams for each in found)
    assert all(each.position > 0 for each in found)
    assert left_beside(filled) == []


@pytest.mark.usefixtures("filled")
def test_what_somebody_has_changed_is_found(database: str) -> None:
    spoilt(
        database,
        """update ledgerpress_views.sums set amount = amount + 1 where key[4] = 'orders';
           delete from ledgerpress_views.memories where stream like '%3'
           and generation = (select generation from ledgerpress_views.generations where projection = 'money')""",
    )

    found = {each.projection: each for each in checked(database)}

    ((key, live, log),) = found["usage"].sums
    assert (key[3], live, log) == ("orders", 11, 10)
    assert found["money"].streams == (stream_of(order_id(3)),)
    assert found["durations"] == Different(projection="durations", position=found["usage"].position)


def test_a_rebuild_puts_right_what_somebody_has_changed(filled: Log, database: str) -> None:
    before = everything(filled)
    spoilt(database, "update ledgerpress_views.sums set amount = 99")

    with projector(database) as ours:
        list(rebuilding.rebuild(ours, ["usage", "money"]))
    feed_all(filled.engine, database)

    after = everything(filled)
    assert {name for name in PROJECTIONS if after[name] == before[name]} == {"usage", "money"}


def test_readers_see_the_old_one_until_the_new_one_has_read_as_far(
    filled: Log, database: str
) -> None:
    before = everything(filled)

    with projector(database) as ours:
        rebuilding.begin(ours, list(PROJECTIONS))
        seen = []
        while rebuilding.go_on(ours, list(PROJECTIONS), most=7):
            seen.append(everything(filled))

    assert len(seen) > 5
    assert all(each == before for each in seen)


def test_a_rebuild_that_was_killed_is_gone_on_with(filled: Log, database: str) -> None:
    before = everything(filled)
    with projector(database) as ours:
        rebuilding.begin(ours, ["usage"])
        rebuilding.go_on(ours, ["usage"], most=30)

    with projector(database) as ours:
        first = next(rebuilding.rebuild(ours, ["usage"]))
        rest = list(rebuilding.rebuild(ours, ["usage"]))

    assert first.done > 30
    assert rest == [] or rest[-1].done == first.total
    assert everything(filled) == before


def test_events_that_come_while_it_is_rebuilt_are_in_it(filled: Log, database: str) -> None:
    with projector(database) as ours:
        for number, _ in enumerate(rebuilding.rebuild(ours, list(PROJECTIONS))):
            record(filled, 100 + number)
            feed_all(filled.engine, database, most=3)

    assert all(not each.sums and not each.streams for each in checked(database))


def test_projectors_that_take_turns_know_what_the_other_remembers(
    orders_log: Log, database: str
) -> None:
    begun = [placed(), paid(), started(), asked(*SECTIONS)]
    with projector(database) as ours, projector(database) as theirs:
        for turn, facts in (
            (ours, begun),
            (theirs, [written(name) for name in SECTIONS]),
            (ours, [OrderDelivered(by="mail")]),
        ):
            record(orders_log, 1, facts, at_once=9)
            seal_all(orders_log.engine)
            turn.feed()

    assert all(not each.sums and not each.streams for each in checked(database))


def test_what_was_not_sealed_yet_is_not_taken_for_read_ahead(filled: Log, database: str) -> None:
    types = frozenset({"order-placed", "payment-received"})
    with projector(database) as ours, ours.transaction() as connection:
        top = generations.sealed_so_far(connection)
        stretches = Stretches(ours._engine, worth=2)
        stretches.read(connection, Stretch(top - 9, top - 3, types), top)
        record(filled, 80)
        seal_all(filled.engine)
    with projector(database) as ours, ours.transaction() as connection:
        found = stretches.read(connection, Stretch(top - 3, top + 3, types), top + 3)
        directly = Stretches(ours._engine).read(
            connection, Stretch(top - 3, top + 3, types), top + 3
        )

    *_, rows = found.values()
    assert [name for _, name, *_ in rows] == ["order-placed", "payment-received"]
    assert found == directly


def left_beside(log: Log) -> list[Any]:
    query = "select use, count(*) from ledgerpress_views.generations where use not in ('live', 'old') group by 1"
    with log.engine.connect() as connection:
        return list(connection.execute(text(query)))


def test_what_another_has_finished_is_not_begun_again(filled: Log, database: str) -> None:
    with projector(database) as ours, projector(database) as theirs:
        rebuilding.begin(ours, ["money"])
        spoilt(
            database,
            "update ledgerpress_views.generations set moved_at = now() - interval '1 hour' where use = 'rebuilt'",
        )
        both = rebuilding.take_up(ours), rebuilding.take_up(theirs)
        steps = [rebuilding.go_on(each, ["money"]) for each in (ours, theirs)]

    assert both == (["money"], ["money"])
    assert [step is not None for step in steps] == [True, False]
    assert left_beside(filled) == []


def test_a_fold_that_has_changed_is_folded_afresh_by_the_keeper(filled: Log, database: str) -> None:
    renewed = {**PROJECTIONS, "usage": replace(PROJECTIONS["usage"], version=2)}
    with projector(database) as ours:
        newer = Projector(ours._engine, renewed)
        left = rebuilding.take_up(ours)
        wanted = rebuilding.take_up(newer)
        list(rebuilding.rebuild(newer, wanted))
        record(filled, 50)
        seal_all(filled.engine)
        ours.feed()

    found = {each.projection: each for each in standings(filled.engine)}
    assert (left, wanted) == ([], ["usage"])
    assert found["usage"].version == 2
    assert found["usage"].reach.behind > 0  # an older keeper leaves it alone
    assert found["money"].reach.behind == 0


# Whose bookmark.


def test_a_bookmark_of_another_log_is_told_and_rebuilt(filled: Log, database: str) -> None:
    spoilt(
        database,
        "update ledgerpress_views.generations set hash = sha256('another') where projection = 'usage'",
    )
    record(filled, 60)
    seal_all(filled.engine)

    with projector(database) as ours:
        with pytest.raises(ForeignBookmark, match="of usage was made in another log"):
            list(iter(ours.feed, 0))
        with pytest.raises(ForeignBookmark):
            sums(filled.engine, "usage")
        with pytest.raises(ForeignBookmark):
            list(rebuilding.check(ours, ["usage"]))
        others = {each.projection: each.reach.behind for each in standings(filled.engine)}
        list(rebuilding.rebuild(ours, ["usage"]))

    assert others == {"durations": 0, "money": 0, "outcomes": 0, "usage": others["usage"]}
    assert all(not each.sums for each in checked(database))


@pytest.mark.usefixtures("filled")
def test_a_bookmark_beyond_the_end_of_the_log_is_another_logs(database: str) -> None:
    spoilt(
        database,
        "update ledgerpress_views.generations set position = 99999 where projection = 'money'",
    )

    with projector(database) as ours, pytest.raises(ForeignBookmark, match="money"):
        ours.feed()


@pytest.mark.usefixtures("filled")
def test_a_rebuild_that_was_begun_from_another_log_is_begun_afresh(database: str) -> None:
    half = "(select generation from ledgerpress_views.generations where use = 'rebuilt')"
    with projector(database) as ours:
        rebuilding.begin(ours, ["usage"])
        rebuilding.go_on(ours, ["usage"], most=30)
        spoilt(database, f"update ledgerpress_views.sums set amount = 99 where generation = {half}")
        spoilt(
            database,
            f"update ledgerpress_views.generations set hash = sha256('another') where generation = {half}",
        )
        list(rebuilding.rebuild(ours, ["usage"]))

    assert all(not each.sums and not each.streams for each in checked(database))


@pytest.mark.usefixtures("filled")
def test_who_checks_what_somebody_else_has_begun_to_check_gives_way(database: str) -> None:
    with projector(database) as ours, projector(database) as theirs:
        mine = rebuilding.check(ours, ["usage"])
        next(mine)
        assert [each for each in rebuilding.check(theirs, ["usage"]) if isinstance(each, Different)]
        with pytest.raises(Conflict):
            list(mine)


# The keeper.


def test_keepers_that_are_killed_at_any_moment_lose_and_double_nothing(
    orders_log: Log, database: str, environment: dict[str, str]
) -> None:
    keepers = [keeper(environment), keeper(environment)]
    try:
        for number in range(60):
            record(orders_log, number, at_once=1 + number % 4)
            if number % 8 == 7:
                victim = keepers.pop(0)
                victim.kill()
                victim.wait()
                keepers.append(keeper(environment))
            if number == 30:
                with projector(database) as ours:
                    rebuilding.begin(ours, ["usage", "durations"])  # and is never seen again
        keepers[0].send_signal(signal.SIGSTOP)
        record(orders_log, 100)
        deadline = time.monotonic() + 240
        while not _all_there(orders_log) and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        for each in keepers:
            each.kill()
            each.wait()

    assert _all_there(orders_log)
    assert left_beside(orders_log) == []
    assert all(not each.sums and not each.streams for each in checked(database))


def test_one_of_another_log_keeps_the_others_neither_from_being_fed_nor_from_being_folded_afresh(
    filled: Log, settings: Settings, database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with projector(database) as ours:
        rebuilding.begin(ours, ["money"])  # and is left
    spoilt(
        database,
        """update ledgerpress_views.generations set position = position - 1, hash = sha256('another')
               where projection = 'usage';
           update ledgerpress_views.generations set moved_at = now() - interval '1 hour' where use = 'rebuilt'""",
    )
    others = PROJECTIONS.keys() - {"usage"}
    stopping = threading.Event()
    thread = projecting.start(settings, stopping)
    try:
        deadline = time.monotonic() + 60
        for number in range(70, 73):
            record(filled, number, at_once=20)
            seal_all(filled.engine)
            while _fed(filled) != others and time.monotonic() < deadline:
                time.sleep(0.1)
        fed = _fed(filled)
    finally:
        stopping.set()
        thread.join()

    assert fed == others
    assert left_beside(filled) == []
    assert capfd.readouterr().out.count("a projection stands still") == 1


def _fed(log: Log) -> set[str]:
    return {
        each.projection
        for each in standings(log.engine)
        if each.reach.behind == 0 and each.rebuilding is None and not each.foreign
    }


def _all_there(log: Log) -> bool:
    with log.engine.connect() as connection:
        unsealed = connection.execute(text("select count(*) from unsealed")).scalar_one()
    found = standings(log.engine)
    idle = all(each.reach.behind == 0 and each.rebuilding is None for each in found)
    return unsealed == 0 and len(found) == len(PROJECTIONS) and idle


def test_a_dump_and_a_restore_keep_what_was_folded(
    filled: Log, database: str, server: Server, tmp_path: Path
) -> None:
    binaries = postgres._binaries(None)
    name = f"ledgerpress_restored_{uuid.uuid4().hex[:8]}"
    dump = tmp_path / "log.dump"
    server.execute(f"create database {name}")
    try:
        for command in (
            [str(binaries / "pg_dump"), "--format=custom", f"--file={dump}", database],
            [str(binaries / "pg_restore"), f"--dbname={server.at(name)}", str(dump)],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        restored = connect(server.at(name))
        feed_all(restored, server.at(name))

        assert sums(restored, "usage").amounts == sums(filled.engine, "usage").amounts
        assert all(not each.sums and not each.streams for each in checked(server.at(name)))
        restored.dispose()
    finally:
        server.execute(f"drop database {name} with (force)")


# The command.


def command(
    environment: Mapping[str, str], *words: str, code: int = 0
) -> subprocess.CompletedProcess[str]:
    done = ledgerpress("projection", *words, environment=environment)
    assert done.returncode == code, done.stderr
    return done


def on_a_terminal(environment: Mapping[str, str], *words: str) -> tuple[str, str]:
    """What the command answers, and what somebody sees meanwhile."""
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "api.cli", "projection", *words],
            env={**os.environ, **environment, "TERM": "xterm"},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
        ) as process:
            os.close(theirs)
            seen = b""
            with suppress(OSError):  # that is how a terminal ends
                while more := os.read(ours, 4096):
                    seen += more
            answer, _ = process.communicate()
    finally:
        os.close(ours)
    return answer, seen.decode()


@pytest.mark.usefixtures("filled")
def test_the_command_tells_rebuilds_and_compares(
    database: str, environment: dict[str, str]
) -> None:
    told = json.loads(command(environment, "status", "--json").stdout)
    same = command(environment, "diff")
    spoilt(database, "update ledgerpress_views.sums set amount = amount + 1 where key[4] = 'calls'")
    spoilt(database, "update ledgerpress.orders set word = 'queued'")
    other = command(environment, "diff", code=1)
    rebuilt, seen = on_a_terminal(environment, "rebuild")
    data = json.loads(command(environment, "diff", "--json").stdout)

    assert [each["projection"] for each in told] == list(PROJECTIONS)
    assert {(each["state"], each["behind"]) for each in told} == {("live", 0)}
    assert same.stdout == ""
    assert "5 compared with the log: no difference" in same.stderr
    assert "folding: " in same.stderr
    assert f"status: order {order_id(0)}: word" in other.stdout
    assert "calls: 33, but the log says 32" in other.stdout
    assert "next: ledgerpress audit verify" in other.stderr
    assert "status: 10 rows put right" in rebuilt
    assert 0 < seen.rindex("folding") < seen.index("comparing status rows")
    assert [each["projection"] for each in data] == ["status", *PROJECTIONS]


@pytest.mark.usefixtures("filled")
def test_the_command_shows_sums(environment: dict[str, str]) -> None:
    rows = json.loads(command(environment, "show", "outcomes", "--json").stdout)

    assert {row["outcome"]: row["amount"] for row in rows} == {
        "placed": 10,
        "paid": 10,
        "delivered": 6,
        "refunded": 2,
    }


@pytest.mark.parametrize("verb", ["rebuild", "diff", "show"])
def test_a_projection_that_there_is_not_is_named_with_those_there_are(
    environment: dict[str, str], verb: str
) -> None:
    done = command(environment, verb, "usages", code=3)

    assert "there is no projection 'usages'; there are: " in done.stderr
    assert "next: ledgerpress projection status" in done.stderr


def test_products_tell_how_long_their_orders_took(
    orders_log: Log, database: str, settings: Settings
) -> None:
    with serving(settings) as url:
        before = httpx.get(f"{url}/v1/products")
    for number in range(ENOUGH * 2):
        record(orders_log, number, at_once=20)
    feed_all(orders_log.engine, database)

    with serving(settings) as url:
        after = httpx.get(f"{url}/v1/products")

    found = {each["name"]: each for each in after.json()["data"]}
    measured = found["life_clarity"]["measured"]
    assert measured["orders"] == 13
    assert 0 <= measured["p50"] <= measured["p90"]
    assert "measured" not in found["personal_blueprint"]
    assert all("measured" not in each for each in before.json()["data"])
    assert after.headers["etag"] != before.headers["etag"]


def test_the_doctor_names_readers_that_stand_still(
    filled: Log, database: str, settings: Settings
) -> None:
    def named(check: str) -> Finding:
        return next(each for each in readers.look(settings) if each.check == check)

    record(filled, 70)
    seal_all(filled.engine)
    fed = named("readers.projections")
    spoilt(
        database,
        "update ledgerpress_views.generations set reached_at = now() - interval '1 hour'",
    )
    late = named("readers.projections")
    spoilt(database, "update ledgerpress_views.generations set hash = sha256('another')")
    spoilt(database, "update ledgerpress.announced set position = 1, hash = sha256('another')")
    foreign, told = named("readers.projections"), named("readers.announcements")

    assert [each.level.value for each in (fed, late, foreign, told)] == [
        "ok", "warning", "failure", "failure",
    ]  # fmt: skip
    assert "usage" in late.found
    assert "projection rebuild" in foreign.do
