"""Turns at the press: no more pieces in work at once than the machine has places for, whichever worker they are of."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore

from events.errors import Refused, Unavailable

_LOOK_SECONDS = 0.005
_NAME = "ledgerpress-press-{user}"


class Turns:
    """``places`` pieces at once: of this process, or of all processes that share ``folder``.

    Places are locks on files, which the kernel gives up when their holder dies. Who waits stands in one line, so that a
    short report waits for a piece of a long one, never for all of it.
    """

    def __init__(self, places: int, folder: Path | None = None) -> None:
        self._places = places
        self._folder = folder
        self._here = BoundedSemaphore(places)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a place, and hold it. Raises ``Unavailable`` if the folder cannot be used."""
        with self._here:
            if self._folder is None:
                yield
                return
            place = self._place(self._folder)
            try:
                yield
            finally:
                os.close(place)

    def _place(self, folder: Path) -> int:
        """The first place that is free, once all who came before have theirs; an open file that holds the lock."""
        try:
            gate = _opened(folder / "gate")
            files = [_opened(folder / f"place-{number}") for number in range(self._places)]
        except OSError:
            message = f"workers cannot take turns in {folder}: it must be theirs to write to"
            raise Unavailable(message, reason="press-not-ready", retry_after=30.0) from None
        try:
            fcntl.flock(gate, fcntl.LOCK_EX)
            while True:
                for file in files:
                    if _locked(file):
                        files.remove(file)
                        return file
                time.sleep(_LOOK_SECONDS)
        finally:
            for file in (gate, *files):
                os.close(file)


def shared_folder(named: str | None = None) -> Path:
    """Where the workers of one user on one machine take turns, unless a folder is ``named``. It is made.

    Raises ``Refused`` if it cannot be.
    """
    folder = Path(named or Path(tempfile.gettempdir()) / _NAME.format(user=os.geteuid()))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        message = f"{folder} cannot be made: name another folder in PRESS_FOLDER"
        raise Refused(message, reason="bad-settings") from None
    return folder


def _opened(path: Path) -> int:
    # Not through a link: in a folder for all, somebody else may have laid one.
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
