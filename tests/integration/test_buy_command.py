"""``ledgerpress buy``, ``order watch`` and ``openapi``; and what every verb has."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer

from api.cli import app
from events.facts import OrderDelivered
from storage.record import Log
from tests.conftest import ROOT
from tests.examples import bound, started
from tests.forking import ledgerpress
from tests.integration.test_command_line import BARE, INSTALLED
from tests.integration.test_ops_pages import add

Buy = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def buy(api_url: str, environment: dict[str, str], tmp_path: Path) -> Buy:
    """Runs ``ledgerpress buy`` beside a running API."""

    def run(*arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        settings = {**environment, "PUBLIC_URL": api_url, **changed}
        return ledgerpress("buy", *arguments, folder=tmp_path, environment=settings)

    return run


def lines(ran: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_a_trial_purchase_goes_through_the_real_webhook(buy: Buy, orders_log: Log) -> None:
    ran = buy("life_clarity", "--email", "ada@example.com", "--json")

    (told,) = lines(ran)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (told["type"], told["verdict"]) == ("checkout.session.completed", "recorded")
    placed = orders_log.read(told["order"]).order.placed
    assert placed
    assert (placed.product, placed.email) == ("life_clarity", "ada@example.com")


def test_people_are_told_where_the_customer_comes_back_to(buy: Buy, api_url: str) -> None:
    ran = buy("life_clarity")

    assert ran.stdout.startswith("checkout.session.completed  recorded  ")
    assert f"{api_url}/checkout/return?session_id=cs_test_" in ran.stderr


def test_an_event_that_comes_twice_is_one_order(buy: Buy) -> None:
    told = lines(buy("life_clarity", "--duplicate", "--json"))

    assert [each["verdict"] for each in told] == ["recorded", "duplicate"]
    assert told[0]["order"] == told[1]["order"]


def test_events_in_the_wrong_order_are_one_paid_order(buy: Buy, orders_log: Log) -> None:
    told = lines(buy("life_clarity", "--out-of-order", "--duplicate", "--json"))

    assert len({each["order"] for each in told}) == 1
    assert len({each["event"] for each in told}) == 2
    assert orders_log.read(told[0]["order"]).order.paid is not None
    assert [each.type for each in orders_log.recorded(told[0]["order"])].count("order-placed") == 1


@pytest.mark.parametrize(
    ("arguments", "changed", "code", "reason"),
    [
        (["no_such"], {}, 3, "unknown-product"),
        (["life_clarity"], {"STRIPE_WEBHOOK_SECRET": "whsec_other"}, 2, "not-taken"),
        (["life_clarity"], {"PUBLIC_URL": "http://127.0.0.1:9"}, 4, "api-away"),
        (["life_clarity"], {"STRIPE_LIVEMODE": "true"}, 2, "live"),
    ],
)
def test_what_goes_wrong_says_what_to_do(
    buy: Buy, arguments: list[str], changed: dict[str, str], code: int, reason: str
) -> None:
    ran = buy(*arguments, "--json", **changed)

    error = json.loads(ran.stderr)["error"]
    assert (ran.returncode, error["exit_code"], ran.stdout) == (code, code, "")
    assert error["reason"] == reason
    assert error["next"]
    assert "whsec" not in ran.stderr


@pytest.fixture
def done(buy: Buy, orders_log: Log) -> str:
    """A delivered order."""
    order: str = lines(buy("life_clarity", "--json"))[0]["order"]
    add(orders_log, order, started(), bound(), OrderDelivered(by="mail"))
    return order


def test_an_order_is_followed_by_lines_where_nobody_looks(
    done: str, environment: dict[str, str], tmp_path: Path
) -> None:
    plain = ledgerpress("order", "watch", done, folder=tmp_path, environment=environment)
    as_json = ledgerpress(
        "order", "watch", done, "--json", folder=tmp_path, environment=environment
    )

    assert plain.stdout == f"{done}  life_clarity  delivered  100 %\n"
    assert [each["percent"] for each in lines(as_json)] == [100]


def test_an_order_is_followed_by_a_bar_on_a_terminal(
    done: str, environment: dict[str, str], tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    given = {**BARE, "PYTHONPATH": str(ROOT), "COLUMNS": "160", "TERM": "xterm", **environment}
    command = [sys.executable, "-m", "api.cli", "order", "watch", done]

    ran = subprocess.run(command, cwd=tmp_path, env=given, stdout=theirs, check=True)

    os.close(theirs)
    shown = all_of(ours)
    os.close(ours)
    assert ran.returncode == 0
    assert f"{done}  life_clarity  delivered  100 %" in shown
    assert "━" in shown


def all_of(terminal: int) -> str:
    """What was shown on it before its other end was closed, in however many pieces it comes."""
    shown = b""
    with suppress(OSError):
        while piece := os.read(terminal, 10_000):
            shown += piece
    return shown.decode()


def test_the_api_is_printed_without_settings(tmp_path: Path) -> None:
    ran = ledgerpress("openapi", "--json", environment={}, folder=tmp_path)

    document = json.loads(ran.stdout)
    assert ran.returncode == 0
    assert "/v1/orders/{order_id}" in document["paths"]
    assert "/ops" not in document["paths"]


def verbs(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every verb of the command line, by what one types."""
    context = typer.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if hasattr(found, "list_commands"):
            yield from verbs(found, f"{path} {name}")
        else:
            yield f"{path} {name}".strip(), found


def test_no_verb_lacks_json_and_help() -> None:
    found = dict(verbs(typer.main.get_command(app)))

    without = [
        name
        for name, verb in found.items()
        if "--json" not in {option for each in verb.params for option in each.opts}
    ]
    assert {"buy", "openapi", "order watch", "product list", "doctor"} <= set(found)
    assert without == []
    assert [name for name, verb in found.items() if not verb.help] == []


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("ledgerpress ord", "order"),
        ("ledgerpress order re", "retry"),
        ("ledgerpress buy life", "life_clarity"),
    ],
)
def test_a_shell_completes_words_verbs_and_products(
    tmp_path: Path, typed: str, offered: str
) -> None:
    asked = {
        "_LEDGERPRESS_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }

    ran = subprocess.run(
        [INSTALLED], cwd=tmp_path, env={**BARE, **asked}, capture_output=True, text=True, check=True
    )

    assert offered in ran.stdout.split()
