"""``ledgerpress at`` and ``ledgerpress events``, over a real log."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from api.saying import order_number
from events.envelope import Cause
from events.facts import NoteMade, OrderCorrected, OrderDelivered
from storage import readings
from storage.record import Log
from storage.sealer import seal_all
from tests.conftest import ROOT
from tests.examples import ORDER, SUBJECT, asked, bound, paid, placed, started, written
from tests.forking import ledgerpress
from tests.integration.test_command_line import BARE
from tests.integration.test_sealer import write

CAUSE = Cause(correlation="c-1", causation="evt_1", actor="test")
OPERATOR = Cause(correlation="cli-1", causation="cli-1", actor="operator")
# An id that nothing has; the same one in every process that shares the tests.
NOBODYS = "5fcbfa12-cfd5-4616-baba-052f7c3c84d7"
PERSONAL = ("jenny", "Jenny", "Jenná", "1990-05-17", "canary")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def log(orders_log: Log) -> Log:
    """An order of eight events, in a log of ten."""
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    history = orders_log.record(history, [placed(), paid()], CAUSE)
    told = [NoteMade(number=1, text="canary"), OrderCorrected(number=1, fields={"name": "Jenná"})]
    history = orders_log.record(history, told, OPERATOR)
    write(orders_log.engine, "payment-default/pi_other", 2)
    work = [started(), asked("section-001"), written("section-001", text="canary"), bound()]
    orders_log.record(history, work, CAUSE)
    seal_all(orders_log.engine)
    return orders_log


@pytest.fixture
def run(log: Log, environment: dict[str, str], tmp_path: Path) -> Run:  # noqa: ARG001 - the log it looks at
    """Runs the command over that log."""

    def give(*words: str) -> subprocess.CompletedProcess[str]:
        return ledgerpress(*words, folder=tmp_path, environment=environment)

    return give


def test_an_order_is_shown_as_it_was_and_the_look_is_noted(run: Run, log: Log) -> None:
    ran = run("at", ORDER, "2", "--json")

    told = json.loads(ran.stdout)
    (look,) = readings.of_order(log.engine, ORDER)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (told["version"], told["last"], told["status"]) == (2, 8, "queued")
    assert (look.who, look.what, look.version) == ("operator", "state", 2)
    assert told["state"]["paid"] == "49.00 USD"
    assert told["state"]["placed.email"] == "(personal)"
    assert "attempt" not in told["state"]
    assert [each["type"] for each in told["why"]] == ["order-placed", "payment-received"]


def test_an_order_is_named_by_what_its_customer_knows_as_well(run: Run) -> None:
    by_id = run("at", ORDER, "2", "--json").stdout

    for name in (order_number(ORDER).lower(), "cs_test_example", "pi_example"):
        assert run("at", name, "2", "--json").stdout == by_id


def test_a_time_and_an_event_name_a_moment_too(run: Run, log: Log) -> None:
    events = log.recorded(ORDER)

    by_time = run("at", ORDER, events[1].recorded_at.isoformat(), "--json").stdout
    by_event = run("at", ORDER, str(events[1].id), "--json").stdout

    assert by_time == by_event == run("at", ORDER, "2", "--json").stdout


def test_a_diff_names_what_changed_and_nothing_personal(run: Run) -> None:
    as_json = json.loads(run("at", ORDER, "7", "--diff", "2", "--json").stdout)
    plain = run("at", ORDER, "7", "--diff", "2").stdout

    changes = {each["path"]: (each["before"], each["after"]) for each in as_json["diff"]}
    assert as_json["since"]["version"] == 2
    assert changes["word"] == ("queued", "writing")
    assert changes["placed.fields"] == ("(personal)", "(personal)")
    assert changes["sections.section-001.text"] == (None, "(personal)")
    assert "placed.email" not in changes
    assert "word: queued -> writing" in plain
    assert "why: 1 order-placed > 2 payment-received > 5 attempt-started" in plain
    for personal in PERSONAL:
        assert personal not in plain + json.dumps(as_json)


@pytest.mark.parametrize(
    ("moment", "code", "told"),
    [
        ("yesterday", 2, "2026-11-21T13:02:11Z"),
        ("0", 2, "a moment is a version"),
        ("9", 3, "from 1 to 8"),
        ("2001-01-01T00:00:00Z", 3, "first event was recorded at"),
        (NOBODYS, 3, "no event of that id"),
    ],
)
def test_a_moment_that_is_none_ends_with_what_to_do(
    moment: str, code: int, told: str, run: Run
) -> None:
    for words in ((moment,), ("3", "--diff", moment)):
        ran = run("at", ORDER, *words)

        assert (ran.returncode, ran.stdout) == (code, "")
        assert told in ran.stderr
        assert ran.stderr.splitlines()[-1].startswith("next: ledgerpress")


def test_an_order_that_never_was_is_not_found(run: Run) -> None:
    assert run("at", NOBODYS, "1").returncode == 3


def test_the_newest_events_are_shown_oldest_first(run: Run) -> None:
    ran = run("events", "tail", "-n", "3", "--json")

    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [each["position"] for each in lines] == ["8", "9", "10"]
    assert [each["type"] for each in lines][1:] == ["section-written", "document-bound"]
    assert lines[0]["specversion"] == "1.0"
    for personal in PERSONAL:
        assert personal not in ran.stdout


def test_events_are_filtered_by_order_type_and_actor(run: Run) -> None:
    def positions(*words: str) -> list[int]:
        lines = run("events", "tail", "--json", *words).stdout.splitlines()
        return [int(json.loads(line)["position"]) for line in lines]

    assert positions("--type", "note-made") == [3, 5, 6]
    assert positions("--order", ORDER, "--type", "note-made") == [3]
    assert positions("--order", order_number(ORDER).lower(), "-n", "2") == [9, 10]
    assert positions("--order", "cs_test_example", "--actor", "operator") == [3, 4]
    assert positions("--type", "order-cancelled") == []
    missing = run("events", "tail", "--order", "nobody's")
    assert (missing.returncode, missing.stdout) == (3, "")


def test_an_event_is_shown_with_what_led_to_it(run: Run, log: Log) -> None:
    by_position = json.loads(run("events", "show", "9", "--json").stdout)
    by_id = json.loads(run("events", "show", str(log.recorded(ORDER)[6].id), "--json").stdout)
    plain = run("events", "show", "9").stdout

    assert by_position == by_id
    assert (by_position["type"], by_position["version"]) == ("section-written", "7")
    assert [each["version"] for each in by_position["why"]] == [1, 2, 5, 6, 7]
    assert "data.model: gpt-4.1-mini" in plain
    assert "canary" not in plain
    assert json.loads(run("events", "show", "5", "--json").stdout)["why"] == []
    looks = readings.of_order(log.engine, ORDER)
    assert [(each.what, each.version) for each in looks] == [("event", 7)] * 3


@pytest.mark.parametrize(
    ("event", "code"), [("99", 3), (NOBODYS, 3), ("x", 2), ("2026-11-21T09:00:00Z", 2)]
)
def test_an_event_that_is_none_ends_with_what_to_do(event: str, code: int, run: Run) -> None:
    ran = run("events", "show", event)

    assert (ran.returncode, ran.stdout) == (code, "")
    assert ran.stderr.splitlines()[-1] == "next: ledgerpress events tail"


def test_what_comes_is_followed(log: Log, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "api.cli", "events", "tail", "-f", "-n", "1", "--json"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**BARE, **environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        first = json.loads(following.stdout.readline())
        log.record(log.read(ORDER), [OrderDelivered(by="mail")], CAUSE)
        seal_all(log.engine)
        second = json.loads(following.stdout.readline())
        os.kill(following.pid, 2)

        assert (first["position"], second["position"]) == ("10", "11")
        assert second["type"] == "order-delivered"
        assert following.wait(60) == 130
