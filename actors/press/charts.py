"""Charts as SVG, drawn by hand: bars with their values, lines with their names at the end."""

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import pairwise

from actors.press.figures import Chart, shown
from actors.press.looks import Look

# Points. The width is that of the main column.
WIDTH = 357.2
INK, SOFT, TRACK, GRID = "#23272e", "#6b7280", "#f0eee9", "#e1e4e9"
# Of letters in Inter, on average: enough to leave room for a name, not to set it.
LETTER, EASTERN = 0.56, 0x2E80
BAR_ROW, BAR = 21.0, 10.0
LABELS = 0.34
SIZE = 7.8
PLOT_TOP, PLOT_HEIGHT = 8.0, 150.0
# From one line of names to the next.
LINE = SIZE * 1.25
# How much wider bold letters are.
BOLD = 1.1
TICKS = 5


def draw(chart: Chart, look: Look) -> str:
    """The SVG of ``chart`` in the colours of ``look``, with its numbers in words for those who cannot see it."""
    marks, height = _lines(chart, look) if chart.along else _bars(chart, look)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.1f}"'
        f' style="width:{WIDTH}pt;height:{height:.1f}pt">'
        f"<title>{escape(chart.said)}</title>{''.join(marks)}</svg>"
    )


def _bars(chart: Chart, look: Look) -> tuple[list[str], float]:
    """A row for each bar, all from one line of zero; the largest stands out."""
    values = [values[0] for _, values in chart.rows]
    names = [name for name, _ in chart.rows]
    said = [f"{shown(value)}{_behind(chart.unit)}" for value in values]
    left = min(max(map(_length, names)) + 10, WIDTH * LABELS)
    right = WIDTH - min(max(map(_length, said)) * BOLD + 10, WIDTH * LABELS)
    # Where a unit is too long for it, the number stays whole.
    room = (WIDTH - right - 4) / BOLD
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0

    def across(value: float) -> float:
        return left + (value - low) / span * (right - left)

    largest = max(values, key=abs)
    marks = []
    for row, (name, value, text) in enumerate(zip(names, values, said, strict=True)):
        top = row * BAR_ROW + (BAR_ROW - BAR) / 2
        foot = row * BAR_ROW + BAR_ROW / 2 + SIZE * 0.36
        first, last = sorted((across(0.0), across(value)))
        colour = look.accent if value == largest else look.ground
        marks += [
            _text(0, foot, _short(name, left - 8), SOFT),
            _box(left, top, right - left, TRACK),
            _box(first, top, max(last - first, 0.6), colour),
            _text(WIDTH, foot, _short(text, room), INK, anchor="end", weight=600),
        ]
    return marks, len(chart.rows) * BAR_ROW


def _lines(chart: Chart, look: Look) -> tuple[list[str], float]:
    """Lines over a few quiet rules; each is named where it ends."""
    every = [value for _, values in chart.rows for value in values]
    ticks = _ticks(min(every), max(every))
    said = [f"{shown(tick)}{_behind(chart.unit) if tick == ticks[-1] else ''}" for tick in ticks]
    left = max(map(_length, said)) + 8
    ends = max(_length(name) for name, _ in chart.rows) if len(chart.rows) > 1 else 0.0
    right = WIDTH - min(ends + 10, WIDTH * LABELS) if ends else WIDTH - 10
    low, span = ticks[0], ticks[-1] - ticks[0]

    def across(place: int) -> float:
        return left + place / (len(chart.along) - 1) * (right - left)

    def up(value: float) -> float:
        return PLOT_TOP + (1 - (value - low) / span) * PLOT_HEIGHT

    marks = []
    for tick, text in zip(ticks, said, strict=True):
        marks.append(_rule(left, right, up(tick), strong=tick in {0.0, ticks[0]}))
        marks.append(_text(left - 6, up(tick) + SIZE * 0.36, text, SOFT, anchor="end"))
    marks += _names_below(chart.along, across, (right - left) / (len(chart.along) - 1))
    colours = (look.ground, look.accent, look.deep, SOFT)
    feet = _apart([up(values[-1]) for _, values in chart.rows])
    for (name, values), colour, foot in zip(chart.rows, colours, feet, strict=False):
        points = [(across(place), up(value)) for place, value in enumerate(values)]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        base = up(max(low, 0.0) if ticks[-1] > 0 else ticks[-1])
        marks += [
            f'<path d="M{path}L{right:.1f} {base:.1f}L{left:.1f} {base:.1f}Z" fill="{colour}" fill-opacity="0.1"/>',
            f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-linejoin="round"/>',
            f'<circle cx="{right:.1f}" cy="{points[-1][1]:.1f}" r="2.4" fill="{colour}"/>',
        ]
        if ends:
            label = _short(name, WIDTH - right - 7)
            marks.append(_text(right + 6, foot + SIZE * 0.36, label, INK, weight=600))
    return marks, PLOT_HEIGHT + 26


def _names_below(
    along: Sequence[str], across: Callable[[int], float], room: float
) -> Iterator[str]:
    """As many names as there is room for, evenly."""
    widest = max(map(_length, along)) + 4
    step = max(1, math.ceil(min(widest, WIDTH * LABELS) / room))
    for place in range(0, len(along), step):
        name = _short(along[place], WIDTH * LABELS)
        yield _text(across(place), PLOT_HEIGHT + 22, name, SOFT, anchor="middle")


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers around all values; zero among them unless the values lie far from it."""
    if low > 0 and low < 0.7 * high:
        low = 0.0
    if high < 0 and high > 0.7 * low:
        high = 0.0
    if low == high:
        low, high = low - 1, high + 1
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(step * place, 9) for place in range(first, last + 1)]


def _apart(heights: Sequence[float]) -> list[float]:
    """The same heights, moved so that names written there do not touch, and stay inside the drawing."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    moved = list(heights)
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + LINE)
    lowest = PLOT_TOP + PLOT_HEIGHT
    for each in reversed(order):
        moved[each] = min(moved[each], lowest)
        lowest = moved[each] - LINE
    return moved


def _behind(unit: str) -> str:
    return unit if unit in {"%", "°"} else f"\u00a0{unit}" if unit else ""


def _length(text: str) -> float:
    # Letters of the East take the whole of their square.
    return sum(LETTER if ord(letter) < EASTERN else 1.0 for letter in text) * SIZE


def _short(text: str, room: float) -> str:
    if _length(text) <= room:
        return text
    while text and _length(text + "…") > room:
        text = text[:-1]
    return text.rstrip() + "…"


def _box(left: float, top: float, width: float, colour: str) -> str:
    return f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{BAR}" rx="1.2" fill="{colour}"/>'


def _rule(left: float, right: float, at: float, *, strong: bool) -> str:
    width = 0.7 if strong else 0.4
    return f'<path d="M{left:.1f} {at:.1f}H{right:.1f}" stroke="{SOFT if strong else GRID}" stroke-width="{width}"/>'


def _text(
    x: float, y: float, words: str, colour: str, *, anchor: str = "start", weight: int = 400
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="Inter" font-size="{SIZE}" font-weight="{weight}"'
        f' fill="{colour}" text-anchor="{anchor}">{escape(words)}</text>'
    )
