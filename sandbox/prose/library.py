"""The words the stand-in writes with: subjects, each with its own material, and sentences for all."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
WORD = re.compile(r"[a-z]+")

Material = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Subject:
    """A field of life: the keywords by which it is recognised, and material of several kinds.

    ``things`` are singular noun phrases, ``acts`` verb phrases in the base form, ``whens`` clauses
    about "you"; ``truths``, ``scenes``, ``asks`` and ``quotes`` stand on their own; ``steps`` and
    ``rows`` have two halves with a bar between them; ``heads`` are sub-headings.
    """

    name: str
    keys: frozenset[str]
    material: Material


@cache
def subjects() -> tuple[Subject, ...]:
    """Every subject, by name."""
    return tuple(_subject(path) for path in sorted((HERE / "words").glob("*.toml")))


@cache
def sentences() -> Material:
    """Sentences with gaps, by what they are for."""
    with (HERE / "sentences.toml").open("rb") as file:
        return {kind: tuple(entries) for kind, entries in tomllib.load(file).items()}


@cache
def grammar(kind: str) -> frozenset[str]:
    """Words of one kind, for reading briefs."""
    with (HERE / "grammar.toml").open("rb") as file:
        return frozenset(tomllib.load(file)[kind].split())


def nearest(
    texts: Mapping[str, int], *, passing_over: frozenset[str], tie: Callable[[str], int]
) -> list[Subject]:
    """The subjects, those first that the texts are about.

    Each text comes with the weight of a word in it; ``passing_over`` are words that do not count,
    and ``tie`` orders subjects that are equally near.
    """
    found: dict[str, int] = {}
    for text, weight in texts.items():
        for word in WORD.findall(text.lower()):
            if word not in passing_over:
                found[word] = max(found.get(word, 0), weight)
    marks = {
        subject.name: sum(weight for word, weight in found.items() if word in subject.keys)
        for subject in subjects()
    }
    return sorted(subjects(), key=lambda subject: (-marks[subject.name], tie(subject.name)))


def enriched(subject: Subject, more: Material) -> Subject:
    """The subject with more material of its kinds."""
    kinds = {*subject.material, *more}
    material = {
        kind: (*more.get(kind, ()), *subject.material.get(kind, ())) for kind in sorted(kinds)
    }
    return Subject(subject.name, subject.keys, material)


def _subject(path: Path) -> Subject:
    with path.open("rb") as file:
        read = tomllib.load(file)
    keys = frozenset(read.pop("keys").split())
    return Subject(path.stem, keys, {kind: tuple(entries) for kind, entries in read.items()})
