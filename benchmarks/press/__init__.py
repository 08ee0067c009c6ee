"""The press: one long report, beside the two ways in which one would ask WeasyPrint for it."""

import argparse
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from actors.press.rendering import FONTS
from benchmarks.figures import Figure, Report, times
from benchmarks.machine import describe, load, say
from benchmarks.press.watching import Taken, watched

OURS, SIDE_BY_SIDE, WHOLE, MERGED = "one-child", "two-children", "one-document", "merged"
NAMES = {
    OURS: "Ledgerpress, one child",
    SIDE_BY_SIDE: "Ledgerpress, two children",
    WHOLE: "one HTML document",
    MERGED: "documents merged in memory",
}
UNITS = {"wall": "s", "cpu": "s", "largest": "MB", "tree": "MB", "resident": "MB", "size": "kB"}
SAID = {
    "wall": "time",
    "cpu": "processor time",
    "largest": "largest process",
    "tree": "all processes",
    "resident": "all processes, shared memory counted for each",
    "size": "file",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many chunks, how many for showing that memory stays, and how often all take turns."""

    chunks: int
    many: int
    rounds: int


FULL = Sizes(chunks=173, many=1000, rounds=3)
QUICK = Sizes(chunks=8, many=12, rounds=1)


@dataclass(slots=True)
class Runs:
    """What each way took, turn by turn; sizes of files in kilobytes."""

    taken: dict[str, list[Taken]] = field(default_factory=dict)
    sizes: dict[str, list[float]] = field(default_factory=dict)

    def figure(self, way: str, what: str, *, chunks: int = 0) -> Figure:
        """One figure of one way."""
        runs = self.sizes[way] if what == "size" else [getattr(t, what) for t in self.taken[way]]
        after = f" at {chunks:,} chunks" if chunks else ""
        return Figure(name=f"{NAMES[way]}: {SAID[what]}{after}", unit=UNITS[what], runs=tuple(runs))


def arguments(_parser: argparse.ArgumentParser) -> None:
    """There is nothing else to choose."""


def measure(given: argparse.Namespace) -> Report:
    """Let all ways press the same report in turns, then ours a much longer one."""
    report = Report(benchmark="press", machine=describe(), quick=given.quick)
    sizes = QUICK if given.quick else FULL
    with TemporaryDirectory(prefix="ledgerpress-bench-") as folder:
        runs, longer = Runs(), Runs()
        for turn in range(sizes.rounds):
            say(f"pressing {sizes.chunks} chunks, turn {turn + 1} of {sizes.rounds}")
            _press(NAMES, sizes.chunks, Path(folder), runs)
        say(f"pressing {sizes.many} chunks")
        _press([OURS], sizes.many, Path(folder), longer)
    _judge(report, runs)
    _judge_growth(report, runs, longer, sizes)
    report.notes.append(
        f"{sizes.chunks} chunks of about 600 words, each with a table and a chart; the same HTML, style sheet and fonts"
        " for all."
    )
    report.machine.load_after = load()
    return report


def _press(ways: Iterable[str], chunks: int, folder: Path, runs: Runs) -> None:
    environment = {
        **os.environ,
        "FONTCONFIG_FILE": str(FONTS / "fonts.conf"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    for way in ways:
        file = folder / f"{way}.pdf"
        module = [sys.executable, "-m", "benchmarks.press.one_run", way, str(chunks), str(file)]
        runs.taken.setdefault(way, []).append(watched(module, environment))
        runs.sizes.setdefault(way, []).append(file.stat().st_size / 1000)


def _judge(report: Report, runs: Runs) -> None:
    for way, children in ((OURS, "one child"), (SIDE_BY_SIDE, "two children")):
        goals = (
            (f"{children}: the largest process at most a sixth", "largest", MERGED, 1 / 6),
            (f"{children}: all processes together at most a fifth", "tree", MERGED, 1 / 5),
            (f"{children}: no more processor time than one document", "cpu", WHOLE, 1.0),
            (f"{children}: a file at most 1.2 times as large", "size", WHOLE, 1.2),
        )
        for says, what, other, goal in goals:
            report.add(times(says, runs.figure(way, what), runs.figure(other, what), goal))
    took, theirs = runs.figure(SIDE_BY_SIDE, "wall"), runs.figure(MERGED, "wall")
    report.add(times("two children: at most half the time", took, theirs, 0.5))
    report.add(*(runs.figure(way, what) for way in NAMES for what in UNITS))


def _judge_growth(report: Report, runs: Runs, longer: Runs, sizes: Sizes) -> None:
    latest = Runs({OURS: runs.taken[OURS][-1:]}, {OURS: runs.sizes[OURS][-1:]})
    for what in ("largest", "tree"):
        many = longer.figure(OURS, what, chunks=sizes.many)
        few = latest.figure(OURS, what, chunks=sizes.chunks)
        report.add(times(f"{SAID[what]}: the same for {sizes.many:,} chunks", many, few, 1.1))
    report.add(*(longer.figure(OURS, what, chunks=sizes.many) for what in UNITS))
