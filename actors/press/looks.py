"""How a product looks: its colours, and the line drawing on its cover, both derived from its name."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, pi, sin

# A4 in millimetres: the drawing's own units.
WIDTH, HEIGHT = 210, 297


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """``ground`` is the dark of covers, ``accent`` what stands out on it, ``deep`` what stands out on white."""

    ground: str
    accent: str
    deep: str
    motif: str


LOOKS = (
    Look(ground="#0e2a33", accent="#e8b36b", deep="#a8651c", motif="ripples"),
    Look(ground="#12284c", accent="#f0a53c", deep="#b06a0c", motif="contours"),
    Look(ground="#1c1a3a", accent="#dcb877", deep="#8a6428", motif="orbits"),
    Look(ground="#2a1f2d", accent="#e79a84", deep="#a4492f", motif="waves"),
    Look(ground="#17302a", accent="#cdbf7a", deep="#75671c", motif="waves"),
    Look(ground="#31202b", accent="#d9a5b3", deep="#963f5d", motif="ripples"),
)
# So that the first three do not meet by chance; any other name finds its own.
CHOSEN = {"life_clarity": 0, "personal_blueprint": 1, "personal_horoscope": 2}


def look(name: str) -> Look:
    """The look of the product ``name``: always the same for the same name."""
    return LOOKS[CHOSEN.get(name, int(chance(name) * len(LOOKS)))]


def chance(*of: object) -> float:
    """A number from 0 to below 1 that looks random and never changes."""
    digest = hashlib.sha256(repr(of).encode()).digest()
    return int.from_bytes(digest[:6]) / 256**6


def drawing(name: str, *, place: int = 0) -> str:
    """The SVG of a cover (``place`` 0) or of a part's opening page (its number)."""
    style = look(name)
    lines = "".join(MOTIFS[style.motif](f"{name}/{place}"))
    return (
        f'<svg class="drawing" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"<title>Line drawing</title>"
        f'<g color="{style.accent}" fill="none" stroke="{style.accent}" stroke-width="0.28">{lines}</g></svg>'
    )


def _path(points: list[tuple[float, float]], opacity: float, *, closed: bool = False) -> str:
    """A smooth curve through ``points`` (Catmull-Rom, written as cubic Bézier segments)."""
    count = len(points)

    def at(i: int) -> tuple[float, float]:
        return points[i % count if closed else min(max(i, 0), count - 1)]

    steps = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for i in range(count if closed else count - 1):
        before, here, there, after = at(i - 1), at(i), at(i + 1), at(i + 2)
        first = (here[0] + (there[0] - before[0]) / 6, here[1] + (there[1] - before[1]) / 6)
        second = (there[0] - (after[0] - here[0]) / 6, there[1] - (after[1] - here[1]) / 6)
        steps.append("C" + " ".join(f"{x:.1f} {y:.1f}" for x, y in (first, second, there)))
    return f'<path d="{"".join(steps)}" stroke-opacity="{opacity:.2f}"/>'


def _ripples(seed: str) -> Iterator[str]:
    """Rings on water: one stone, slightly uneven, wider and fainter as they go."""
    x, y = 150 + 24 * chance(seed, "x"), 184 + 26 * chance(seed, "y")
    phases = [2 * pi * chance(seed, "phase", n) for n in range(3)]
    for ring in range(22):
        radius = 5 + 5.2 * ring + 0.16 * ring**2
        points = []
        for step in range(20):
            turn = 2 * pi * step / 20
            swell = sum(sin((n + 2) * turn + phases[n] + ring * 0.09) / (n + 2) for n in range(3))
            far = radius * (1 + 0.035 * swell)
            points.append((x + far * cos(turn), y + far * sin(turn) * 0.78))
        yield _path(points, 0.95 * (1 - ring / 23) ** 1.3, closed=True)


def _contours(seed: str) -> Iterator[str]:
    """A survey of the ground: the contour lines of a hill over a faint grid."""
    for across in range(1, 21):
        yield f'<path d="M{across * 10} 130V297" stroke-opacity="0.08"/>'
    for down in range(13, 30):
        yield f'<path d="M0 {down * 10}H210" stroke-opacity="0.08"/>'
    x, y = 156 + 12 * chance(seed, "x"), 208 + 14 * chance(seed, "y")
    phases = [2 * pi * chance(seed, n) for n in range(5)]
    for level in range(16):
        radius = 3 + 6.6 * level
        points = []
        for step in range(30):
            turn = 2 * pi * step / 30
            shape = sum(
                sin((n + 1) * turn + phases[n] + level * 0.05) / (n + 1.4) for n in range(5)
            )
            far = radius * (1 + (0.2 - 0.004 * level) * shape)
            points.append((x + 1.12 * far * cos(turn), y + 0.8 * far * sin(turn)))
        strong = 0.95 if level % 4 == 0 else 0.5
        yield _path(points, strong * (1 - level / 19), closed=True)


def _orbits(seed: str) -> Iterator[str]:
    """Tilted orbits around a point, with a body on each and a scatter of stars."""
    x, y = 150 + 20 * chance(seed, "x"), 214 + 20 * chance(seed, "y")
    for orbit in range(11):
        wide = 12 + 11.5 * orbit
        tilt = -24 + 3.2 * orbit + 5 * chance(seed, "tilt", orbit)
        turn = 2 * pi * chance(seed, "turn", orbit)
        size = 0.7 + 1.5 * chance(seed, "size", orbit)
        yield (
            f'<g transform="rotate({tilt:.1f} {x:.1f} {y:.1f})">'
            f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{wide:.1f}" ry="{wide * 0.56:.1f}"'
            f' stroke-opacity="{0.8 - 0.055 * orbit:.2f}"/>'
            f'<circle cx="{x + wide * cos(turn):.1f}" cy="{y + wide * 0.56 * sin(turn):.1f}"'
            f' r="{size:.1f}" fill="currentColor" stroke="none"/></g>'
        )
    for star in range(70):
        left, down = WIDTH * chance(seed, "left", star), HEIGHT * chance(seed, "down", star)
        size = 0.12 + 0.3 * chance(seed, "star", star) ** 3
        yield (
            f'<circle cx="{left:.1f}" cy="{down:.1f}" r="{size:.2f}" fill="#ffffff"'
            f' fill-opacity="{0.25 + 0.5 * chance(seed, "light", star):.2f}" stroke="none"/>'
        )


def _waves(seed: str) -> Iterator[str]:
    """Long lines that swell and settle."""
    phases = [2 * pi * chance(seed, n) for n in range(3)]
    for wave in range(20):
        points = []
        for step in range(13):
            left = -10 + step * 19.2
            rise = sum(
                sin(left / (52 / (n + 1)) + phases[n] + wave * 0.1 * (n + 1)) * 9 / (n + 1)
                for n in range(3)
            )
            points.append((left, 186 + wave * 5.4 + rise * (1 - wave / 30)))
        yield _path(points, 0.9 - 0.04 * wave)


MOTIFS = {"ripples": _ripples, "contours": _contours, "orbits": _orbits, "waves": _waves}
