"""Files in a folder of this machine, or of one that several machines share."""

import os
import shutil
import uuid
from collections.abc import Container
from pathlib import Path


class Disk:
    """A folder with folders in it. Names are like ``folder/file``; ``put`` changes nothing that is there."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, name: str, content: bytes) -> bool:
        """Write a file; it has reached the disk when this returns. False, and nothing done, if there is one already."""
        path = self.root / name
        if path.exists():
            return False
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _sync(self.root)
        draft = _draft(path, content)
        try:
            # Unlike a rename, this does not replace what somebody else has written meanwhile.
            os.link(draft, path)
        except FileExistsError:
            return False
        finally:
            draft.unlink(missing_ok=True)
        _sync(path.parent)
        return True

    def replace(self, name: str, content: bytes) -> None:
        """Write a file in the place of one that is broken; it has reached the disk when this returns."""
        path = self.root / name
        _draft(path, content).replace(path)
        _sync(path.parent)

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.root / name).exists()

    def get(self, name: str) -> bytes | None:
        """The file's content; ``None`` if there is none."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None

    def names(self, folder: str) -> list[str]:
        """The files in a folder, in order; none if it does not exist."""
        try:
            found = [each.name for each in (self.root / folder).iterdir()]
        except FileNotFoundError:
            return []
        return sorted(name for name in found if not name.startswith("."))

    def prune(self, folder: str, kept: Container[str]) -> int:
        """Remove what is in a folder and not ``kept``, drafts included; return how many files."""
        removed, path = 0, self.root / folder
        for each in [*path.iterdir()] if path.exists() else []:
            if each.name not in kept:
                each.unlink(missing_ok=True)
                removed += 1
        return removed

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it. Safe to repeat."""
        path = self.root / folder
        if path.exists():
            shutil.rmtree(path)
            _sync(self.root)


def _draft(path: Path, content: bytes) -> Path:
    """A file beside ``path`` with that content, which has reached the disk."""
    draft = path.with_name(f".{uuid.uuid4().hex}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
