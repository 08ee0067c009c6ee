"""``ledgerpress tenant`` as operators use it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import api_keys
from storage.record import Log
from storage.settings import Settings
from storage.stripe_secrets import StripeSecrets
from tests.forking import ledgerpress

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run ``ledgerpress tenant ...`` with the settings of the test."""

    def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return ledgerpress(
            "tenant", *arguments, environment=environment, folder=tmp_path, given=given
        )

    return run


def told(answer: subprocess.CompletedProcess[str]) -> Any:
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_tenants_are_added_limited_and_listed(run: Run) -> None:
    assert told(run("add", "acme", "--title", "Acme Inc.", "--json"))["title"] == "Acme Inc."
    set_ = ["--at-work", "3", "--priority", "1", "--month-budget", "250", "--order-budget", "0.5"]
    set_ += ["--retention-days", "90"]

    limited = told(run("limit", "acme", *set_, "--json"))
    lifted = told(run("limit", "acme", "--at-work", "none", "--json"))
    listed = told(run("list", "--json"))

    assert limited["at_work"] == 3
    assert limited["month_budget"] == 250_000_000
    assert limited["order_budget"] == 500_000
    assert limited["retention_days"] == 90
    assert lifted == {**limited, "at_work": None}
    assert [each["tenant"] for each in listed] == ["acme", "default"]
    assert "acme\t-\t1\t-\t-\t0.5\t250\t90\n" in run("list").stdout


def test_mistakes_end_with_their_exit_codes(run: Run) -> None:
    assert run("add", "default").returncode == 5
    assert run("add", "Not A Name").returncode == 2
    assert run("limit", "nobody", "--at-work", "1").returncode == 3
    assert run("key", "nobody", "--new", "x").returncode == 3
    assert run("key", "default", "--revoke", "00").returncode == 3
    for limit in (["--at-work", "0"], ["--at-work", "many"], ["--month-budget", "NaN"],
                  ["--month-budget", "0.0000001"], ["--priority", "10"]):  # fmt: skip
        assert run("limit", "default", *limit).returncode == 2, limit


def test_a_key_is_shown_once_listed_and_revoked(run: Run, orders_log: Log) -> None:
    run("add", "acme")

    made = run("key", "acme", "--new", "their server")
    key = made.stdout.strip()
    (listed,) = told(run("key", "acme", "--json"))

    assert made.returncode == 0
    assert api_keys.tenant_of(orders_log.engine, key) == "acme"
    assert listed["name"] in made.stderr
    assert key not in made.stderr
    assert (listed["label"], listed["revoked_at"]) == ("their server", None)
    assert key not in run("key", "acme").stdout
    assert told(run("key", "acme", "--revoke", listed["name"], "--json"))["revoked_at"]
    assert api_keys.tenant_of(orders_log.engine, key) is None


def test_stripes_secrets_come_in_by_stdin_and_are_never_shown(
    run: Run, orders_log: Log, settings: Settings
) -> None:
    run("add", "acme")

    added = run("secret", "acme", "--add", given="whsec_canary\n")
    (listed,) = told(run("secret", "acme", "--json"))
    refused = run("secret", "acme", "--add", given="sk_canary\n")

    assert added.returncode == 0
    assert added.stdout.strip() == listed["secret"]
    assert "/webhooks/stripe/acme" in added.stderr
    assert refused.returncode == 2
    assert "canary" not in added.stdout + added.stderr + refused.stderr
    assert StripeSecrets(orders_log.engine, settings).of("acme") == ["whsec_canary"]
    assert told(run("secret", "acme", "--remove", listed["secret"], "--json")) == []
