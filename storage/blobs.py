"""Files named by their content and sealed with the customer's key, on disk."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Container
from pathlib import Path
from urllib.parse import unquote, urlsplit

from events.errors import NotFound, Refused, Unavailable
from storage.vault import Sealer


class Blobs:
    """A folder of sealed files: ``<subject>/<SHA-256 of the plain bytes>``."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "file" or parts.netloc or not parts.path.startswith("/"):
            message = "BLOB_URL must look like file:///var/lib/ledgerpress/blobs"
            raise Refused(message, reason="bad-settings")
        self.root = Path(unquote(parts.path))

    def put(self, plain: bytes, sealer: Sealer) -> str:
        """Keep ``plain`` and return its name. It has reached the disk when this returns."""
        name = hashlib.sha256(plain).hexdigest()
        path = self._path(sealer.subject, name)
        if path.exists():
            return name
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _sync_folder(self.root)
        draft = path.with_name(f".{name}.{uuid.uuid4().hex}")
        with draft.open("xb") as file:
            file.write(sealer.seal(plain, _place(sealer.subject, name)))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        _sync_folder(path.parent)
        return name

    def get(self, name: str, sealer: Sealer) -> bytes:
        """The plain bytes. Raises ``NotFound`` if there is no such blob or its key is gone."""
        try:
            sealed = self._path(sealer.subject, name).read_bytes()
        except FileNotFoundError:
            sealed = b""
        plain = sealer.open(sealed, _place(sealer.subject, name)) if sealed else None
        if plain is None:
            message = f"there is no blob {name}"
            raise NotFound(message, reason="blob-missing")
        return plain

    def forget(self, subject: uuid.UUID) -> None:
        """Remove all that was kept for the subject, drafts included. Safe to repeat; raises ``OSError``."""
        folder = self.root / str(subject)
        if folder.exists():
            shutil.rmtree(folder)
            _sync_folder(self.root)

    def prune(self, subject: uuid.UUID, kept: Container[str]) -> int:
        """Remove what lies there for the subject and is not named in ``kept``, drafts included; return how many files.

        Nobody may be at work for the subject. Raises ``Unavailable`` if something cannot be removed.
        """
        folder, removed = self.root / str(subject), 0
        try:
            for each in [*folder.iterdir()] if folder.exists() else []:
                if each.name not in kept:
                    each.unlink(missing_ok=True)
                    removed += 1
        except OSError as error:
            message = f"a file could not be removed: {type(error).__name__}"
            raise Unavailable(message, reason="blobs-away") from None
        return removed

    def _path(self, subject: uuid.UUID, name: str) -> Path:
        return self.root / str(subject) / name


def _place(subject: uuid.UUID, name: str) -> str:
    return f"blob/{subject}/{name}"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
