"""Runs a process and sees what it and everything it starts take."""

import os
import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.machine.processes import adopt_orphans

_LOOK_SECONDS = 0.02


@dataclass(slots=True, kw_only=True)
class Taken:
    """Seconds, and megabytes at the peak.

    ``largest`` is the resident memory of the largest process, which the kernel keeps the peak of; ``tree`` what all
    processes together had in memory, with what they share counted once (PSS); ``resident`` the same with what they
    share counted for each of them (RSS). The last two are looked at often, and may miss the very peak of several.
    """

    wall: float = 0.0
    cpu: float = 0.0
    largest: float = 0.0
    tree: float = 0.0
    resident: float = 0.0


def watched(command: Sequence[str], environment: dict[str, str]) -> Taken:
    """Run ``command`` to its end, and everything it leaves behind. Raises ``RuntimeError`` if it fails."""
    adopt_orphans()
    taken = Taken()
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, taken, over))
    watcher.start()
    # What a process used is told to whoever buries it, and includes what those used that it has buried itself.
    _, status, used = os.wait4(process.pid, 0)
    taken.wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    taken.cpu += used.ru_utime + used.ru_stime
    over.set()
    watcher.join()
    # What was one process all the time was as large as its peak.
    taken.tree = max(taken.tree, taken.largest)
    with suppress(ChildProcessError):
        while True:
            _, _, used = os.wait4(-1, 0)
            taken.cpu += used.ru_utime + used.ru_stime
    if process.returncode:
        msg = f"{' '.join(command)} ended with {process.returncode}"
        raise RuntimeError(msg)
    return taken


def _watch(root: int, taken: Taken, over: threading.Event) -> None:
    while not over.wait(_LOOK_SECONDS):
        tree = resident = 0.0
        for pid in _family(root):
            with suppress(OSError, ValueError):
                found = _figures(f"/proc/{pid}/status")
                shared = _figures(f"/proc/{pid}/smaps_rollup")
                taken.largest = max(taken.largest, found["VmHWM"])
                resident += found["VmRSS"]
                tree += shared["Pss"]
        taken.tree = max(taken.tree, tree)
        taken.resident = max(taken.resident, resident)


def _family(root: int) -> Iterable[int]:
    yield root
    with suppress(OSError, ValueError):
        for task in Path(f"/proc/{root}/task").iterdir():
            for child in (task / "children").read_text("ascii").split():
                yield from _family(int(child))


def _figures(path: str) -> dict[str, float]:
    """Its lines that are sizes, in megabytes."""
    lines = (line.split() for line in Path(path).read_text("ascii").splitlines())
    return {
        words[0].rstrip(":"): int(words[1]) * 1024 / 1e6 for words in lines if words[-1] == "kB"
    }
