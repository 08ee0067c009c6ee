"""The contents: which rows stand on which of its pages, and on which page of the document each chunk begins."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from events.plan import ChunkKind, Product

# How many rows fit below the heading of the first page, and on each later one. A part takes two.
# The style sheet gives every row the same height; ``test_press`` proves that this fits.
FIRST_ROOM = 32
ROOM = 36
PART_HEIGHT = 2
# Up to how many rows on a single page are set wider apart.
ROOMY = 12

# Links to other chunks are written to this host, which no text can name; binding turns them into
# jumps inside the document.
REACH = "https://chunk.ledgerpress.invalid/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: a part (``number`` is empty) or a section. ``page`` is 0 where a part has no page of its own."""

    title: str
    link: str
    number: str = ""
    page: int = 0


def sheets(product: Product, pages: Mapping[str, int]) -> list[list[Row]]:
    """The rows of each page of the contents. Chunks missing from ``pages`` count as one page."""
    own = len(_broken(list(_rows(product, {}))))
    return _broken(list(_rows(product, _first_pages(product, pages, own))))


def is_roomy(pages: list[list[Row]]) -> bool:
    """Whether so few rows are to be shown that they may be set wider apart."""
    return len(pages) == 1 and len(pages[0]) <= ROOMY


def _first_pages(product: Product, pages: Mapping[str, int], own: int) -> dict[str, int]:
    """The page on which each chunk begins, from 1; the contents themselves take ``own`` pages."""
    counts = [
        own if chunk.kind is ChunkKind.CONTENTS else pages.get(chunk.name, 1)
        for chunk in product.chunks
    ]
    starts = accumulate(counts, initial=1)
    return {chunk.name: start for chunk, start in zip(product.chunks, starts, strict=False)}


def _rows(product: Product, starts: Mapping[str, int]) -> Iterator[Row]:
    part = opener = None
    number = 0
    for chunk in product.chunks:
        if chunk.kind is ChunkKind.PART:
            opener = chunk
        if chunk.section is None:
            continue
        section = product.section(chunk.section)
        if section.part != part:
            part = section.part
            target = (opener or chunk).name
            yield Row(title=part, link=REACH + target, page=starts.get(target, 0) if opener else 0)
        number += 1
        yield Row(
            title=chunk.title,
            link=REACH + chunk.name,
            number=f"{number:02}",
            page=starts.get(chunk.name, 0),
        )


def _broken(rows: list[Row]) -> list[list[Row]]:
    """The rows page by page. A part is never the last line of a page."""
    found: list[list[Row]] = [[]]
    room = FIRST_ROOM
    for row in rows:
        height = 1 if row.number else PART_HEIGHT
        if (height if row.number else height + 1) > room:
            found.append([])
            room = ROOM
        found[-1].append(row)
        room -= height
    return found
