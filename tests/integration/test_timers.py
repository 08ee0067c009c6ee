"""The timers: each run is one keeper's, leaves a row that tells of it, and a failed one comes again."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from actors import keeper
from actors.timing import Clock, Daily, Due, Every, Work
from events.errors import Refused, Unavailable
from storage import timers
from storage.record import Log
from storage.settings import read_from
from storage.timers import Timer, Turn
from tests.forking import ledgerpress


def only(log: Log) -> Timer:
    (found,) = timers.listed(log.engine)
    return found


def every_hour(work: Work) -> Due:
    return Every("sample", 3600, work)


def into(runs: list[Turn], said: str = "") -> Work:
    """Work that is noted in ``runs``."""

    def work(turn: Turn) -> str:
        runs.append(turn)
        return said

    return work


def elapse(database: str, seconds: float) -> None:
    """Put the rows back as if so many seconds had passed."""
    with psycopg.connect(database) as connection:
        connection.execute(
            "update ledgerpress.timers set next_at = next_at - %(s)s * interval '1 second',"
            " held_until = held_until - %(s)s * interval '1 second'",
            {"s": seconds},
        )


def test_a_run_is_written_down(orders_log: Log) -> None:
    Clock(orders_log, [every_hour(lambda _: "3 things done")]).tick()

    row = only(orders_log)
    assert (row.name, row.outcome, row.said, row.failures) == ("sample", "ok", "3 things done", 0)
    assert row.began_at is not None
    assert row.succeeded_at == row.began_at
    assert row.next_at == row.began_at + timedelta(hours=1)


def test_it_is_not_run_again_before_it_is_due(orders_log: Log, database: str) -> None:
    clock = Clock(orders_log, [every_hour(lambda _: "")])
    clock.tick()

    early = clock.tick()
    elapse(database, 3600)

    assert (early, clock.tick()) == (False, True)


def test_of_many_keepers_one_runs_it(orders_log: Log) -> None:
    runs: list[Turn] = []
    here = threading.Barrier(5)

    def one(_: int) -> bool:
        clock = Clock(orders_log, [every_hour(into(runs))])
        here.wait()
        return clock.tick()

    with ThreadPoolExecutor(5) as pool:
        ran = list(pool.map(one, range(5)))

    assert sorted(ran) == [False] * 4 + [True]
    assert len(runs) == 1


def test_what_failed_says_why_and_comes_again_soon_and_then_less_often(
    orders_log: Log, database: str
) -> None:
    def fail(_: Turn) -> str:
        raise Unavailable("Stripe cannot be reached", reason="stripe-away")

    clock = Clock(orders_log, [every_hour(fail)])
    waits = []
    for _ in range(8):
        clock.tick()
        row = only(orders_log)
        assert row.began_at is not None
        waits.append((row.next_at - row.began_at).total_seconds())
        elapse(database, 4000)

    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert (row.outcome, row.said, row.failures) == ("stripe-away", "Stripe cannot be reached", 8)
    assert row.succeeded_at is None


def test_the_next_good_run_knows_since_when(orders_log: Log, database: str) -> None:
    seen: list[Turn] = []

    def work(turn: Turn) -> str:
        seen.append(turn)
        if len(seen) == 2:
            raise Refused("no", reason="refused")
        return ""

    clock = Clock(orders_log, [every_hour(work)])
    for _ in range(3):
        clock.tick()
        elapse(database, 4000)

    assert [turn.since for turn in seen] == [None, seen[0].now, seen[0].now]
    assert [turn.failures for turn in seen] == [0, 0, 1]


def test_a_mistake_of_ours_keeps_nothing_else_from_running(orders_log: Log) -> None:
    done: list[Turn] = []

    def break_down(_: Turn) -> str:
        raise ValueError("canary")

    clock = Clock(
        orders_log,
        [Every("broken", 60, break_down), Every("good", 60, into(done))],
    )
    while clock.tick():
        pass

    assert len(done) == 1
    broken = next(each for each in timers.listed(orders_log.engine) if each.name == "broken")
    assert broken.outcome == "unforeseen"
    assert "canary" not in broken.said


def test_a_dead_keepers_turn_passes_to_another(orders_log: Log, database: str) -> None:
    now = datetime.now(UTC)
    timers.enrol(orders_log.engine, {"sample": now})
    dead = timers.claim(orders_log.engine, ["sample"], 60)
    assert dead is not None

    before = timers.claim(orders_log.engine, ["sample"], 60)
    elapse(database, 61)
    after = timers.claim(orders_log.engine, ["sample"], 60)

    assert before is None
    assert after is not None
    assert not timers.finish(orders_log.engine, dead, outcome="ok", said="late", next_at=now)
    assert timers.finish(orders_log.engine, after, outcome="ok", said="mine", next_at=now)
    assert only(orders_log).said == "mine"


def test_a_living_keeper_keeps_its_turn(orders_log: Log, database: str) -> None:
    timers.enrol(orders_log.engine, {"sample": datetime.now(UTC)})
    turn = timers.claim(orders_log.engine, ["sample"], 60)
    assert turn is not None

    elapse(database, 50)
    timers.hold(orders_log.engine, turn, 600)
    elapse(database, 50)

    assert timers.claim(orders_log.engine, ["sample"], 60) is None
    assert only(orders_log).running


def test_what_is_hastened_while_it_runs_runs_once_more(orders_log: Log) -> None:
    runs: list[Turn] = []

    def work(turn: Turn) -> str:
        runs.append(turn)
        if len(runs) == 1:
            timers.hasten(orders_log.engine, "sample")
        return ""

    clock = Clock(orders_log, [every_hour(work)])

    assert [clock.tick() for _ in range(3)] == [True, True, False]
    assert len(runs) == 2


def test_nobody_waits_for_what_is_not_set_up_any_more(
    orders_log: Log, environment: dict[str, str]
) -> None:
    before = {
        **environment,
        "STRIPE_API_KEY": "sk_test_x",
        "SIGNING_KEY": base64.b64encode(bytes(32)).decode(),
    }
    after = {name: before[name] for name in before.keys() - {"STRIPE_API_KEY", "SIGNING_KEY"}}
    timers.enrol(
        orders_log.engine,
        dict.fromkeys(["sample", "reconciliation", "checkpoints"], datetime.now(UTC)),
    )
    known = {each.name for each in timers.listed(orders_log.engine)}

    left = []
    for told in (before, after):
        Clock(orders_log, [], keeper._unset(read_from(told))).tick()
        left.append({each.name for each in timers.listed(orders_log.engine)})

    assert left == [known, {"sample"}]


@pytest.mark.parametrize(
    ("now", "expected"), [((9, 4, 59), (9, 5, 0)), ((9, 5, 0), (10, 5, 0)), ((31, 6, 0), (1, 5, 0))]
)
def test_a_daily_one_is_due_at_its_hour(
    now: tuple[int, int, int], expected: tuple[int, int, int]
) -> None:
    daily = Daily("mail", 5, lambda _: "")

    day, hour, minute = now
    due = daily.first(datetime(2026, 10, day, hour, minute, tzinfo=UTC))

    assert (due.day, due.hour, due.minute) == expected


def test_the_command_shows_them_and_has_one_run_at_once(
    orders_log: Log, database: str, tmp_path: Path
) -> None:
    ran: list[Turn] = []
    clock = Clock(orders_log, [every_hour(into(ran, "2 found"))])
    clock.tick()
    environment = {"DATABASE_URL": database}

    shown = ledgerpress("timer", "list", folder=tmp_path, environment=environment)
    hastened = ledgerpress("timer", "run", "sample", folder=tmp_path, environment=environment)
    unknown = ledgerpress("timer", "run", "none", folder=tmp_path, environment=environment)
    clock.tick()

    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("sample\t")
    assert shown.stdout.endswith("2 found\n")
    assert hastened.returncode == 0
    assert unknown.returncode == 3
    assert "ledgerpress timer list" in unknown.stderr
    assert len(ran) == 2
