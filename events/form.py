"""Whether an answer has the form that was asked for, as far as a program can tell."""

import re
from collections.abc import Iterator

from events.plan import Section

# How far the number of words may be off before the section is asked for again.
FEWEST, MOST = 0.6, 1.6
_MOST_HEADINGS = 5
_MOST_TABLES = 2
_MOST_ROWS = 14

# Every pattern here takes time in proportion to the text, whatever the text is: it runs between heartbeats.
_LETTER = re.compile(r"\w")
_REMARK = re.compile(
    r"(?:sure|certainly|of course|absolutely|here(?:'s|\u2019s| is)|as an ai|i(?:'m| am) sorry|i cannot)\b",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^#{1,6} ", re.MULTILINE)
_TAG = re.compile(r"</?(?:[a-z][a-z0-9]*)(?:\s[^<>\n]*)?/?>", re.IGNORECASE)
_LINK = re.compile(r"\]\([^()\n]*[()]|https?://")
_FENCE = re.compile(r"^(?:```|~~~)[ \t]*(\w*)", re.MULTILINE)
_RULE = re.compile(
    r"^[ \t]*(?:\|[ \t]*)?:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+(?:\|[ \t]*)?$", re.MULTILINE
)
_ROW = re.compile(r"^[ \t]*\|", re.MULTILINE)
# Languages without spaces have no words to count.
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")


def faults(text: str, section: Section) -> list[str]:
    """What is wrong with the form of ``text``, in sentences to the writer that repeat nothing of it."""
    return [*_of_its_length(text, section), *_of_its_opening(text), *_of_its_marks(text)]


def counted(text: str) -> int | None:
    """How many words ``text`` has; ``None`` if its language does not set them apart."""
    if _UNSPACED.search(text):
        return None
    return sum(1 for word in text.split() if _LETTER.search(word))


def _of_its_length(text: str, section: Section) -> Iterator[str]:
    low, high = section.words
    count = counted(text)
    if count is not None and not low * FEWEST <= count <= high * MOST:
        yield f"It has {count} words; {low} to {high} were asked for."


def _of_its_opening(text: str) -> Iterator[str]:
    opening = text.lstrip()
    if _HEADING.match(opening):
        yield "It begins with a title; begin with the first sentence."
    if _REMARK.match(opening):
        yield "It begins with a remark about the task; begin with the first sentence."


def _of_its_marks(text: str) -> Iterator[str]:
    if len(_HEADING.findall(text)) > _MOST_HEADINGS:
        yield "It has too many sub-headings."
    if _TAG.search(text):
        yield "It holds HTML; write Markdown only."
    if _LINK.search(text):
        yield "It holds links or images; leave them out."
    if any(kind and kind != "chart" for kind in _FENCE.findall(text)):
        yield "It holds code; leave it out."
    if len(_RULE.findall(text)) > _MOST_TABLES or len(_ROW.findall(text)) > _MOST_ROWS:
        yield "It has too many tables, or too long ones."
