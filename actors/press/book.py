"""The document that chunks are bound into: what holds its pages together."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final

from actors.press.lettering import Lettering
from actors.press.outline import Entry, write_outline
from actors.press.papers import (
    Enclosure,
    Papers,
    write_enclosure,
    write_information,
    write_metadata,
)
from actors.press.pdf_file import PdfFile, text_string
from actors.press.stamps import Stamp
from actors.press.tidy import line
from actors.press.tongue import UNKNOWN
from events.plan import Chunk, ChunkKind, Product

TOP = 842
LONGEST_TITLE = 200
# Of covers, contents and the last page.
OWN_LANGUAGE = "en"
# Chunks whose pages are designed to their edges.
BARE = frozenset({ChunkKind.COVER, ChunkKind.PART})


@dataclass(frozen=True, slots=True)
class _Parents:
    """A leaf of the parent tree and the keys it covers."""

    number: int
    lowest: int
    highest: int


class Book:
    """A document that grows chunk by chunk: ``node``, ``begin``, ``end`` for each, then ``finish``."""

    def __init__(self, product: Product, file: PdfFile, *, total: int) -> None:
        self.product: Final = product
        self.file: Final = file
        self.total: Final = total
        self.lettering: Final = Lettering(file)
        self._pages, self._structure, self.document = (file.reserve() for _ in range(3))
        # For every chunk begun: its first page as an object and as a number from 1.
        self.starts: dict[str, tuple[int, int]] = {}
        # How many keys of the parent tree are taken.
        self.marked = 0
        self.header_ids: list[tuple[bytes, int]] = []
        self._nodes: list[int] = []
        self._chunks: list[Chunk] = []
        self._bodies: list[int] = []
        # For every chunk begun: its language, and how many pages it has.
        self._spoken: dict[Chunk, tuple[str, int]] = {}
        self._parents: list[_Parents] = []
        # How many pages are bound, and how many were before those begun last.
        self._bound = self._before = 0

    @property
    def begun(self) -> int:
        """How often something has begun: what tells the names in one PDF from those in another."""
        return len(self._nodes)

    def node(self) -> int:
        """A number for the node of the page tree that will hold the next chunk's pages."""
        self._nodes.append(self.file.reserve())
        return self._nodes[-1]

    def begin(self, chunk: Chunk, node: int, pages: list[int], language: str) -> None:
        """Place ``chunk``, or its next sheets: its pages are these objects and follow the pages bound so far."""
        kids = b" ".join(b"%d 0 R" % page for page in pages)
        self.file.write(
            node,
            b"<</Type/Pages/Parent %d 0 R/Count %d/Kids[%s]>>" % (self._pages, len(pages), kids),
        )
        if chunk.name not in self.starts:
            self._chunks.append(chunk)
            self.starts[chunk.name] = (pages[0], self._bound + 1)
        self._spoken[chunk] = (language, len(pages))
        self._before = self._bound
        self._bound += len(pages)

    def end(self, body: int, parents: list[tuple[int, bytes]]) -> None:
        """Join the structure of the chunk just placed: its element ``body``, and its part of the parent tree."""
        self._bodies.append(body)
        lowest, highest = self.marked, self.marked + len(parents) - 1
        entries = b" ".join(b"%d %s" % (lowest + key, text) for key, text in parents)
        leaf = b"<</Limits[%d %d]/Nums[%s]>>" % (lowest, highest, entries)
        self._parents.append(_Parents(self.file.add(leaf), lowest, highest))
        self.marked += len(parents)

    def stamp(self, chunk: Chunk, page: int) -> Stamp:
        """What is stamped on page number ``page``, from 0, of what was begun last."""
        if chunk.kind in BARE:
            return Stamp()
        folio = f"{self._before + page + 1} of {self.total}"
        if page == 0 or chunk.section is None:
            return Stamp(foot_left=self.product.title, foot_right=folio)
        part = self.product.section(chunk.section).part
        return Stamp(
            head_left=part, head_right=chunk.title, foot_left=self.product.title, foot_right=folio
        )

    def finish(self, placed_on: date, customer: str, enclosed: Sequence[Enclosure] = ()) -> None:
        """Write what belongs to the whole."""
        file = self.file
        self.lettering.finish()
        kids = b" ".join(b"%d 0 R" % node for node in self._nodes)
        file.write(self._pages, b"<</Type/Pages/Count %d/Kids[%s]>>" % (self._bound, kids))
        self._write_structure()
        title = f"{self.product.title} \u2013 {customer}" if customer else self.product.title
        papers = Papers(
            title=line(title, LONGEST_TITLE),
            subject=self.product.tagline,
            language=self._language(),
            day=placed_on,
        )
        files, names = self._write_enclosures(enclosed)
        catalogue = file.add(
            b"<</Type/Catalog/Version/1.7/Pages %d 0 R/StructTreeRoot %d 0 R/MarkInfo<</Marked true>>"
            b"/Lang(%s)/Metadata %d 0 R/ViewerPreferences<</DisplayDocTitle true>>/PageMode/UseOutlines"
            b"/Outlines %d 0 R/Names<</Dests %d 0 R%s>>%s>>"
            % (
                self._pages,
                self._structure,
                papers.language.encode(),
                write_metadata(file, papers),
                write_outline(file, self._outline()),
                self._write_destinations(),
                names,
                files,
            )
        )
        file.finish(root=catalogue, info=write_information(file, papers))

    def _language(self) -> str:
        """The language of most pages that belong to sections; that of the house's own words if there are none."""
        pages: Counter[str] = Counter()
        for chunk, (language, count) in self._spoken.items():
            if chunk.section and language != UNKNOWN:
                pages[language] += count
        return pages.most_common(1)[0][0] if pages else OWN_LANGUAGE

    def _write_enclosures(self, enclosed: Sequence[Enclosure]) -> tuple[bytes, bytes]:
        """The catalogue's entries for the files the document carries: by number, and by name."""
        numbers = [write_enclosure(self.file, each) for each in enclosed]
        if not numbers:
            return b"", b""
        listed = b" ".join(
            b"%s %d 0 R" % (text_string(each.filename), number)
            for each, number in sorted(
                zip(enclosed, numbers, strict=True), key=lambda pair: pair[0].filename
            )
        )
        tree = self.file.add(b"<</Names[%s]>>" % listed)
        files = b"/AF[%s]" % b" ".join(b"%d 0 R" % number for number in numbers)
        return files, b"/EmbeddedFiles %d 0 R" % tree

    def _write_structure(self) -> None:
        file = self.file
        kids = b" ".join(b"%d 0 R" % body for body in self._bodies)
        file.write(
            self.document,
            b"<</Type/StructElem/S/Document/P %d 0 R/K[%s]>>" % (self._structure, kids),
        )
        leaves = b" ".join(b"%d 0 R" % leaf.number for leaf in self._parents)
        parents = file.add(b"<</Kids[%s]>>" % leaves)
        ids = b""
        if self.header_ids:
            names = b" ".join(b"(%s) %d 0 R" % entry for entry in sorted(self.header_ids))
            ids = b"/IDTree %d 0 R" % file.add(b"<</Names[%s]>>" % names)
        file.write(
            self._structure,
            b"<</Type/StructTreeRoot/K[%d 0 R]/ParentTree %d 0 R/ParentTreeNextKey %d%s>>"
            % (self.document, parents, self.marked, ids),
        )

    def _write_destinations(self) -> int:
        names = b" ".join(
            b"(%s)[%d 0 R/XYZ null %d null]" % (name.encode(), page, TOP)
            for name, (page, _) in sorted(self.starts.items())
        )
        return self.file.add(b"<</Names[%s]>>" % names)

    def _outline(self) -> list[Entry]:
        """Cover, contents, every part with its sections, closing."""

        def part_of(chunk: Chunk) -> str | None:
            if chunk.kind is ChunkKind.PART:
                return chunk.title
            return self.product.section(chunk.section).part if chunk.section else None

        found: list[Entry] = []
        for part, chunks in groupby(self._chunks, part_of):
            if part is None:
                found += [self._entry(chunk) for chunk in chunks]
                continue
            inside = list(chunks)
            sections = tuple(self._entry(chunk) for chunk in inside if chunk.section)
            found.append(Entry(part, self.starts[inside[0].name][0], sections))
        return found

    def _entry(self, chunk: Chunk) -> Entry:
        return Entry(chunk.title, self.starts[chunk.name][0])
