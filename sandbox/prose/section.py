"""A section of a report as the stand-in writes it: Markdown, to length, never the same twice."""

import re
from dataclasses import replace

from events.products import CATALOGUE
from sandbox.chance import Chance
from sandbox.commission import Commission
from sandbox.prose.brief import read_brief
from sandbox.prose.library import Subject, enriched, grammar, nearest, subjects
from sandbox.prose.paragraphs import Writer
from sandbox.prose.pool import Pool
from sandbox.prose.sky import sky_over, speaks_of_sky

ONE_PART = 250  # words up to which a section is not divided
SENTENCES = re.compile(r"(?<=[.?!]) (?=[A-Z“])")
WORD = re.compile(r"[^\s\w]*\w\S*")


def section(wanted: Commission, seed: str) -> str:
    """Write the section; the same for the same commission and seed."""
    chance = Chance(seed, "section")
    brief = read_brief(wanted.brief)
    near = _subjects(wanted, chance)
    turn = turn_of(wanted, seed)
    if speaks_of_sky(wanted):
        sky = sky_over(wanted, chance, turn)
        brief = replace(brief, truths=(*brief.truths, *sky.remarks))
        near[0] = enriched(near[0], sky.material)
    pool = Pool(chance, near, customer=f"{wanted.name} {wanted.born}", turn=turn)
    low, high = wanted.words
    target = low + (high - low) * (20 + chance.below(40)) // 100
    writer = Writer(pool, brief, wanted)
    blocks = _arranged(writer, chance, target)
    while words(" ".join(blocks)) < low:
        blocks.insert(-1, writer.paragraph(target))
    blocks = shortened(blocks, high)
    while missing := max(0, low - words(" ".join(blocks))):
        blocks[0] += f" {writer.filler(missing, high - low)}"
    return polished("\n\n".join(blocks))


def turn_of(wanted: Commission, seed: str) -> int:
    """Where the section stands in its product, so that neighbours draw on different material."""
    for product in CATALOGUE.values():
        for place, planned in enumerate(product.sections):
            if planned.title == wanted.title:
                return place
    return Chance(seed, "turn").below(1000)


def _subjects(wanted: Commission, chance: Chance) -> list[Subject]:
    places = chance.shuffled([subject.name for subject in subjects()])
    texts = {wanted.part: 1, wanted.brief: 2, wanted.title: 4}
    passing_over = grammar("sky") if speaks_of_sky(wanted) else frozenset()
    near = nearest(texts, passing_over=passing_over, tie=places.index)
    return [near[0], near[1 + chance.below(2)], near[3 + chance.below(5)]]


def _arranged(writer: Writer, chance: Chance, target: int) -> list[str]:
    """Opening, a few parts with or without sub-headings, extras between them, a close."""
    opening, close = writer.opening(), writer.close()
    count = chance.one_of((1, 2, 2, 2, 3, 3)) if target > ONE_PART else 1
    headed = count > 1 and chance.below(5) > 0
    pieces = chance.shuffled(("list", "quote", "table", "", ""))
    left = target - words(opening) - words(close)
    blocks = [opening]
    for part in range(count):
        writer.turn_to(part)
        body: list[str] = []
        if headed and (part or count > 2 or chance.below(3) == 0):  # noqa: PLR2004 - two parts, one heading
            body.append(f"### {writer.heading()}")
        aside = writer.aside(pieces[part]) if part < len(pieces) - 3 else ""
        room = left // (count - part) - words(aside)
        paragraphs: list[str] = []
        while (missing := room - sum(map(words, paragraphs))) > 0 or not paragraphs:
            paragraphs.append(writer.paragraph(missing))
        if aside:
            paragraphs.insert(1 + chance.below(len(paragraphs)), aside)
        body += paragraphs
        left -= sum(map(words, body))
        blocks += body
    return [*blocks, close]


def shortened(blocks: list[str], most: int) -> list[str]:
    """The blocks without the last sentences of the longest paragraphs, if there are too many words.

    The close stays; when every paragraph is down to a sentence, whole blocks go, the last first.
    """
    kept = list(blocks)
    while words(" ".join(kept)) > most:
        said = [SENTENCES.split(block) if plain(block) else [block] for block in kept[:-1]]
        longest = max(range(len(said)), key=lambda at: (len(said[at]) > 1, len(kept[at])))
        if len(said[longest]) > 1:
            kept[longest] = " ".join(said[longest][:-1])
        elif len(kept) > 2:  # noqa: PLR2004 - the opening and the close
            kept.pop(-2)
        else:
            break
    return kept


def plain(block: str) -> bool:
    """Whether a block is a paragraph: no heading, quote, list or table."""
    return block[0] not in "#>" and "\n" not in block


def words(text: str) -> int:
    """Words as a reader counts them: what stands between spaces and is not a mere mark."""
    return len(WORD.findall(text))


def polished(text: str) -> str:
    """Typographic apostrophes and quotation marks."""
    text = re.sub(r"(?<=\w)'(?=\w)|(?<=s)'(?=\s)", "\N{RIGHT SINGLE QUOTATION MARK}", text)
    text = re.sub(r'(^|[\s(“])"', r"\1“", text)
    text = text.replace('"', "”")
    return text.replace(" ...", "\u00a0…").replace("...", "…") + "\n"
