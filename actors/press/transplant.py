"""How the objects of a chunk become objects of the book: renumbered, stamped, joined to its fonts and its structure."""

import re
import zlib
from dataclasses import dataclass
from typing import Protocol

from actors.press.book import Book
from actors.press.contents import REACH
from actors.press.stamps import fonts, ink
from events.plan import Chunk

# qpdf writes strings with parentheses escaped, so this finds every string whole, and nothing
# inside one is taken for a reference.
STRING_OR_REFERENCE = re.compile(rb"\((?:[^()\\]|\\.)*\)|\b(\d+) 0 R\b", re.DOTALL)
CHARACTER = re.compile(rb"<([0-9a-fA-F]{4})> <([0-9a-fA-F]*)>")
WIDTH_RUN = re.compile(rb"(\d+) \[([^\]]*)\]")
LINK = re.compile(rb"/A <<[^>]*?/URI \(%s([^)]*)\)[^>]*>>" % re.escape(REACH.encode()))
LINK_TEXT = re.compile(rb"/Contents \(%s([^)]*)\)" % re.escape(REACH.encode()))
HEADER_ID = re.compile(rb"\((\d+-\d+-\d+)\)")
OWN_ID = re.compile(rb"/ID \(([^)]*)\)")
STRUCT_PARENT = re.compile(rb"(/StructParents?) (\d+)")
LENGTH = re.compile(rb"/Length \d+")
DESCRIBED = re.compile(
    rb"/(?:Flags|ItalicAngle|StemV|StemH|CapHeight|Ascent|Descent) -?[\d.]+|/FontBBox \[[^\]]*\]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FontFacts:
    """A font as a chunk has it. ``whole`` if its codes are glyph numbers, each of a glyph that exists."""

    number: int
    name: str
    whole: bool
    to_unicode: bytes
    widths: bytes
    descriptor: bytes


class Source(Protocol):
    """A chunk's PDF as numbered objects; ``binding.Source``, spelled out to keep pikepdf behind its door."""

    pages: list[int]
    tree: int
    structure: int
    body: int
    fonts: int
    language: str

    def text(self, number: int) -> bytes:
        """The object ``number``; of a stream, its dictionary."""
        ...

    def data(self, number: int, *, decoded: bool = False) -> bytes | None:
        """The bytes of the stream ``number``, ``None`` if it is no stream."""
        ...

    def contents(self, page: int) -> int:
        """The content stream of the page with this number."""
        ...

    def parents(self) -> list[tuple[int, bytes]]:
        """The parent tree: key by key, the array or the reference that belongs to it."""
        ...

    def font_facts(self) -> list[FontFacts]:
        """The fonts of this chunk."""
        ...


def transplant(source: Source, chunk: Chunk, book: Book) -> None:
    """Write every object that the pages of ``source`` reach into ``book``."""
    numbers = _Numbers(book)
    node = book.node()
    numbers.known[source.tree] = node
    numbers.known[source.structure] = book.document
    for font in source.font_facts():
        if font.whole and (face := _merge(font, book)) is not None:
            numbers.known[font.number] = face
    book.begin(chunk, node, [numbers.of(page) for page in source.pages], source.language)
    parents = [(key, numbers.rewrite(text)) for key, text in source.parents()]
    contents = {source.contents(page): at for at, page in enumerate(source.pages)}
    while numbers.waiting:
        theirs, ours = numbers.waiting.pop(0)
        if theirs in contents:
            stamp = ink(book.stamp(chunk, contents[theirs]), book.lettering)
            data = stamp + (source.data(theirs, decoded=True) or b"")
            book.file.write_stream(ours, b"/Filter/FlateDecode", zlib.compress(data, 9))
        elif theirs == source.fonts:
            listed = numbers.rewrite(source.text(theirs)).rstrip().removesuffix(b">>")
            book.file.write(ours, listed + fonts(book.lettering) + b">>")
        else:
            text = numbers.rewrite(_joined(source.text(theirs), ours, book, source.language))
            if (raw := source.data(theirs)) is None:
                book.file.write(ours, text)
            else:
                book.file.write_stream(ours, LENGTH.sub(b"", text.strip()[2:-2]), raw)
    book.end(numbers.of(source.body), parents)


def _joined(text: bytes, number: int, book: Book, language: str) -> bytes:
    """An object with its place in the book's structure and links, its references still the chunk's own."""
    if b"/StructParent" in text:
        text = STRUCT_PARENT.sub(lambda m: b"%s %d" % (m[1], int(m[2]) + book.marked), text)
        text = LINK_TEXT.sub(rb"/Contents (\1)", LINK.sub(rb"/Dest (\1)", text))
    if b"/Type /StructElem" in text:
        text = HEADER_ID.sub(rb"(%04d-\1)" % book.begun, text)
        if own := OWN_ID.search(text):
            book.header_ids.append((own[1], number))
        text = text.replace(b"/S /Document ", b"/S /Part /Lang (%s) " % language.encode())
    return text


class _Numbers:
    """Which number of the book each of the chunk's objects gets, and which are still to be written."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.known: dict[int, int] = {}
        self.waiting: list[tuple[int, int]] = []

    def of(self, theirs: int) -> int:
        if theirs not in self.known:
            self.known[theirs] = self._book.file.reserve()
            self.waiting.append((theirs, self.known[theirs]))
        return self.known[theirs]

    def rewrite(self, text: bytes) -> bytes:
        """``text`` with every reference renumbered."""
        return STRING_OR_REFERENCE.sub(
            lambda found: b"%d 0 R" % self.of(int(found[1])) if found[1] else found[0], text
        )


def _merge(font: FontFacts, book: Book) -> int | None:
    characters = {
        int(glyph, 16): bytes.fromhex(text.decode()).decode("utf-16-be", "replace")
        for glyph, text in CHARACTER.findall(font.to_unicode)
    }
    widths: dict[int, float] = {}
    for first, run in WIDTH_RUN.findall(font.widths):
        widths |= {int(first) + at: float(width) for at, width in enumerate(run.split())}
    descriptor = b"".join(DESCRIBED.findall(font.descriptor))
    return book.lettering.merge(font.name, characters, widths, descriptor)
