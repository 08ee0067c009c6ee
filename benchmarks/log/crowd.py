"""Writers that begin at the same moment, each a process of its own."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from benchmarks.engine.ground import ROOT, Ground

WRITER = (sys.executable, "-m", "benchmarks.log.writer")
_AHEAD_SECONDS = 0.2


@contextmanager
def writing(
    ground: Ground, command: Sequence[str | Path], number: int
) -> Iterator[Callable[[], list[int]]]:
    """So many writers, all of them ready: what lets them go, waits, and tells how many events each has written."""
    writers = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(ground.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(number)
    ]

    def go() -> list[int]:
        start = time.time() + _AHEAD_SECONDS
        for each in writers:
            _of(each.stdin).write(f"{start}\n")
            _of(each.stdin).flush()
        return [int(_of(each.stdout).readline()) for each in writers]

    try:
        for each in writers:
            assert _of(each.stdout).readline() == "ready\n"
        yield go
    finally:
        for each in writers:
            each.communicate()


def _of(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
