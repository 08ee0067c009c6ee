"""What the docs tell their readers to type works, against a log of the test's own."""

import json
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from events.envelope import Cause
from events.views import order_number
from storage.record import Log
from tests.examples import ORDER, SUBJECT, paid, placed
from tests.forking import ledgerpress
from tests.projecting import feed_all
from tests.unit.test_docs import PAGES, blocks, commands

CAUSE = Cause(correlation="c-1", causation="m-1", actor="test")

STATEMENTS = {page.name: blocks(page.read_text("utf-8"), "sql") for page in PAGES}

# What goes on until it is stopped, or needs what another shop has kept.
NOT_HERE = {"run", "doctor", "audit verify order.zip"}
# How commands begin that are refused, and why: there is no such event, version, checkpoint or Stripe account, and
# little that a person might do to an order that has only just been paid for.
REFUSED = {
    "announcements again": "no-position",
    "at ORDER 125": "version-not-reached",
    "audit export": "not-signed-yet",
    "events show 4711": "event-not-found",
    "order arrived": "cancelled",
    "order resend": "not-delivered",
    "order retry ORDER": "at-work",
    "timer run reconciliation": "unknown-timer",
}


@pytest.mark.parametrize("page", [name for name, found in STATEMENTS.items() if found])
def test_the_sql_of_the_docs_runs(page: str, database: str) -> None:
    found = re.sub(r"--.*", "", "".join(STATEMENTS[page])).split(";")
    statements = [each.strip() for each in found if each.strip()]

    with psycopg.connect(database) as connection:
        if not any(each.startswith("create role anna") for each in statements):
            connection.execute("create role anna login")
        for each in statements:
            if not each.startswith("create database"):  # what no transaction takes back
                connection.execute(each.encode())
        connection.rollback()


def test_the_commands_of_the_docs_run(
    orders_log: Log, environment: dict[str, str], database: str, tmp_path: Path
) -> None:
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    orders_log.record(history, [placed(), paid()], CAUSE)
    feed_all(orders_log.engine, database)
    names = {
        "ORDER": ORDER,
        "XG46-5YJX": order_number(ORDER),
        "2026-11-21T13:30:00Z": datetime.now(UTC).isoformat(),
    }

    for words in commands("ledgerpress"):
        line = " ".join(words)
        if any(line.startswith(each) for each in NOT_HERE):
            continue
        given = [names.get(each, each) for each in words]
        ran = ledgerpress(
            *given, "--json", environment=environment, folder=tmp_path, given="whsec_another\n"
        )

        why = next((each for start, each in REFUSED.items() if line.startswith(start)), "")
        if why:
            assert json.loads(ran.stderr.splitlines()[-1])["error"]["reason"] == why, line
        else:
            assert ran.returncode == 0, f"{line}: {ran.stderr}"
