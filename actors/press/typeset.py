"""A chunk's page, from what may be shown on it: Markdown and facts in, HTML out. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from actors.press.contents import is_roomy, sheets
from actors.press.looks import drawing, look
from actors.press.prose import Prose, plain, prose
from actors.press.sheets import NEXT_SHEET
from actors.press.tidy import breakable, line
from actors.press.tongue import direction
from events.plan import Chunk, ChunkKind, Product, Section

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["breakable"] = breakable
LONGEST_NAME = 300
LONGEST_VALUE = 200
# Up to how many characters a name is set in which size.
NAME_SIZES = ((26, "short"), (60, "medium"), (140, "long"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one chunk may show. What a chunk does not need stays at its default.

    ``customer`` and ``text`` are untrusted. ``pages`` says how many pages each chunk has; the
    contents need those of all chunks before them in reading order and after, but not their own.
    ``made`` are the rows (label, value) of the closing page.
    """

    customer: str
    placed_on: date
    text: str = ""
    pages: Mapping[str, int] = field(default_factory=dict)
    made: tuple[tuple[str, str], ...] = ()


def typeset(product: Product, chunk: Chunk, facts: Facts) -> str:
    """The HTML of ``chunk``: one document, or one for each of its sheets with ``NEXT_SHEET`` between them.

    Never raises for what stands in ``facts``, and the same facts give the same HTML.
    """
    section = _section(product, chunk)
    body = prose(facts.text, section.title if section else "", look(product.name))
    return _typeset(product, chunk, facts, body)


def typeset_plain(product: Product, chunk: Chunk, facts: Facts) -> str:
    """The same chunk with its text as bare paragraphs: for text that the press refused in full dress."""
    return _typeset(product, chunk, facts, plain(facts.text))


def _typeset(product: Product, chunk: Chunk, facts: Facts, body: Prose) -> str:
    section = _section(product, chunk)
    template = TEMPLATES.get_template(f"{chunk.kind.value}.html")
    return NEXT_SHEET.join(
        template.render(
            product=product,
            chunk=chunk,
            look=look(product.name),
            name=_name(facts.customer),
            placed_on=_day(facts.placed_on),
            made=[(label, line(value, LONGEST_VALUE)) for label, value in facts.made],
            body=body,
            section=section,
            place=_place(product, chunk),
            **only,
        )
        for only in _only(chunk, product, facts)
    )


def _only(chunk: Chunk, product: Product, facts: Facts) -> Iterator[dict[str, object]]:
    """What only one kind of chunk shows, sheet by sheet."""
    match chunk.kind:
        case ChunkKind.COVER:
            yield {"drawing": drawing(product.name)}
        case ChunkKind.PART:
            place = _place(product, chunk)
            inside = [s.title for s in product.sections if s.part == chunk.title]
            yield {"drawing": drawing(product.name, place=place), "inside": inside}
        case ChunkKind.CONTENTS:
            rows = sheets(product, facts.pages)
            for at, each in enumerate(rows):
                yield {"rows": each, "roomy": is_roomy(rows), "first": at == 0}
        case _:
            yield {}


def _section(product: Product, chunk: Chunk) -> Section | None:
    return product.section(chunk.section) if chunk.section else None


def _place(product: Product, chunk: Chunk) -> int:
    """The how-manieth of its kind ``chunk`` is, from 1."""
    alike = [other.name for other in product.chunks if other.kind is chunk.kind]
    return alike.index(chunk.name) + 1


def _name(customer: str) -> dict[str, str]:
    text = line(customer, LONGEST_NAME)
    size = next((size for most, size in NAME_SIZES if len(text) <= most), "endless")
    return {"text": breakable(text), "size": size, "direction": direction(text)}


def _day(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"
