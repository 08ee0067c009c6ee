"""The engine: orders through the real loop, beside what others make of the same work."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.engine import crowding, draining, long_orders, memory, nudging, resuming
from benchmarks.engine.ground import Ground, ground
from benchmarks.engine.sizes import FULL, QUICK, Sizes
from benchmarks.figures import Report
from benchmarks.machine import describe, load, say
from benchmarks.parts import choosing

PARTS: Mapping[str, Callable[[Ground, Sizes, Report], None]] = {
    "drain": draining.measure,
    "nudge": nudging.measure,
    "resume": resuming.measure,
    "long": long_orders.measure,
    "crowd": crowding.measure,
    "memory": memory.measure,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which parts, and whether others are measured too."""
    choosing(parser, PARTS)
    parser.add_argument(
        "--no-peers",
        action="store_true",
        help="do not install and measure Celery, DBOS and plain Dramatiq",
    )


def measure(given: argparse.Namespace) -> Report:
    """Measure the chosen parts, one after another, with a keeper at work as in production."""
    report = Report(benchmark="engine", machine=describe(), quick=given.quick)
    sizes = QUICK if given.quick else FULL
    with (
        TemporaryDirectory(prefix="ledgerpress-bench-") as folder,
        ground(Path(folder), with_peers=not given.no_peers) as fresh,
        fresh.worker("keeper"),
    ):
        report.machine.postgres = str(fresh.ask.info.parameter_status("server_version"))
        for name in given.only:
            say(f"measuring: {name}")
            PARTS[name](fresh, sizes, report)
    report.machine.load_after = load()
    return report
