"""A chunk of several sheets, each rendered on its own: how they travel as one text there and as one file back."""

import io
import zipfile
from collections.abc import Iterator, Sequence

# Stands between the HTML of two sheets. No text can write it: a comment never survives the sanitizer.
NEXT_SHEET = "<!-- next sheet -->"
_ZIP = b"PK"


def packed(pdfs: Sequence[bytes]) -> bytes:
    """One PDF as it is, several as a ZIP archive. The same PDFs always give the same bytes."""
    if len(pdfs) == 1:
        return pdfs[0]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for number, pdf in enumerate(pdfs, start=1):
            archive.writestr(zipfile.ZipInfo(f"{number:04}.pdf"), pdf)
    return out.getvalue()


def unpacked(data: bytes) -> Iterator[bytes]:
    """The PDFs that ``packed`` has put together, one after another."""
    if not data.startswith(_ZIP):
        yield data
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            yield archive.read(name)
