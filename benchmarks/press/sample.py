"""A long report that nobody ordered: so many chunks of about 600 words, with tables and charts, the same every time."""

from dataclasses import replace
from datetime import date
from itertools import cycle
from pathlib import Path

from events.plan import Product, Section
from events.products.personal_horoscope import PRODUCT as PERSONAL_HOROSCOPE

PLACED_ON = date(2026, 11, 21)
_PROSE = (Path(__file__).parents[1] / "section.md").read_text("utf-8")
_AREAS = ("Work", "Rest", "Home", "Friends", "Body", "Money", "Making", "Learning")
_EVERY = 14
_BESIDE = 3  # cover, contents and closing


def product_of(chunks: int) -> Product:
    """A divided product whose document has exactly this many chunks."""
    parts = max(1, (chunks - _BESIDE) // (_EVERY + 1))
    count = chunks - _BESIDE - parts
    names = cycle(section.title for section in PERSONAL_HOROSCOPE.sections)
    return replace(
        PERSONAL_HOROSCOPE,
        name="bench_report",
        sections=tuple(
            Section(
                name=f"section-{number:04}",
                title=next(names),
                part=f"The {number * parts // count + 1}th circle",
                brief="-",
            )
            for number in range(count)
        ),
    )


def text_of(number: int) -> str:
    """The Markdown of the section with this number: its own prose, table and chart."""
    paragraphs = _PROSE.split("\n\n")
    turned = paragraphs[number % 5 :] + paragraphs[: number % 5]
    rows = "\n".join(
        f"| {area} | {(number * 7 + at * 3) % 40 + 1} | {(number * 5 + at * 11) % 60 + 2} | {(number + at) % 9 - 4} |"
        for at, area in enumerate(_AREAS)
    )
    hours = enumerate(_AREAS[:5])
    bars = "\n".join(f"{area}: {(number * 3 + at * 13) % 50 + 4}" for at, area in hours)
    table = f"| Area | Hours | Wanted | Change |\n|---|---:|---:|---:|\n{rows}"
    chart = f"```chart\ntitle: Where the hours of week {number + 1} went\nunit: h\n{bars}\n```"
    middle = len(turned) // 2
    return "\n\n".join([*turned[:middle], table, *turned[middle:], chart]) + "\n"
