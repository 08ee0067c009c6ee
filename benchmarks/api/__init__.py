"""The API: payments taken in, polls answered and thousands of clients kept waiting, beside bare routes."""

import argparse
import asyncio
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.api import polling, receiving, waiting
from benchmarks.api.house import House, house
from benchmarks.api.sizes import FULL, QUICK, Sizes
from benchmarks.engine.ground import ground
from benchmarks.figures import Report
from benchmarks.machine import describe, load, say
from benchmarks.parts import choosing

Part = Callable[[House, Sizes, Report], Coroutine[Any, Any, None]]
PARTS: Mapping[str, Part] = {
    "webhook": receiving.measure,
    "poll": polling.measure,
    "wait": waiting.measure,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which parts."""
    choosing(parser, PARTS)


def measure(given: argparse.Namespace) -> Report:
    """Measure the chosen parts, one after another, each with an API process of its own."""
    report = Report(benchmark="api", machine=describe(), quick=given.quick)
    sizes = QUICK if given.quick else FULL
    with TemporaryDirectory(prefix="ledgerpress-bench-") as folder, ground(Path(folder)) as fresh:
        report.machine.postgres = str(fresh.ask.info.parameter_status("server_version"))
        for name in given.only:
            say(f"measuring: {name}")
            with house(fresh) as one:
                asyncio.run(PARTS[name](one, sizes, report))
    report.machine.load_after = load()
    return report
