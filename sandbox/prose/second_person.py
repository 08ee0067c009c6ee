"""From what an editor says about "the reader" to what a writer says to "you"."""

import re

from sandbox.prose.library import grammar

IRREGULAR = {"has": "have", "is": "are", "does": "do", "goes": "go", "was": "were"}
ADVERBS = "actually|already|also|really|usually|still|never|always|often|first|mostly|merely"
READER = re.compile(
    rf"\b(?:the|this) reader((?:,[^,.;]+,)?) ((?:(?:{ADVERBS}) )?)([a-z]+)", re.IGNORECASE
)
THIRD = re.compile(
    r"((?:, (?:and |or |then )?|; | and | or | then )(?:also )?)([a-z]+s)\b(?= ([a-z\"“]+))"
)
YOKED = re.compile(r"\byou [a-z]+(?:, [a-z]+)*,? (?:and|or) [a-z]+\b(?! of\b)")
REACHING = re.compile(r"\b(suits?|to|knows?|makes?|in|lights for|good for|end with) them\b(?! to)")
DETERMINERS = frozenset(
    {"a", "an", "the", "one", "two", "three", "it", "its", "your", "their", "what", "who", "which"}
)


def base(verb: str) -> str:
    """The base form of a verb in the third person: ``carries`` is ``carry``."""
    if verb in IRREGULAR:
        return IRREGULAR[verb]
    if verb.endswith("ies") and len(verb) > 4:  # noqa: PLR2004 - lies, dies and ties are lie, die, tie
        return f"{verb[:-3]}y"
    if verb.endswith(("sses", "shes", "ches", "xes", "zzes", "oes")):
        return verb[:-2]
    return verb.removesuffix("s")


def to_you(text: str, *, reader_acts: bool = False) -> str:
    """The same sentence, said to the reader.

    ``reader_acts`` says that the reader is the subject of every verb in the third person.
    """
    about_reader = bool(re.search(r"\b(?:the|this) reader\b", text, re.IGNORECASE))
    about_reader = about_reader or reader_acts or text.startswith(("They ", "Their "))
    text = re.sub(r"\bof (?:the|this) reader's(?= that\b)", "of yours", text)
    text = re.sub(
        r"\b([Tt])(?:he|his) reader's\b", lambda m: "Your" if m[1] == "T" else "your", text
    )
    text = READER.sub(_addressed, text)
    text = re.sub(r"\b([Tt])h(?:e|is) reader\b", lambda m: "You" if m[1] == "T" else "you", text)
    if about_reader:
        for theirs, yours in PRONOUNS:
            text = theirs.sub(yours, text)
        text = text.replace("give them a", "give you a")
    if reader_acts:
        text = REACHING.sub(r"\1 you", THIRD.sub(_plain_if_doing, text))
    return YOKED.sub(_all_plain, text)


PRONOUNS = (
    (re.compile(r"\btheirs\b"), "yours"),
    (re.compile(r"\bthemselves\b"), "yourself"),
    (re.compile(r"\bTheir\b"), "Your"),
    (re.compile(r"\btheir\b"), "your"),
    (re.compile(r"\bThey\b"), "You"),
    (re.compile(r"\bthey\b"), "you"),
)


def _addressed(found: re.Match[str]) -> str:
    start = "You" if found[0][0] == "T" else "you"
    verb = found[3] if found[3] in grammar("kept") or not found[3].endswith("s") else base(found[3])
    return f"{start}{found[1]} {found[2]}{verb}"


def _all_plain(found: re.Match[str]) -> str:
    return re.sub(r"[a-z]+[^su]s\b", lambda verb: base(verb[0]), found[0])


def _plain_if_doing(found: re.Match[str]) -> str:
    plain = base(found[2])
    return (
        f"{found[1]}{plain}" if plain in grammar("doing") or found[3] in DETERMINERS else found[0]
    )
