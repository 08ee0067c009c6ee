"""What a prompt asks for: the title, the brief, the customer and the length, wherever they stand."""

import re
from dataclasses import dataclass
from datetime import date

DEFAULT_WORDS = (350, 450)
LABEL = r"[ \t>*#-]*([A-Za-z][A-Za-z _]{1,30}?)\**[ \t]*:\**[ \t]"
LABELLED = re.compile(
    rf"^{LABEL}+(\S.*(?:\n(?!{LABEL.replace('(', '(?:')}|[ \t]*-)[ \t]*\S.*){{0,20}})", re.MULTILINE
)
WORD_RANGE = re.compile(r"(\d{2,5})\s*(?:-|–|—|to|and)\s*(\d{2,5})")  # noqa: RUF001 - as people type
WORD_COUNT = re.compile(r"(\d{2,5})\s*words?\b", re.IGNORECASE)
CLOSING = re.compile(r"\*\*([A-Z][^*\n:]{2,40}):\*\*")
LABELS = {
    "product": ("product", "report"),
    "title": ("section", "section title", "chapter", "title", "heading", "topic"),
    "part": ("part", "part title"),
    "brief": ("write about", "brief", "task", "focus", "subject", "about"),
    "name": ("your name", "name", "first name", "full name", "customer", "reader", "client"),
    "born": ("date of birth", "birth date", "birth_date", "birthdate", "birthday", "born"),
    "question": ("your question", "question", "the question", "their question"),
    "words": ("words", "length", "word count"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Commission:
    """A section to be written. Empty strings and ``None`` stand for what the prompt did not say.

    ``closing`` is the phrase with which the last paragraph must begin, in bold, if the form wants one.
    """

    product: str = ""
    title: str = ""
    part: str = ""
    brief: str = ""
    name: str = ""
    born: date | None = None
    question: str = ""
    words: tuple[int, int] = DEFAULT_WORDS
    closing: str = ""

    @property
    def first_name(self) -> str:
        """What a friendly letter would call the customer."""
        words = self.name.split()
        return words[0].strip(",;.") if words else ""


def commission(system: str, user: str) -> Commission:
    """Read a commission; of two lines with the same label the first counts, the user's before the system's."""
    said: dict[str, str] = {}
    for label, value in LABELLED.findall(f"{user}\n{system}"):
        said.setdefault(label.strip().lower(), " ".join(value.split()).strip("* "))
    found = {
        part: next((said[label] for label in labels if label in said), "")
        for part, labels in LABELS.items()
    }
    closing = CLOSING.search(system)
    return Commission(
        product=found["product"],
        title=found["title"].strip('"“”'),
        part=found["part"],
        brief=found["brief"] or ("" if found["title"] else user.strip()[:300]),
        name=found["name"],
        born=as_date(found["born"]),
        question=found["question"].strip('"“”'),
        words=as_words(found["words"]) or as_words(user) or DEFAULT_WORDS,
        closing=closing[1] if closing else "",
    )


def as_words(text: str) -> tuple[int, int] | None:
    """The least and most words asked for in ``350-500``, ``350 to 500 words`` or ``about 400 words``."""
    if (pair := WORD_RANGE.search(text)) and ("word" in text.lower() or pair[0] == text):
        return min(int(pair[1]), int(pair[2])), max(int(pair[1]), int(pair[2]))
    if single := WORD_COUNT.search(text):
        return int(single[1]) * 9 // 10, int(single[1]) * 11 // 10
    return None


def as_date(text: str) -> date | None:
    """The first ISO date in ``text``, or ``None``."""
    found = re.search(r"\d{4}-\d{2}-\d{2}", text)
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None
