"""Private nodes shared by all runs of a checkout: the first starts one, the last one out stops it."""

import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sandbox.machine.places import ROOT, NotReadyError


@contextmanager
def shared(name: str, home: Path) -> Iterator[str]:
    """Yield the URL of the ``postgres`` or ``rabbitmq`` that lives in ``home``, started unless it runs.

    On leaving, and if nobody else uses it, it is stopped before this returns. Should this process be
    killed, its guard stops it.
    """
    home.mkdir(parents=True, exist_ok=True)
    try:
        with using(home):
            with _locked(home / "door"):
                # The second try to join is for a guard that a killed run has left starting.
                url = _join(home) or _start(name, home) or _join(home)
            yield url
    finally:
        with _locked(home / "door"):
            if not in_use(home):
                _wait_for_guard(home)


@contextmanager
def using(home: Path) -> Iterator[None]:
    """Count as a user of the node, and keep it running by that."""
    with (home / "users").open("w") as users:
        with _locked(home / "door"):
            fcntl.flock(users, fcntl.LOCK_SH)
        yield


def in_use(home: Path) -> bool:
    """Tell whether the node has users. Ask behind the door, where nobody new comes in."""
    # Neither users nor, once they have left, the guard let an exclusive lock through; users do
    # let a shared one.
    return not _free(home / "users", fcntl.LOCK_EX) and _free(home / "users", fcntl.LOCK_SH)


def _join(home: Path) -> str:
    # A guard without a URL is still starting its node.
    while _guarded(home):
        with suppress(FileNotFoundError):
            return (home / "url").read_text()
        time.sleep(0.05)
    return ""


def _start(name: str, home: Path) -> str:
    (home / "url").unlink(missing_ok=True)
    with (home / "guard.log").open("w") as log:
        guard = subprocess.Popen(
            [sys.executable, "-m", "sandbox.machine.guard", name, home], cwd=ROOT, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    assert guard.stdout is not None
    with guard, guard.stdout as told:
        url = told.read().strip()
    if not url and (reason := (home / "guard.log").read_text().strip()):
        raise NotReadyError(reason)
    return url


def _guarded(home: Path) -> bool:
    return not _free(home / "guard", fcntl.LOCK_EX)


def _wait_for_guard(home: Path) -> None:
    with _locked(home / "guard"):
        """It has stopped the node and ended."""


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _free(file: Path, how: int) -> bool:
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
