"""An editor's brief taken apart into what a writer can use: pages, truths, tasks and topics."""

import re
from dataclasses import dataclass

from sandbox.prose.library import grammar
from sandbox.prose.second_person import base, to_you

SENTENCE = re.compile(r"(?<=[.?!])[\"”]?\s+(?=[A-Z\"“])")
SHORTEST = 4  # words of a page or a truth that is worth having
LONGEST_TOPIC = 6  # words
META = re.compile(  # remarks to the writer, not for the reader's eyes
    r"\b(?:not known here|this section|this part speaks|no claim|any claim|if the reader"
    r"|if there is none|say honestly|keep it|with tact|tactfully|accurately|write it|do not"
    r"|no regimes|give no|no summary|no financial|no advice|name lore|foretelling|free of"
    r"|without naming|without recommending|without scolding|without mystery)\b",
    re.IGNORECASE,
)
TASK = re.compile(
    r"(?:^|[;:,] (?:and )?|\. )(?:[Tt]he reader|They|they)(?:,[^;.]+,)? (?:also |then )?([a-z]+s?)\b (.+)$"
)
INSTRUCTION = re.compile(r"^(?:They|Each gets|Offer|Keep|No) |, (?:describe|offer) ")
TAKING = {"leave": "with", "end": "with", "receive": "", "get": "", "assemble": ""}
WHOLE = frozenset({"are", "have", "do", "would", "can", "may", "will", "could"})
VERBAL = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|will|would|may|might|must|should|do|does|they|you|he|she|it|we|one)\b"
)


@dataclass(frozen=True, slots=True)
class Brief:
    """What can be said of a brief.

    ``pages`` fit after "these pages"; ``truths`` are sentences; ``tasks`` are imperatives without
    their full stop; ``topics`` are short noun phrases. All in the second person.
    """

    pages: tuple[str, ...] = ()
    truths: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


def read_brief(text: str) -> Brief:
    """Take a brief apart; what cannot be turned into a good sentence is left out."""
    pages: list[str] = []
    truths: list[str] = []
    tasks: list[str] = []
    for sentence in SENTENCE.split(text.strip()):
        rest = sentence.strip().rstrip(".")
        if found := TASK.search(rest):
            tasks += as_task(found[1], found[2])
            rest = rest[: found.start()].strip(" ,;:")
        if not rest:
            continue
        first, _, after = rest.partition(" ")
        if first.lower() in grammar("directing") and after:
            pages += as_page(first.lower(), after)
        elif (
            len(rest.split()) > SHORTEST and not META.search(rest) and not INSTRUCTION.search(rest)
        ):
            truths.append(f"{to_you(rest)}.")
    return Brief(tuple(pages), tuple(truths), tuple(tasks), tuple(topics(text)))


def as_task(verb: str, rest: str) -> list[str]:
    """``writes`` and ``down three rules they keep`` as ``write down three rules you keep``."""
    plain = base(verb)
    if plain in WHOLE:
        return []
    said = to_you(f"{plain} {rest}", reader_acts=True)
    if plain in TAKING:
        said = said.removeprefix(f"{plain} ").removeprefix(f"{TAKING[plain]} ").strip()
        if said.partition(" ")[0] in grammar("dangling"):
            return []
        said = f"come away with {said}"
    return [said]


def as_page(verb: str, after: str) -> list[str]:
    """A directive, told to the reader: ``Have the reader choose`` as ``invite you to choose``."""
    said = f"{verb} {after}"
    for old, new in (
        ("have the reader ", "invite you to "),
        ("give them ", "give the reader "),
        ("write about ", "speak about "),
        ("write ", "look at "),
        ("end the book with", "end with"),
        ("open the book: ", "begin with a question: "),
        ("close the book in", "end in"),
        ("close the report with", "end with"),
        ("say honestly", "say"),
    ):
        if said.startswith(old):
            said = new + said.removeprefix(old)
    said = re.split(r"(?<=[a-z]), (?=and (?:have|help|say|show) )|; ", said)[0]
    if found := META.search(said):
        said = said[
            : max(said.rfind(",", 0, found.start()), said.rfind(" and ", 0, found.start()), 0)
        ]
    said = re.split(
        r" because they | since they |, who ",
        as_it_concerns(said),
    )[0]
    said = to_you(
        said.replace("their generation", "your generation"), reader_acts="invite you" in said
    )
    return [said.strip(" ,:;")] if len(said.split()) > SHORTEST else []


def as_it_concerns(page: str) -> str:
    """The page of a month, turned to the reader."""
    if not page.startswith("look at "):
        return page.replace(" for this reader", "")
    return page.replace("for this reader", "as it may concern you").replace("for them", "for you")


def topics(text: str) -> list[str]:
    """Short noun phrases from the lists in a brief."""
    found: list[str] = []
    for listed in re.findall(r"(?:: |, )([^:;.?!]+)", text):
        for piece in re.split(r", | and | or ", listed):
            phrase = to_you(piece.strip(' "“”()'))
            if fit_for_topic(phrase) and phrase not in found:
                found.append(phrase)
    return found


def fit_for_topic(phrase: str) -> bool:
    """Whether the words can stand alone, as a heading or an entry of a list."""
    first, *rest = phrase.lower().split()
    led = first in grammar("leading")
    pair = len(rest) == 1 and rest[0].endswith("s") and first not in grammar("dangling")
    return (
        1 <= len(rest) < LONGEST_TOPIC
        and (led or pair)
        and not VERBAL.search(phrase.lower())
        and not META.search(phrase)
        and "reader" not in phrase
        and "Sun" not in phrase
        and phrase[0].islower()
        and phrase[-1].isalpha()
    )
