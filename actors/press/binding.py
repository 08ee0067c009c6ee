"""Chunks, each a PDF of its own, bound into one document with every font once. The only door to pikepdf."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

import pikepdf

from actors.press.book import Book
from actors.press.papers import Enclosure
from actors.press.pdf_file import PdfFile
from actors.press.sheets import unpacked
from actors.press.tongue import UNKNOWN
from actors.press.transplant import FontFacts, transplant
from events.plan import Chunk, Product


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A rendered chunk. ``pdf`` may be a callable, which is asked when the chunk is bound and not before."""

    chunk: Chunk
    pdf: bytes | Callable[[], bytes]
    pages: int


def bind(
    product: Product,
    pieces: Sequence[Piece],
    out: BinaryIO,
    *,
    placed_on: date,
    customer: str = "",
    enclosed: Sequence[Enclosure] = (),
) -> None:
    """Write one document of all ``pieces``, in their order, to ``out``. The same pieces always give the same bytes.

    Pages are numbered and carry running heads, the contents lead to them, parts and sections make
    the outline; it is tagged as PDF/UA-1 asks for, and carries what is ``enclosed``. One chunk is
    held in memory at a time. Raises ``ValueError`` for a piece that has other pages than it says.
    """
    book = Book(product, PdfFile(out), total=sum(piece.pages for piece in pieces))
    for piece in pieces:
        data = piece.pdf if isinstance(piece.pdf, bytes) else piece.pdf()
        pages = 0
        for sheet in unpacked(data):
            with pikepdf.open(io.BytesIO(sheet)) as pdf:
                source = Source(pdf)
                pages += len(source.pages)
                transplant(source, piece.chunk, book)
        if pages != piece.pages:
            msg = f"{piece.chunk.name} has {pages} pages, not {piece.pages}"
            raise ValueError(msg)
    book.finish(placed_on, customer, enclosed)


class Source:
    """A chunk's PDF as numbered objects in qpdf's spelling."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self._pdf = pdf
        self.pages = [int(page.objgen[0]) for page in pdf.pages]
        self.tree: int = pdf.Root.Pages.objgen[0]
        self.structure: int = pdf.Root.StructTreeRoot.objgen[0]
        self.body: int = pdf.Root.StructTreeRoot.K[0].objgen[0]
        self.language = str(pdf.Root.get("/Lang", UNKNOWN)) or UNKNOWN
        # WeasyPrint gives all pages of a document the same resources.
        self.fonts: int = pdf.pages[0].Resources.Font.objgen[0]

    def text(self, number: int) -> bytes:
        """The object ``number``; of a stream, its dictionary."""
        found = self._pdf.get_object((number, 0))
        if isinstance(found, pikepdf.Stream):
            return found.stream_dict.unparse(resolved=True)
        return found.unparse(resolved=True)

    def data(self, number: int, *, decoded: bool = False) -> bytes | None:
        """The bytes of the stream ``number``, ``None`` if it is no stream."""
        found = self._pdf.get_object((number, 0))
        if not isinstance(found, pikepdf.Stream):
            return None
        return found.read_bytes() if decoded else found.read_raw_bytes()

    def contents(self, page: int) -> int:
        """The content stream of the page with this number."""
        return self._pdf.get_object((page, 0)).Contents.objgen[0]

    def parents(self) -> list[tuple[int, bytes]]:
        """The parent tree: key by key, the array or the reference that belongs to it."""
        numbers = self._pdf.Root.StructTreeRoot.ParentTree.Nums
        return [(int(numbers[at]), numbers[at + 1].unparse()) for at in range(0, len(numbers), 2)]

    def font_facts(self) -> list[FontFacts]:
        """The fonts of this chunk."""
        found = []
        for font in (self._pdf.get_object((self.fonts, 0))).as_dict().values():
            inner = font.DescendantFonts[0] if "/DescendantFonts" in font else None
            found.append(
                FontFacts(
                    number=font.objgen[0],
                    name=str(font.get("/BaseFont", ""))[1:],
                    whole=inner is not None and font.get("/Encoding") == "/Identity-H",
                    to_unicode=font.ToUnicode.read_bytes() if "/ToUnicode" in font else b"",
                    widths=inner.W.unparse() if inner is not None else b"",
                    descriptor=inner.FontDescriptor.unparse(resolved=True)
                    if inner is not None
                    else b"",
                )
            )
        return found
