"""Numbers that a model wrote become a drawing only if they can be believed."""

import re
from html import unescape
from itertools import pairwise

import pytest

from actors.press.charts import BOLD, LINE, PLOT_HEIGHT, PLOT_TOP, SIZE, WIDTH, _length, draw
from actors.press.figures import LARGEST, MOST_BARS, read, shown
from actors.press.looks import look
from actors.press.prose import MOST_CHARTS, prose

LOOK = look("life_clarity")
BARS = "title: Where the week goes\nunit: h\nWork: 42\nSleep: 49.5\nFriends, old: 3"
LINES = "title: The year\nx: Jan, Feb, Mar\nOutward: 2, -3, 5\nInward: 8, 7, 6"


def test_rows_of_one_number_are_bars() -> None:
    chart = read(BARS)

    assert chart is not None
    assert chart.rows == (("Work", (42.0,)), ("Sleep", (49.5,)), ("Friends, old", (3.0,)))
    assert chart.said == (
        "Bar chart (h). Where the week goes. Work: 42; Sleep: 49.5; Friends, old: 3."
    )


def test_rows_with_names_below_are_lines() -> None:
    chart = read(LINES)

    assert chart is not None
    assert chart.along == ("Jan", "Feb", "Mar")
    assert "Outward: Jan 2, Feb \N{MINUS SIGN}3, Mar 5" in chart.said


UNBELIEVABLE = {
    "no title": "Work: 42\nSleep: 49",
    "one bar": "title: x\nWork: 42",
    "words": "title: x\nWork: many\nSleep: 2",
    "infinite": "title: x\nWork: inf\nSleep: 2",
    "not a number": "title: x\nWork: nan\nSleep: 2",
    "exponent": "title: x\nWork: 1e300\nSleep: 2",
    "too large": f"title: x\nWork: {int(LARGEST) * 10}\nSleep: 2",
    "digits of another script": "title: x\nWork: \u0664\u0662\nSleep: 2",
    "no name": "title: x\n: 42\nSleep: 2",
    "two numbers for one bar": "title: x\nWork: 1, 2\nSleep: 2",
    "fewer points than names": "title: x\nx: a, b, c\nWork: 1, 2",
    "markup": "title: x\n<svg>: <script>\nSleep: 2",
    "too many bars": "title: x\n" + "\n".join(f"n{n}: {n}" for n in range(MOST_BARS + 1)),
    "too long": "title: x\n" + "a" * 5000 + ": 1\nb: 2",
    "nothing": "",
}


@pytest.mark.parametrize("what", UNBELIEVABLE)
def test_what_cannot_be_drawn_is_no_chart_and_stays_as_it_was_written(what: str) -> None:
    source = UNBELIEVABLE[what]

    assert read(source) is None
    assert "<svg" not in prose(f"Before.\n\n```chart\n{source}\n```\n\nAfter.", "", LOOK).html


def test_a_chart_stands_where_it_was_written_with_its_title_and_its_numbers_in_words() -> None:
    html = prose(f"Before.\n\n```chart\n{BARS}\n```\n\nAfter.", "", LOOK).html

    before, _, rest = html.partition("<figure")
    assert "Before." in before
    assert "<title>Bar chart (h). Where the week goes." in rest
    assert rest.index("</figure>") < rest.index("After.")


def test_names_cannot_leave_the_drawing() -> None:
    html = prose(
        "```chart\ntitle: </title><script>1</script>\n</text><image href=x>: 1\nb: 2\n```", "", LOOK
    ).html

    assert html.count("<svg") == html.count("</svg>") == 1
    assert not re.search(r"<(?:script|image)", html)


def test_a_number_of_its_own_in_the_text_is_no_place_for_a_chart() -> None:
    html = prose(f'<figure class="chart">0</figure>\n\n```chart\n{BARS}\n```', "", LOOK).html

    assert html.count("<svg") == 1


def test_after_so_many_charts_the_rest_stays_text() -> None:
    html = prose(f"```chart\n{BARS}\n```\n\n" * (MOST_CHARTS + 2), "", LOOK).html

    assert html.count("<svg") == MOST_CHARTS
    assert html.count("<pre") == 2


@pytest.mark.parametrize(
    "source",
    [
        BARS,
        LINES,
        "title: x\na: 0\nb: 0",
        "title: x\na: -5\nb: -2",
        "title: x\nx: a, b\nn: 7, 7",
        f"title: x\nx: a, b\nn: 0.000001, {int(LARGEST)}",
        "title: x\nunit: %\nx: "
        + ", ".join("abc" * 9 for _ in range(24))
        + "\nn: "
        + ", ".join("7" * 24),
        "title: x\n" + "\n".join("\u05d0" * 60 + f"{n}: {n}" for n in range(12)),
        "title: x\nunit: " + "\u5ea6" * 12 + "\nlong: -999999999.123456\nshort: 1",
    ],
)
def test_every_mark_lies_inside_the_drawing(source: str) -> None:
    chart = read(source)
    assert chart is not None

    svg = draw(chart, LOOK)

    height = float(re.search(r'viewBox="0 0 [\d.]+ ([\d.]+)"', svg)[1])  # type: ignore[index]
    for left, top in re.findall(
        r'[ML ]?(-?[\d.]+) (-?[\d.]+)(?=[LHZ"])', " ".join(re.findall(r' d="([^"]+)"', svg))
    ):
        assert 0 <= float(left) <= WIDTH
        assert 0 <= float(top) <= height
    for x, y, weight, anchor, words in re.findall(
        r'<text x="([\d.]+)" y="([\d.]+)"[^>]* font-weight="(\d+)"[^>]* text-anchor="(\w+)">([^<]*)',
        svg,
    ):
        long = _length(unescape(words)) * (BOLD if weight == "600" else 1)
        assert 0 < float(y) <= height
        assert anchor != "start" or float(x) + long <= WIDTH
        assert anchor != "end" or float(x) - long >= 0
    for width in re.findall(r'<rect[^>]*width="(-?[\d.]+)"', svg):
        assert 0 <= float(width) <= WIDTH


@pytest.mark.parametrize("ends", [(9, 0), (0, 9)])
def test_the_names_of_lines_that_end_together_stand_apart_and_above_the_names_below(
    ends: tuple[int, int],
) -> None:
    first, last = ends
    chart = read("title: x\nx: a, b\n" + "\n".join(f"n{n}: {first}, {last}" for n in range(4)))
    assert chart is not None

    feet = [
        float(y) for y in re.findall(r'<text x="[\d.]+" y="([\d.]+)"[^>]*>n\d', draw(chart, LOOK))
    ]

    assert len(feet) == 4
    assert all(below - above >= LINE - 0.1 for above, below in pairwise(sorted(feet)))
    assert max(feet) < PLOT_TOP + PLOT_HEIGHT + SIZE


def test_where_the_unit_is_too_long_the_number_stays_whole() -> None:
    chart = read("title: x\nunit: " + "\u5ea6" * 12 + "\nlong: -999999999.123456\nshort: 1")
    assert chart is not None

    assert f">{shown(-999999999.123456)}\u00a0\u5ea6" in draw(chart, LOOK)


def test_numbers_are_printed_as_they_are() -> None:
    assert [shown(each) for each in (0.0, 1.0, -1.5, 1234567.25, 0.1)] == [
        "0",
        "1",
        "\N{MINUS SIGN}1.5",
        "1,234,567.25",
        "0.1",
    ]
