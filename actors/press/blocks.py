"""What the blocks of a section are in print: which paragraph leads, which quote stands apart, how tables align."""

import re
from collections.abc import Iterator

from markdown_it.token import Token

DEEPEST = 4
MOST_ROWS = 60
MOST_COLUMNS = 8
TOO_LARGE = "The rest of this table was too large to print."
WIDE = 5
LEAD_WORDS = 75
PULL_WORDS = 60
LABEL_WORDS = 6
BOLD = ["strong_open", "text", "strong_close"]

NUMBER = re.compile(r"[-+±~≈<>≤≥]?\s*[$€£¥]?\s*\d[\d\s.,:/\u2013-]*\s*[%‰$€£¥°]?[a-zA-Z]{0,3}")
LONGEST_NUMBER = 40
NO_NUMBER = frozenset({"", "-", "\u2013", "\u2014"})
COLONS = ":\uff1a"
LETTERS = re.compile(r"[\W_]+")


def arrange(tokens: list[Token], title: str) -> list[Token]:
    """The same blocks, levelled, capped and classed for the style sheet."""
    tokens = list(_shallow(tokens))
    for token in tokens:
        if token.children:
            token.children = list(_shallow(token.children))
    tokens = _without_title(tokens, title)
    _level_headings(tokens)
    _mark_lead(tokens)
    _mark_quotes(tokens)
    _keep_together(tokens)
    return list(_capped_tables(_notes(tokens)))


def _shallow(tokens: list[Token]) -> Iterator[Token]:
    """Drop what opens and closes beyond the deepest level, and keep what stands inside."""
    opened: dict[str, int] = {}
    dropped: dict[str, list[bool]] = {}
    for token in tokens:
        name = token.type.rpartition("_")[0]
        if name not in {
            "blockquote",
            "bullet_list",
            "ordered_list",
            "list_item",
            "em",
            "strong",
            "s",
        }:
            yield token
            continue
        family = "list" if "list" in name else name
        if token.nesting > 0:
            deepest = DEEPEST * 2 if family == "list" else DEEPEST
            too_deep = sum(opened.values()) >= 2 * DEEPEST or opened.get(family, 0) >= deepest
            dropped.setdefault(name, []).append(too_deep)
            if not too_deep:
                opened[family] = opened.get(family, 0) + 1
                yield token
        elif not dropped[name].pop():
            opened[family] -= 1
            yield token


def _words(token: Token) -> str:
    return "".join(child.content or " " for child in token.children or [])


def _plain(text: str) -> str:
    return LETTERS.sub(" ", text).strip().casefold()


def _without_title(tokens: list[Token], title: str) -> list[Token]:
    if tokens and tokens[0].type == "heading_open":
        heading = _plain(_words(tokens[1]))
        if heading and (heading == _plain(title) or heading.endswith(" " + _plain(title))):
            return tokens[3:]
    return tokens


def _level_headings(tokens: list[Token]) -> None:
    headings = [token for token in tokens if token.type.startswith("heading_")]
    top = min((token.tag for token in headings), default="h1")
    for token in headings:
        token.tag = "h3" if token.tag == top else "h4"


def _mark_lead(tokens: list[Token]) -> None:
    """A first paragraph leads if it is short and more follows."""
    opens = len(tokens) > len(("open", "words", "close")) and tokens[0].type == "paragraph_open"
    if opens and not _label(tokens[1]) and len(_words(tokens[1]).split()) <= LEAD_WORDS:
        tokens[0].attrSet("class", "lead")


def _mark_quotes(tokens: list[Token]) -> None:
    for at, token in enumerate(tokens):
        if token.type == "blockquote_open" and token.level == 0:
            quoted = tokens[at:]
            end = next(
                i for i, t in enumerate(quoted) if t.type == "blockquote_close" and t.level == 0
            )
            inner = [t for t in quoted[:end] if t.type == "inline"]
            if sum(len(_words(t).split()) for t in inner) <= PULL_WORDS:
                token.attrSet("class", "pull")


def _keep_together(tokens: list[Token]) -> None:
    """What leads to a table or a chart is not left behind on the page before."""
    for at, token in enumerate(tokens[3:], start=3):
        if token.type in {"table_open", "figure_open"} and tokens[at - 1].type == "paragraph_close":
            tokens[at - 3].attrJoin("class", "keep")


def _label(inline: Token) -> str:
    """The bold words that open a paragraph and end with a colon, if there are such."""
    children = [child for child in inline.children or [] if child.type != "text" or child.content]
    if [child.type for child in children[:3]] != BOLD or not children[3:]:
        return ""
    words, after = children[1].content, children[3].content
    if not (words.endswith(tuple(COLONS)) or after.startswith(tuple(COLONS))):
        return ""
    return words.rstrip(COLONS + " ") if len(words.split()) <= LABEL_WORDS else ""


def _notes(tokens: list[Token]) -> Iterator[Token]:
    """A paragraph with a label ("**In short:** ...") becomes a note with a heading of its own."""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if (
            token.type == "paragraph_open"
            and token.level == 0
            and (label := _label(tokens[at + 1]))
        ):
            yield Token("aside_open", "aside", 1, attrs={"class": "note"}, block=True)
            yield Token("paragraph_open", "p", 1, attrs={"class": "label"}, block=True)
            yield Token("inline", "", 0, children=[Token("text", "", 0, content=label)])
            yield Token("paragraph_close", "p", -1, block=True)
            yield token
            yield _without_label(tokens[at + 1])
            yield tokens[at + 2]
            yield Token("aside_close", "aside", -1, block=True)
            at += 3
        else:
            yield token
            at += 1


def _without_label(inline: Token) -> Token:
    children = [child for child in inline.children or [] if child.type != "text" or child.content]
    first, *others = children[3:]
    if first.type == "text":
        text = first.content.lstrip(COLONS + " ")
        first.content = text[:1].upper() + text[1:]
    inline.children = [first, *others]
    return inline


def _capped_tables(tokens: Iterator[Token]) -> Iterator[Token]:
    """At most so many rows and columns, and a remark if there were more; figures aligned by their last digit."""
    table: list[Token] = []
    for token in tokens:
        if token.type == "table_open" or table:
            table.append(token)
        else:
            yield token
        if token.type == "table_close":
            yield from _table(table)
            table = []


def _table(tokens: list[Token]) -> Iterator[Token]:
    figures = _columns_of_figures(tokens)
    if sum(token.type == "th_open" for token in tokens) >= WIDE:
        tokens[0].attrSet("class", "wide")
    row = column = 0
    whole = True
    for token in tokens:
        match token.type:
            case "tr_open":
                row += 1
            case "tr_close":
                column = 0
            case "th_open" | "td_open":
                column += 1
                _align(token, figures=column in figures)
        fits = row <= MOST_ROWS and column <= MOST_COLUMNS
        whole = whole and fits
        if fits or token.type in {"tbody_close", "table_close"}:
            yield token
    if not whole:
        yield from _remark(TOO_LARGE)


def _remark(words: str) -> Iterator[Token]:
    said = [
        Token("em_open", "em", 1),
        Token("text", "", 0, content=words),
        Token("em_close", "em", -1),
    ]
    yield Token("paragraph_open", "p", 1, block=True)
    yield Token("inline", "", 0, children=said)
    yield Token("paragraph_close", "p", -1, block=True)


def _align(cell: Token, *, figures: bool) -> None:
    style = str(cell.attrs.pop("style", ""))
    if figures or "right" in style:
        cell.attrSet("class", "number")
    elif "center" in style:
        cell.attrSet("class", "centre")


def _columns_of_figures(tokens: list[Token]) -> set[int]:
    seen: dict[int, bool] = {}
    column = 0
    body = False
    for at, token in enumerate(tokens):
        match token.type:
            case "tbody_open":
                body = True
            case "tr_open":
                column = 0
            case "td_open" if body:
                column += 1
                cell = _words(tokens[at + 1]).strip()
                if cell not in NO_NUMBER:
                    fits = len(cell) <= LONGEST_NUMBER and NUMBER.fullmatch(cell)
                    seen[column] = seen.get(column, True) and bool(fits)
    return {column for column, figures in seen.items() if figures}
