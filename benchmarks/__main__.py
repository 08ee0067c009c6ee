"""Starts one benchmark: ``./dev bench engine``, ``./dev bench press``."""

import argparse
import fcntl
import hashlib
import logging
import os
import sys
from collections.abc import Mapping
from typing import Protocol

import structlog

from benchmarks import api, engine, log, press
from benchmarks.engine.ground import ROOT
from benchmarks.figures import Report


class Benchmark(Protocol):
    """A room of this package that measures something. Its docstring is its help."""

    __doc__: str | None

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what can be chosen beside ``--json`` and ``--quick``."""

    def measure(self, given: argparse.Namespace) -> Report:
        """Measure, and say what was found. Talks on standard error only."""


BENCHMARKS: Mapping[str, Benchmark] = {"api": api, "engine": engine, "log": log, "press": press}


def main() -> int:
    """Measure and print; return 0 if every goal was reached, 1 if one was not."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    commands = parser.add_subparsers(dest="benchmark", required=True)
    for name, benchmark in BENCHMARKS.items():
        command = commands.add_parser(name, help=benchmark.__doc__, description=benchmark.__doc__)
        command.add_argument("--json", action="store_true", help="figures as JSON")
        command.add_argument("--quick", action="store_true", help="small: shows that it works")
        benchmark.arguments(command)
    given = parser.parse_args()
    # The orders that are placed from here would be a line each.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    (ROOT / ".run").mkdir(exist_ok=True)
    broker = hashlib.sha256(os.environ["RABBITMQ_URL"].encode()).hexdigest()[:8]
    with (ROOT / ".run" / f"bench-{broker}.lock").open("w") as lock:
        # One at a time on a broker: they would take each other's messages.
        fcntl.flock(lock, fcntl.LOCK_EX)
        report = BENCHMARKS[given.benchmark].measure(given)
    report.print(as_json=given.json)
    return 0 if report.met else 1


if __name__ == "__main__":
    sys.exit(main())
