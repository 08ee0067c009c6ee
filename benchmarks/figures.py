"""Figures, what they are held against, and how both are shown: as JSON or as tables."""

import json
import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Something measured, as often as it was measured."""

    name: str
    unit: str
    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of all runs."""
        return statistics.median(self.runs)

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the most of all runs."""
        return min(self.runs), max(self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A promise, what was measured of it, and its baseline of the same run.

    ``judged`` is what the goal speaks of (a ratio, a difference, or the figure itself) for each run; its median must
    be at most or at least ``goal``. ``ratio`` is figure over baseline, run by run.
    """

    says: str
    figure: Figure
    baseline: Figure
    judged: str
    unit: str
    runs: tuple[float, ...]
    goal: float
    at_least: bool = False

    @property
    def ratio(self) -> float:
        """The median of figure over baseline; pairs that were measured one after the other are held together."""
        figure, baseline = self.figure.runs, self.baseline.runs
        if len(figure) == len(baseline):
            return statistics.median(
                ours / theirs for ours, theirs in zip(figure, baseline, strict=True) if theirs
            )
        return self.figure.median / self.baseline.median

    @property
    def met(self) -> bool:
        """Whether the goal was reached."""
        value = statistics.median(self.runs)
        return value >= self.goal if self.at_least else value <= self.goal


def at_most(says: str, figure: Figure, baseline: Figure, goal: float) -> Claim:
    """The figure itself is at most ``goal``; the baseline says what that is worth here."""
    return Claim(
        says=says,
        figure=figure,
        baseline=baseline,
        judged=figure.name,
        unit=figure.unit,
        runs=figure.runs,
        goal=goal,
    )


def at_least(says: str, figure: Figure, baseline: Figure, goal: float) -> Claim:
    """The figure itself is at least ``goal``; the baseline says what that is worth here."""
    return replace(at_most(says, figure, baseline, goal), at_least=True)


def times(
    says: str, figure: Figure, baseline: Figure, goal: float, *, at_least: bool = False
) -> Claim:
    """The figure is ``goal`` times the baseline at most, or at least, run by run."""
    pairs = zip(figure.runs, baseline.runs, strict=True)
    return Claim(
        says=says,
        figure=figure,
        baseline=baseline,
        judged=f"{figure.name} / {baseline.name}",
        unit="times",
        runs=tuple(ours / theirs for ours, theirs in pairs),
        goal=goal,
        at_least=at_least,
    )


def more(says: str, figure: Figure, baseline: Figure, goal: float) -> Claim:
    """The figure is at most ``goal`` more than the baseline, run by run."""
    pairs = zip(figure.runs, baseline.runs, strict=True)
    return Claim(
        says=says,
        figure=figure,
        baseline=baseline,
        judged=f"{figure.name} - {baseline.name}",
        unit=figure.unit,
        runs=tuple(ours - theirs for ours, theirs in pairs),
        goal=goal,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that ``share`` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(round(share * len(ordered), 6))) - 1]


@dataclass(slots=True, kw_only=True)
class Report:
    """All that one benchmark found out."""

    benchmark: str
    machine: Machine
    quick: bool
    figures: list[Figure] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    peers: dict[str, str] = field(default_factory=dict)

    def add(self, *found: Figure | Claim) -> None:
        """Keep these; a claim's figures come with it."""
        for each in found:
            if isinstance(each, Claim):
                self.claims.append(each)
                self.add(each.figure, each.baseline)
            elif each not in self.figures:
                self.figures.append(each)

    @property
    def met(self) -> bool:
        """Whether every goal was reached."""
        return all(claim.met for claim in self.claims)

    def print(self, *, as_json: bool) -> None:
        """Show it on standard output."""
        if as_json:
            sys.stdout.write(json.dumps(self.plain(), indent=2, ensure_ascii=False) + "\n")
        else:
            self._show(Console(width=140, file=sys.stdout))

    def plain(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "benchmark": self.benchmark,
            "quick": self.quick,
            "machine": asdict(self.machine),
            "peers": self.peers,
            "figures": [_figure(each) for each in self.figures],
            "claims": [_claim(each) for each in self.claims],
            "met": self.met,
            "notes": self.notes,
        }

    def _show(self, console: Console) -> None:
        claims = Table("claim", "measured", "baseline", "ratio", "judged", "goal", "", box=None)
        for each in self.claims:
            sign = ">=" if each.at_least else "<="
            claims.add_row(
                each.says,
                _said(each.figure),
                f"{_said(each.baseline)}  {each.baseline.name}",
                f"{each.ratio:.3g}",
                f"{statistics.median(each.runs):.3g} ({min(each.runs):.3g} to {max(each.runs):.3g})",
                f"{sign} {each.goal:g} {each.unit}",
                "met" if each.met else "NOT MET",
            )
        console.print(claims)
        console.print()
        figures = Table("figure", "median", "least", "most", "unit", "runs", box=None)
        for found in self.figures:
            least, most = (f"{value:.4g}" for value in found.spread)
            runs = str(len(found.runs))
            figures.add_row(found.name, f"{found.median:.4g}", least, most, found.unit, runs)
        console.print(figures)
        console.print()
        for note in self.notes:
            console.print(note, soft_wrap=True)
        console.print(self.machine.sentence)


def _said(figure: Figure) -> str:
    return f"{figure.median:.3g} {figure.unit}"


def _figure(figure: Figure) -> dict[str, Any]:
    least, most = figure.spread
    return {
        "name": figure.name,
        "unit": figure.unit,
        "median": round(figure.median, 6),
        "least": round(least, 6),
        "most": round(most, 6),
        "runs": [round(value, 6) for value in figure.runs],
    }


def _claim(claim: Claim) -> dict[str, Any]:
    return {
        "claim": claim.says,
        "figure": claim.figure.name,
        "baseline": claim.baseline.name,
        "ratio": round(claim.ratio, 6),
        "judged": claim.judged,
        "value": round(statistics.median(claim.runs), 6),
        "least": round(min(claim.runs), 6),
        "most": round(max(claim.runs), 6),
        "unit": claim.unit,
        "goal": {"at_least" if claim.at_least else "at_most": claim.goal},
        "met": claim.met,
    }
