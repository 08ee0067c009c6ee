"""The packaged fonts at binding: every face once, with the glyphs that all chunks together use."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import uharfbuzz as harfbuzz

from actors.press.pdf_file import PdfFile
from actors.press.rendering import FONTS

# Layout tables have done their work once glyphs are placed; nobody reads the names in a PDF.
UNNEEDED = (
    "BASE",
    "DSIG",
    "GDEF",
    "GPOS",
    "GSUB",
    "JSTF",
    "LTSH",
    "PCLT",
    "STAT",
    "meta",
    "name",
    "post",
)
WIDTH_TOLERANCE = 1.0
TO_UNICODE_BATCH = 100
# What must not happen to text that is measured letter by letter.
UNJOINED = {"liga": False, "clig": False, "calt": False}


@dataclass(frozen=True, slots=True)
class Letter:
    """A glyph, how far it advances here, and how much of its own width was kerned away; in thousandths."""

    glyph: int
    advance: float
    kerned: float


@dataclass(slots=True)
class Face:
    """One packaged font and what is used of it: glyph to characters."""

    name: str
    number: int
    face: harfbuzz.Face
    font: harfbuzz.Font
    descriptor: bytes = b""
    characters: dict[int, str] = field(default_factory=dict)

    def width(self, glyph: int) -> float:
        """How far ``glyph`` advances, in thousandths of the type size."""
        advance: int = self.font.get_glyph_h_advance(glyph)
        upem: int = self.face.upem
        return advance * 1000 / upem


class Lettering:
    """The faces of one document. ``finish`` writes them; until then they have numbers only."""

    def __init__(self, file: PdfFile) -> None:
        self._file = file
        self._files = {_key(path.stem): path for path in sorted(FONTS.glob("*.ttf"))}
        self._faces: dict[str, Face] = {}

    def merge(
        self,
        name: str,
        characters: Mapping[int, str],
        widths: Mapping[int, float],
        descriptor: bytes,
    ) -> int | None:
        """Use glyphs of the face that a chunk calls ``name``; its number, or ``None`` if it is not one of ours.

        ``widths`` prove that glyph numbers mean the same glyphs here and there.
        """
        face = self._face(name)
        if face is None:
            return None
        if any(abs(face.width(glyph) - width) > WIDTH_TOLERANCE for glyph, width in widths.items()):
            return None
        face.descriptor = face.descriptor or descriptor
        for glyph, text in characters.items():
            face.characters.setdefault(glyph, text)
        return face.number

    def number(self, name: str) -> int:
        """The number of the face ``name``, one of ours."""
        return self._ours(name).number

    def spell(self, name: str, text: str) -> list[Letter]:
        """``text`` letter by letter in the face ``name``, one of ours."""
        face = self._ours(name)
        buffer = harfbuzz.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        harfbuzz.shape(face.font, buffer, UNJOINED)
        letters = []
        for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            face.characters.setdefault(info.codepoint, text[info.cluster])
            advance = position.x_advance * 1000 / face.face.upem
            letters.append(Letter(info.codepoint, advance, face.width(info.codepoint) - advance))
        return letters

    def finish(self) -> None:
        """Write every face that was used."""
        for _, face in sorted(self._faces.items()):
            if face.characters:
                _write(self._file, face)

    def _ours(self, name: str) -> Face:
        face = self._face(name)
        if face is None:
            msg = f"the press has no face {name}"
            raise LookupError(msg)
        return face

    def _face(self, name: str) -> Face | None:
        key = _key(name)
        if key not in self._faces:
            path = self._files.get(key)
            if path is None:
                return None
            face = harfbuzz.Face(harfbuzz.Blob.from_file_path(str(path)))
            base = _tag(key) + "+" + path.stem
            self._faces[key] = Face(base, self._file.reserve(), face, harfbuzz.Font(face))
        return self._faces[key]


def _key(name: str) -> str:
    """``ABCDEF+Source-Serif-4-Semi-Bold`` and ``SourceSerif4-Semibold`` are one face."""
    plain = re.sub(r"[^a-z0-9]", "", name.rpartition("+")[2].lower())
    return plain.removesuffix("regular")


def _tag(key: str) -> str:
    """Six letters that mark a subset (ISO 32000-1, 9.6.4), derived from the name."""
    number = sum(ord(letter) * 31**place for place, letter in enumerate(key))
    return "".join(chr(65 + number // 26**place % 26) for place in range(6))


def _subset(face: Face) -> bytes:
    wanted = harfbuzz.SubsetInput()
    wanted.glyph_set.update(face.characters)
    wanted.drop_table_tag_set.update(harfbuzz_tag(tag) for tag in UNNEEDED)
    wanted.flags = (
        harfbuzz.SubsetFlags.RETAIN_GIDS
        | harfbuzz.SubsetFlags.NO_HINTING
        | harfbuzz.SubsetFlags.NO_LAYOUT_CLOSURE
        | harfbuzz.SubsetFlags.NOTDEF_OUTLINE
    )
    return bytes(harfbuzz.subset(face.face, wanted).blob.data)


def harfbuzz_tag(tag: str) -> int:
    """A table's tag as HarfBuzz counts it."""
    return int.from_bytes(tag.encode())


def _write(file: PdfFile, face: Face) -> None:
    name = face.name.encode()
    program = _subset(face)
    program_number = file.add_packed(b"/Length1 %d" % len(program), program)
    descriptor = file.add(
        b"<</Type/FontDescriptor/FontName/%s%s/FontFile2 %d 0 R>>"
        % (name, face.descriptor or _own_descriptor(face), program_number)
    )
    glyphs = sorted(face.characters)
    descendant = file.add(
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/%s/CIDToGIDMap/Identity"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        b"/FontDescriptor %d 0 R/W[%s]>>" % (name, descriptor, _widths(face, glyphs))
    )
    characters = file.add_packed(b"", _to_unicode(face.characters))
    file.write(
        face.number,
        b"<</Type/Font/Subtype/Type0/BaseFont/%s/Encoding/Identity-H"
        b"/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>" % (name, descendant, characters),
    )


def _own_descriptor(face: Face) -> bytes:
    extents = face.font.get_font_extents("ltr")
    up, down = (
        round(value * 1000 / face.face.upem) for value in (extents.ascender, extents.descender)
    )
    return (
        b"/Flags 4/ItalicAngle 0/StemV 80/CapHeight %d/Ascent %d/Descent %d/FontBBox[0 %d 1000 %d]"
        % (up, up, down, down, up)
    )


def _widths(face: Face, glyphs: list[int]) -> bytes:
    """Runs of neighbouring glyphs with their widths (ISO 32000-1, 9.7.4.3)."""
    runs: list[list[int]] = [[glyphs[0]]]
    for before, glyph in pairwise(glyphs):
        if glyph == before + 1:
            runs[-1].append(glyph)
        else:
            runs.append([glyph])
    return b" ".join(
        b"%d[%s]" % (run[0], b" ".join(f"{face.width(glyph):.4g}".encode() for glyph in run))
        for run in runs
    )


def _to_unicode(characters: Mapping[int, str]) -> bytes:
    """The map from glyphs to text (ISO 32000-1, 9.10.3)."""
    rows = [
        f"<{glyph:04x}> <{text.encode('utf-16-be').hex()}>"
        for glyph, text in sorted(characters.items())
    ]
    batches = [rows[at : at + TO_UNICODE_BATCH] for at in range(0, len(rows), TO_UNICODE_BATCH)]
    body = "\n".join(
        f"{len(batch)} beginbfchar\n" + "\n".join(batch) + "\nendbfchar" for batch in batches
    )
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        "1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n"
        f"{body}\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"
    ).encode()
