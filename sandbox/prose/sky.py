"""The old language of signs, planets and houses, for reports that speak it."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.chance import Chance
from sandbox.commission import Commission
from sandbox.prose.library import Material
from sandbox.prose.pool import gone_round

GAP = re.compile(r"\{(\w+)\}")


@cache
def almanac() -> Mapping[str, Any]:
    """Everything that is written down about the sky."""
    with (Path(__file__).parent / "sky.toml").open("rb") as file:
        return tomllib.load(file)


def speaks_of_sky(wanted: Commission) -> bool:
    """Whether the report is one that uses this language, and knows the birth date it needs."""
    said = f"{wanted.product} {wanted.title} {wanted.brief}".lower()
    return wanted.born is not None and bool(re.search(r"horoscope|astrolog|zodiac", said))


@dataclass(frozen=True, slots=True)
class Sky:
    """What can be said of a customer's sky in one section.

    ``remarks`` are sentences; ``material`` belongs to the section's subject, whatever that is.
    """

    remarks: tuple[str, ...]
    material: Material


def sky_over(wanted: Commission, chance: Chance, turn: int) -> Sky:
    """A few remarks, those about what the brief names before those about the sign in general."""
    book = almanac()
    assert wanted.born is not None
    sign = sign_of(wanted.born)
    text = f"{wanted.title} {wanted.brief}"
    filled = gaps(sign, text)
    spoken_of = chance.shuffled([lore for lore in book["lore"] if mentions(text, lore["word"])])
    own, general = book["signs"][book["order"][sign]], book["general"]
    remarks: list[str] = []
    for lore in spoken_of[:3]:
        remarks += fitting(lore, "always", filled)
        remarks += gone_round(fitting(lore, "truths", filled), turn)[: lore.get("share", 2)]
    if re.search(r"\b(?:Sun|sign)\b", text) and chance.below(2):
        remarks += gone_round(fitting(own, "truths", filled), turn)[:1]
    if spoken_of and chance.below(4) == 0:
        remarks += gone_round(fitting(general, "truths", filled), turn)[:1]
    sources = [*spoken_of, own, *([general] if spoken_of else [])]
    material = {
        kind: tuple(entry for source in sources for entry in fitting(source, kind, filled))
        for kind in ("things", "whens", "acts", "heads")
    }
    return Sky(tuple(remarks[:4]), material)


def fitting(source: Mapping[str, Any], kind: str, filled: Mapping[str, str]) -> list[str]:
    """The entries of a kind whose gaps can be filled, filled."""
    said = [fill(entry, filled) for entry in source.get(kind, ())]
    return [entry for entry in said if entry is not None]


def sign_of(born: date) -> int:
    """The Sun's sign on a day of the year, 0 for Aries; by the dates that the product's voice lists."""
    begins = almanac()["begins"]
    started = [(month, day) for month, day in begins if (month, day) <= (born.month, born.day)]
    latest = max(started, default=(12, 22))
    return int(begins.index(list(latest)))


def gaps(sign: int, text: str) -> dict[str, str]:
    """What the almanac's gaps are filled with; gaps about a month or a house only if one is named."""
    book = almanac()
    order, rooms, ordinals = book["order"], book["rooms"], book["ordinals"]
    filled = {
        "sign": order[sign],
        "next": order[(sign + 1) % 12],
        "previous": order[(sign - 1) % 12],
        "opposite": order[(sign + 6) % 12],
        "ruler": book["rulers"][sign],
        "ruler_capital": book["rulers"][sign].replace("the ", "The "),
        "element": book["elements"][sign % 4],
        "mode": book["modes"][sign % 3],
        "mode_word": book["modes"][sign % 3].capitalize(),
    }
    house = re.search(rf"\b({'|'.join(ordinals)})\b(?: solar)? house\b", text)
    if house:
        number = ordinals.index(house[1])
        filled |= {"house_sign": order[(sign + number) % 12], "house_room": rooms[number]}
    months = book["months"]
    month = next((month for month in months if re.search(rf"\bWrite {month}\b", text)), None)
    if month:
        first = (months.index(month) + 9) % 12
        later = (first + 1) % 12
        filled |= {
            "month": month,
            "month_sign": order[first],
            "later_sign": order[later],
            "month_house": ordinals[(first - sign) % 12],
            "later_house": ordinals[(later - sign) % 12],
            "month_room": rooms[(first - sign) % 12],
            "later_room": rooms[(later - sign) % 12],
            "turn_day": ordinal_day(book["begins"][later][1]),
        }
    return filled


def fill(entry: str, filled: Mapping[str, str]) -> str | None:
    """The entry with its gaps filled, or ``None`` if one of them has nothing to fill it."""
    if not set(GAP.findall(entry)) <= set(filled):
        return None
    return GAP.sub(lambda gap: filled[gap[1]], entry)


def mentions(text: str, words: str) -> bool:
    """Whether one of the words stands in the text, as written or in the plural."""
    return any(re.search(rf"\b{re.escape(word)}s?\b", text) for word in words.split())


def ordinal_day(day: int) -> str:
    """``20th``, ``21st``, ``22nd``, ``23rd``."""
    return f"{day}{({1: 'st', 2: 'nd', 3: 'rd'}).get(day % 10, 'th')}"
