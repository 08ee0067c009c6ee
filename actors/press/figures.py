"""The numbers of a chart, read from what a model wrote and believed only when they can be drawn."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from actors.press.tidy import line

MOST_BARS = 12
MOST_POINTS = 24
MOST_SERIES = 4
FEWEST = 2
LARGEST = 1e9
LONGEST_TITLE = 90
LONGEST_LABEL = 32
LONGEST_UNIT = 12
LONGEST_SOURCE = 4_000

# Digits of other scripts would pass ``\d`` and ``float``; a chart is drawn with those of the rest of the page.
NUMBER = re.compile(r"[-+\u2212]?\d{1,12}(?:\.\d{1,6})?", re.ASCII)
# Lines that say something about the chart and are no row of it.
ABOUT = frozenset({"title", "unit", "x"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Numbers with names. With ``along`` (what stands below the points) each row is a line, without it one bar."""

    title: str
    unit: str
    along: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]

    @property
    def said(self) -> str:
        """The same in words, for those who cannot see it."""
        kind = "Line chart" if self.along else "Bar chart"
        unit = f" ({self.unit})" if self.unit else ""
        rows = (f"{name}: {self._listed(values)}" for name, values in self.rows)
        return f"{kind}{unit}. {self.title}. {'; '.join(rows)}."

    def _listed(self, values: tuple[float, ...]) -> str:
        if not self.along:
            return shown(values[0])
        pairs = zip(self.along, values, strict=True)
        return ", ".join(f"{name} {shown(value)}" for name, value in pairs)


def read(source: str) -> Chart | None:
    """The chart that ``source`` describes; ``None`` if it is not one that can be drawn.

    A line for each row: its name, a colon, its number, or its numbers separated by commas. Before them ``title:``,
    perhaps ``unit:``, and for lines ``x:`` with the names below the points.
    """
    if len(source) > LONGEST_SOURCE:
        return None
    about: dict[str, str] = {}
    rows: list[tuple[str, tuple[float, ...]]] = []
    for each in filter(None, map(str.strip, source.splitlines())):
        word, _, told = each.partition(":")
        if word.strip().lower() in ABOUT and not rows:
            about[word.strip().lower()] = told.strip()
            continue
        name, _, numbers = each.rpartition(":")
        values = _numbers(numbers)
        if not name.strip() or not values:
            return None
        rows.append((line(name, LONGEST_LABEL), values))
    return _drawable(about, rows)


def shown(value: float) -> str:
    """``value`` as it is printed: no more digits than it has, thousands apart."""
    return f"{value:,.6f}".rstrip("0").rstrip(".").replace("-", "\u2212")


def _drawable(about: Mapping[str, str], rows: list[tuple[str, tuple[float, ...]]]) -> Chart | None:
    along = tuple(
        line(name, LONGEST_LABEL) for name in about.get("x", "").split(",") if name.strip()
    )
    if along:
        fits = FEWEST <= len(along) <= MOST_POINTS and 1 <= len(rows) <= MOST_SERIES
        each = len(along)
    else:
        fits = FEWEST <= len(rows) <= MOST_BARS
        each = 1
    if not fits or not about.get("title") or any(len(values) != each for _, values in rows):
        return None
    return Chart(
        title=line(about["title"], LONGEST_TITLE),
        unit=line(about.get("unit", ""), LONGEST_UNIT),
        along=along,
        rows=tuple(rows),
    )


def _numbers(text: str) -> tuple[float, ...]:
    """The numbers of a row; none if one of them is not a number of reasonable size."""
    words = [word.strip() for word in text.split(",")]
    if len(words) > MOST_POINTS or not all(NUMBER.fullmatch(word) for word in words):
        return ()
    values = tuple(float(word.replace("\u2212", "-")) for word in words)
    return values if all(math.isfinite(v) and abs(v) <= LARGEST for v in values) else ()
