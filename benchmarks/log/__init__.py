"""The log: appending, folding, sealing, verifying, projecting, beside the bare database and another event store."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.engine.ground import Ground, ground
from benchmarks.figures import Report
from benchmarks.log import appending, folding, rebuilding, sealing, verifying
from benchmarks.log.sizes import FULL, QUICK, Sizes
from benchmarks.machine import describe, load, say
from benchmarks.parts import choosing

PARTS: Mapping[str, Callable[[Ground, Sizes, Report], None]] = {
    "append": appending.measure,
    "fold": folding.measure,
    "seal": sealing.measure,
    "verify": verifying.measure,
    "rebuild": rebuilding.measure,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which parts, and whether others are measured too."""
    choosing(parser, PARTS)
    parser.add_argument(
        "--no-peers", action="store_true", help="do not install and measure pyeventsourcing"
    )


def measure(given: argparse.Namespace) -> Report:
    """Measure the chosen parts, each on a database of its own."""
    report = Report(benchmark="log", machine=describe(), quick=given.quick)
    sizes = QUICK if given.quick else FULL
    for name in given.only:
        say(f"measuring: {name}")
        with (
            TemporaryDirectory(prefix="ledgerpress-bench-") as folder,
            ground(Path(folder), with_peers=not given.no_peers) as fresh,
        ):
            report.machine.postgres = str(fresh.ask.info.parameter_status("server_version"))
            PARTS[name](fresh, sizes, report)
    report.machine.load_after = load()
    return report
