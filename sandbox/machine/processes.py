"""Child processes that cannot be forgotten: run, hand over to, and end them."""

import ctypes
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from sandbox.machine.places import ROOT, NotReadyError

# From linux/prctl.h.
_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def run(
    command: Sequence[str | Path],
    what: str,
    *,
    env: Mapping[str, str] | None = None,
    user: int | None = None,
    says: str = "",
) -> None:
    """Run a set-up step in silence; raise ``NotReadyError`` with the end of its output when it fails."""
    result = subprocess.run(
        command, cwd="/", env=env, user=user, group=user, extra_groups=None if user is None else [],
        input=says, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
    )  # fmt: skip
    if result.returncode:
        said = "\n".join(result.stdout.strip().splitlines()[-25:])
        raise NotReadyError(f"{what} failed: {shlex.join(map(str, command))}\n{said}")


def die_with_parent(signum: signal.Signals) -> Callable[[], None]:
    """Make a ``preexec_fn``: the kernel sends the child ``signum`` when the parent dies, even of SIGKILL."""
    parent = os.getpid()

    def ask() -> None:
        if sys.platform == "linux":
            _libc.prctl(_SET_PDEATHSIG, signum, 0, 0, 0)
            if os.getppid() != parent:
                os.kill(os.getpid(), signum)

    return ask


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that ``end_children`` sees it."""
    if sys.platform == "linux":
        _libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def hand_over(command: Sequence[str | Path], env: Mapping[str, str]) -> int:
    """Run the command as if it had been started instead of us; return its exit code as a shell gives it.

    On a terminal Ctrl-C reaches the child directly. Otherwise it gets a process group of its own, so
    that a signal to our group reaches it once, through us.
    """
    interactive = os.isatty(0)
    child = subprocess.Popen(
        command, cwd=ROOT, env=env, process_group=None if interactive else 0,
        preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - no threads are running by now
    )  # fmt: skip

    def forward(signum: int, _frame: FrameType | None) -> None:
        child.send_signal(signum)

    signal.signal(signal.SIGTERM, forward)
    for signum in (signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, (lambda *_: None) if interactive else forward)
    code = child.wait()
    return code if code >= 0 else 128 - code


def end_children(patience: float = 10.0) -> None:
    """Stop our children and adopted orphans: SIGTERM, then SIGKILL after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    told: set[int] = set()
    while left := set(_children()):
        signum = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL
        for pid in left if signum == signal.SIGKILL else left - told:
            with suppress(ProcessLookupError):
                os.kill(pid, signum)
        told |= left
        for pid in left:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)


def marked(mark: str) -> Iterator[int]:
    """Yield the processes that were started with ``mark``, a ``NAME=value``, in their environment."""
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark.encode() in environ.read_bytes().split(b"\0"):
                yield int(environ.parent.name)


def _children() -> Iterator[int]:
    for children in Path("/proc/self/task").glob("*/children"):
        yield from map(int, children.read_text().split())
