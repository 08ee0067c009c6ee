"""A PDF written from front to back: objects leave memory as soon as they are known.

ISO 32000-1, 7.5.7 (object streams) and 7.5.8 (cross-reference streams).
"""

import hashlib
import zlib
from array import array
from typing import BinaryIO

HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
# Objects without a stream are packed together, this many at a time.
PACKED = 200

FREE, PLAIN, IN_PACK = 0, 1, 2


class PdfFile:
    """Objects in, bytes out. The same calls in the same order give the same bytes."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._at = 0
        self._hash = hashlib.sha256()
        # For every object number: where it is kept (kind), the offset or the pack, the place in the pack.
        self._kinds = array("B", [FREE])
        self._first = array("Q", [0])
        self._second = array("H", [0xFFFF])
        self._pack: list[tuple[int, bytes]] = []
        self._emit(HEADER)

    def reserve(self) -> int:
        """A number for an object that is written later."""
        self._kinds.append(FREE)
        self._first.append(0)
        self._second.append(0)
        return len(self._kinds) - 1

    def write(self, number: int, text: bytes) -> None:
        """Write an object that is not a stream."""
        self._pack.append((number, text))
        if len(self._pack) == PACKED:
            self._flush()

    def add(self, text: bytes) -> int:
        """Write an object that is not a stream, under a new number."""
        number = self.reserve()
        self.write(number, text)
        return number

    def write_stream(self, number: int, entries: bytes, data: bytes) -> None:
        """Write a stream whose dictionary has ``entries`` besides its length."""
        self._place(number, PLAIN, self._at, 0)
        self._emit(
            b"%d 0 obj\n<<%s/Length %d>>stream\n%s\nendstream\nendobj\n"
            % (number, entries, len(data), data)
        )

    def add_packed(self, entries: bytes, data: bytes) -> int:
        """Write a stream under a new number, compressed."""
        number = self.reserve()
        self.write_stream(number, entries + b"/Filter/FlateDecode", zlib.compress(data, 9))
        return number

    def finish(self, *, root: int, info: int) -> None:
        """Write what is left, the cross-references and the trailer. The identifier is a hash of all before it."""
        self._flush()
        number = self.reserve()
        start = self._at
        self._place(number, PLAIN, start, 0)
        identity = self._hash.hexdigest()[:32].encode()
        table = self._cross_references()
        entries = (
            b"/Type/XRef/Size %d/W[1 4 2]/Root %d 0 R/Info %d 0 R/ID[<%s><%s>]"
            b"/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 7>>"
        ) % (number + 1, root, info, identity, identity)
        self.write_stream(number, entries, table)
        self._emit(b"startxref\n%d\n%%%%EOF\n" % start)

    def _cross_references(self) -> bytes:
        """One row of seven bytes per object, each as the difference to the one above (PNG filter 2); compressed."""
        pressed = bytearray()
        packer = zlib.compressobj(9)
        above = bytes(7)
        for kind, first, second in zip(self._kinds, self._first, self._second, strict=True):
            row = bytes((kind,)) + first.to_bytes(4) + second.to_bytes(2)
            change = bytes((a - b) & 255 for a, b in zip(row, above, strict=True))
            pressed += packer.compress(b"\x02" + change)
            above = row
        return bytes(pressed + packer.flush())

    def _flush(self) -> None:
        if not self._pack:
            return
        pack = self.reserve()
        index, body = [], []
        offset = 0
        for place, (number, text) in enumerate(self._pack):
            self._place(number, IN_PACK, pack, place)
            index.append(b"%d %d" % (number, offset))
            body.append(text)
            offset += len(text) + 1
        head = b" ".join(index) + b"\n"
        entries = b"/Type/ObjStm/N %d/First %d/Filter/FlateDecode" % (len(body), len(head))
        self._pack = []
        self.write_stream(pack, entries, zlib.compress(head + b"\n".join(body), 9))

    def _place(self, number: int, kind: int, first: int, second: int) -> None:
        self._kinds[number] = kind
        self._first[number] = first
        self._second[number] = second

    def _emit(self, data: bytes) -> None:
        self._out.write(data)
        self._hash.update(data)
        self._at += len(data)


def text_string(text: str) -> bytes:
    """``text`` as a PDF text string (ISO 32000-1, 7.9.2.2)."""
    return b"<feff" + text.encode("utf-16-be", "replace").hex().encode() + b">"
