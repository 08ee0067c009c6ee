"""The outline of a document, as a viewer shows it beside the pages."""

from dataclasses import dataclass

from actors.press.pdf_file import PdfFile, text_string


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the outline, the page object it leads to, and the lines below it."""

    title: str
    page: int
    below: tuple["Entry", ...] = ()


def write_outline(file: PdfFile, entries: list[Entry]) -> int:
    """Write the outline, all parts folded (ISO 32000-1, 12.3.3); the number of its root."""
    root = file.reserve()
    first, last = _write_level(file, entries, root)
    file.write(
        root,
        b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (first, last, len(entries)),
    )
    return root


def _write_level(file: PdfFile, entries: list[Entry], parent: int) -> tuple[int, int]:
    numbers = [file.reserve() for _ in entries]
    for at, (number, entry) in enumerate(zip(numbers, entries, strict=True)):
        links = b"/Prev %d 0 R" % numbers[at - 1] if at else b""
        if at + 1 < len(numbers):
            links += b"/Next %d 0 R" % numbers[at + 1]
        if entry.below:
            first, last = _write_level(file, list(entry.below), number)
            links += b"/First %d 0 R/Last %d 0 R/Count %d" % (first, last, -len(entry.below))
        file.write(
            number,
            b"<</Title%s/Parent %d 0 R/Dest[%d 0 R/XYZ null 842 null]%s>>"
            % (text_string(entry.title), parent, entry.page, links),
        )
    return numbers[0], numbers[-1]
