"""A section's Markdown, written by a model and trusted by nobody, as HTML that reaches out to nothing."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape, unescape

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from actors.press.blocks import arrange
from actors.press.charts import draw
from actors.press.figures import Chart, read
from actors.press.looks import Look
from actors.press.tidy import breakable, tidy
from actors.press.tongue import direction, language

LONGEST = 120_000
MOST_LINES = 4_000
# How much of a word is left out for not being cut in two.
LONGEST_TAIL = 100
CUT = "<p><em>The rest of this section was too long to print.</em></p>"

# Containers at the start of a line, and indentation, beyond which a text is not structured but broken.
DEEPEST_MARKERS = 6
MARKERS = re.compile(
    # A line of nothing but dashes, stars or underscores is a rule, whatever stands between them.
    r"^(?![ \t]*([-*_])(?:[ \t]*\1)*[ \t]*$)[ \t]*(?:>[ \t]*|(?:[-*+]|\d{1,9}[.)])[ \t]+){7,}",
    re.MULTILINE,
)
INDENT = re.compile(r"^[ \t]{13,}", re.MULTILINE)
# More quotation marks than any writer sets: each would be compared with all before it.
MOST_QUOTES = 3_000
QUOTES = "\"'"
# What a model writes where a table cell needs a second line.
BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)

MOST_CHARTS = 6
CHART = "chart"
ANY_TAG = re.compile(r"<[^>]*>")
# Where a chart will stand, by its number: what the sanitizer sees of it.
PLACE = re.compile(r'<figure class="chart">\s*(\d)\s*</figure>')

TAGS = {"p", "h3", "h4", "ul", "ol", "li", "blockquote", "aside", "strong", "em", "s", "code", "pre"} | {
    "table", "thead", "tbody", "tr", "th", "td", "hr", "br", "figure"
}  # fmt: skip
CLASSES = {
    "p": {"lead", "label", "keep"},
    "blockquote": {"pull"},
    "aside": {"note"},
    "figure": {CHART},
    "table": {"wide"},
    "th": {"number", "centre"},
    "td": {"number", "centre"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prose:
    """HTML of a section's body, empty if nothing is to be seen in it, and what its element should say about it."""

    html: str
    language: str
    direction: str


def prose(text: str, title: str, look: Look) -> Prose:
    """Turn Markdown into HTML that is safe to render, whatever the text is.

    No links, images, styles, scripts or raw HTML survive; their words do. Headings start at ``h3``,
    and a first one that repeats ``title`` is left out. Numbers that can be drawn become charts in
    the colours of ``look``; those that cannot stay as they were written.
    """
    whole = tidy(text)
    short = cut(whole)
    text = tame(short)
    spoken = language(text)
    quotes = sum(map(text.count, QUOTES))
    parser = ENGLISH if spoken == "en" and quotes <= MOST_QUOTES else PLAIN
    charts: list[Chart] = []
    tokens = arrange(list(_printable(parser.parse(text), charts)), title)
    html = _clean(parser.renderer.render(tokens, parser.options, {}))
    html = PLACE.sub(lambda found: _drawn(charts[int(found[1])], look), html)
    return Prose(
        html=_legible(html) + _remark(whole, short), language=spoken, direction=direction(text)
    )


def plain(text: str) -> Prose:
    """The same words as paragraphs and nothing else."""
    whole = tidy(text)
    text = cut(whole)
    paragraphs = re.split(r"\n\s*\n", text.strip())
    html = "".join(f"<p>{nh3.clean_text(breakable(words))}</p>" for words in paragraphs if words)
    return Prose(
        html=_legible(_clean(html)) + _remark(whole, text),
        language="und",
        direction=direction(text),
    )


def cut(text: str) -> str:
    """``text`` up to a length that can be printed; between two words, if it has such."""
    lines = text[:LONGEST].split("\n", MOST_LINES)[:MOST_LINES]
    short = "\n".join(lines)
    if len(short) == len(text):
        return text
    head, _, tail = short.rpartition(" ")
    return head if len(tail) <= LONGEST_TAIL else short


def tame(text: str) -> str:
    """``text`` without the deep nesting that only an attack or an accident writes."""
    return INDENT.sub(" " * 12, MARKERS.sub("> ", text))


def _remark(whole: str, short: str) -> str:
    """What follows on a text that has been cut. Not a part of it: it could end up inside its last block."""
    return "" if short == whole else CUT


def _legible(html: str) -> str:
    """``html``, unless all it shows are blanks, rules and marks without letters."""
    seen = unescape(ANY_TAG.sub("", html))
    return html if any(unicodedata.category(each)[0] not in "MZC" for each in seen) else ""


def _parser(*, quotes: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "typographer": quotes})
    parser.enable(["table", "strikethrough"])
    parser.disable(["code", "html_block", "html_inline", "reference"])
    return parser.enable(["replacements", "smartquotes"]) if quotes else parser


ENGLISH = _parser(quotes=True)
PLAIN = _parser(quotes=False)


def _printable(tokens: Iterable[Token], charts: list[Chart]) -> Iterator[Token]:
    """Links become their words, images their description, break tags breaks, long words breakable.

    Charts are taken out into ``charts``, and their numbers there stand in their place.
    """
    for token in tokens:
        match token.type:
            case "link_open" | "link_close":
                continue
            case "image":
                yield Token("text", "", 0, content=breakable(token.content))
                continue
            case "inline":
                token.children = list(_printable(token.children or [], charts))
            case "text":
                yield from _lines(token.content)
                continue
            case "fence" if (chart := _chart(token)) and len(charts) < MOST_CHARTS:
                yield Token("figure_open", "figure", 1, attrs={"class": CHART}, block=True)
                yield Token("text", "", 0, content=str(len(charts)))
                yield Token("figure_close", "figure", -1, block=True)
                charts.append(chart)
                continue
            case "fence" | "code_inline":
                token.info = ""
                token.content = breakable(token.content)
        yield token


def _chart(fence: Token) -> Chart | None:
    return read(fence.content) if fence.info.strip().lower() == CHART else None


def _drawn(chart: Chart, look: Look) -> str:
    title = f'<p class="title">{escape(chart.title)}</p>'
    return f'<figure class="chart">{title}{draw(chart, look)}</figure>'


def _lines(text: str) -> Iterator[Token]:
    first, *others = BREAK_TAG.split(text)
    yield Token("text", "", 0, content=breakable(first))
    for other in others:
        yield Token("hardbreak", "br", 0)
        yield Token("text", "", 0, content=breakable(other))


def _clean(html: str) -> str:
    return nh3.clean(
        html, tags=TAGS, attributes={"ol": {"start"}}, allowed_classes=CLASSES, link_rel=None
    )
