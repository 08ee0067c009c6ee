"""The benchmarks work: a small run measures what needs nobody else, and says it in the agreed shape."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from benchmarks.figures import Figure, more, percentile, times
from tests.conftest import ROOT, needed

CLAIM = {
    "claim", "figure", "baseline", "ratio", "judged", "value", "least", "most", "unit", "goal", "met",
}  # fmt: skip


def quick_run(*arguments: str) -> Any:
    """What a small run says of itself; whether its goals were met says nothing on a busy machine."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments, "--quick", "--json"],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return json.loads(done.stdout)


@pytest.mark.acceptance
def test_a_quick_run_gives_figures_baselines_ratios_and_goals() -> None:
    needed("DATABASE_URL")
    needed("RABBITMQ_URL")

    found = quick_run("engine", "--no-peers", "--only", "drain", "memory")

    assert found["benchmark"] == "engine"
    assert found["quick"]
    assert found["machine"]["cores"] > 0
    assert {each["name"] for each in found["figures"]} >= {
        "Ledgerpress: drained",
        "Ledgerpress: worker CPU",
        "worker memory after 40 orders",
    }
    assert len(found["claims"]) == 1
    assert all(set(each) == CLAIM for each in found["claims"])


@pytest.mark.acceptance
def test_a_quick_run_of_the_log_gives_a_figure_for_every_goal() -> None:
    needed("DATABASE_URL")

    found = quick_run("log", "--no-peers")

    assert [each["judged"] for each in found["claims"]] == [
        "Ledgerpress: appended / one bare INSERT",
        "600 events: read and folded, nothing opened",
        "recorded to sealed, p99",
        "2,000 events verified offline, a core",
        "all projections folded afresh from 2,000 events / COPY events TO STDOUT",
    ]
    assert all(each["value"] > 0 for each in found["claims"])


@pytest.mark.acceptance
def test_a_quick_run_of_the_api_gives_a_figure_for_every_goal() -> None:
    needed("DATABASE_URL")
    needed("RABBITMQ_URL")

    found = quick_run("api")

    assert {each["figure"] for each in found["claims"]} == {
        "payments recorded",
        "status polls answered 200",
        "status polls answered 304",
        "woken, p99",
        "memory with 40 waiting",
    }
    assert all(set(each) == CLAIM for each in found["claims"])


@pytest.mark.acceptance
def test_a_quick_run_of_the_press_compares_all_four_ways() -> None:
    needed("RABBITMQ_URL")

    found = quick_run("press")

    taken = {each["name"]: each["median"] for each in found["figures"]}
    for way in ("Ledgerpress, one child", "Ledgerpress, two children", "one HTML document"):
        for what in ("time", "processor time", "largest process", "all processes", "file"):
            assert taken[f"{way}: {what}"] > 0
    assert len(found["claims"]) == 11


def test_a_goal_is_judged_by_the_median_of_runs_held_against_their_own_baseline() -> None:
    ours = Figure(name="ours", unit="ms", runs=(2.0, 3.0, 40.0))
    theirs = Figure(name="theirs", unit="ms", runs=(1.0, 2.0, 10.0))

    assert times("fast", ours, theirs, 2.0).met
    assert not times("fast", ours, theirs, 1.9).met
    assert times("fast", ours, theirs, 2.0, at_least=True).met
    assert more("cheap", ours, theirs, 1.0).met
    assert times("fast", ours, theirs, 2.0).ratio == 2.0


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(1, 101)]

    assert percentile(values, 0.95) == 95
    assert percentile(values, 0.5) == 50
    assert percentile([7.0], 0.95) == 7
