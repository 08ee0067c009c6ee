"""The warm process of the press: loads everything once, and forks children that render some chunks each.

Run as ``python -m actors.press.pressroom FD`` with a socket as file descriptor FD. It first says its recipe.
Then, for each byte that arrives, there comes another socket, which is handed to a child: HTML is read
from it to its end, and the answer is pages, PDF and a verdict (``rendering.PAGES``, ``rendering.VERDICT``).
Where a child ended instead, the warm process writes the verdict. When FD is closed at the other end,
the process and its children end.

A child keeps what it has warmed for the next chunk, which halves the work, and leaves after a few,
after a large one, and after any failure, so that no chunk meets the traces of a bad one.
"""

import contextlib
import ctypes
import gc
import math
import os
import resource
import selectors
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from actors.press.plate import fingerprint, plate
from actors.press.rendering import (
    BROKEN,
    PAGES,
    SHEET,
    TOO_DEEP,
    TOO_MUCH_MEMORY,
    VERDICT,
    VERDICT_MARK,
    Limits,
    Rendered,
)

WARM_UP = SHEET.with_name("warm-up.html")

# A child leaves after so many chunks, or once it has grown by so many kilobytes, or when there was
# nothing to do for so many seconds.
CHUNKS = 30
GROWTH = 24 * 1024
REST = 3.0

# From prctl(2).
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

Render = Callable[[str], Rendered]


@dataclass(slots=True, eq=False)
class Child:
    """A child as the warm process sees it, and the connection it is working for."""

    pid: int
    control: socket.socket
    connection: socket.socket | None = None


def main() -> None:
    """Warm up, announce the recipe, then serve until the other end is closed."""
    limits = Limits(
        memory=int(os.environ["PRESS_MEMORY"]),
        processor=int(os.environ["PRESS_PROCESSOR"]),
        time=int(os.environ["PRESS_TIME"]),
    )
    door = socket.socket(fileno=int(sys.argv[1]))
    warm_up()
    # What is warm now is shared by all children for as long as nobody touches it: the collector
    # would, by moving objects between its lists.
    gc.collect()
    if sys.platform == "linux":
        LIBC.malloc_trim(0)
    gc.freeze()
    assert threads() == 1, "a fork would leave another thread's locks taken"
    door.sendall(fingerprint().encode())
    Room(door, limits).serve()
    # The owner may have been killed: then nobody else would.
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os._exit(0)


def warm_up() -> None:
    """Load everything and render once, then close the fonts again.

    What is loaded is shared by all children. The fonts are not: newer Pango keeps a thread for as long as they are
    open, and a fork would lose it. Each child opens its own, which takes some hundredths of a second.
    """
    plate()(WARM_UP.read_text("utf-8"))
    gc.collect()
    for _ in range(500):
        if threads() == 1:
            break
        time.sleep(0.01)


def threads() -> int:
    """How many threads this process has, those of its libraries included."""
    if sys.platform == "linux":
        return len(list(Path("/proc/self/task").iterdir()))
    return threading.active_count()


class Room:
    """The warm process at work."""

    def __init__(self, door: socket.socket, limits: Limits) -> None:
        self._door = door
        self._limits = limits
        self._children: dict[int, Child] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Hand every connection that arrives at the door to a child; return when the door is closed."""
        self._selector.register(self._door, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        while True:
            events = self._selector.select(REST if self._children else None)
            if not events:
                self._dismiss_idle()
            for ready, _ in events:
                if ready.data is not None:
                    self._hear(ready.data)
                elif ready.fileobj == self._woken:
                    os.read(self._woken, 4096)
                    self._bury()
                elif not self._admit():
                    return

    def _admit(self) -> bool:
        """Give the next connection to a child. False if there will never be one again."""
        message, descriptors, _, _ = socket.recv_fds(self._door, 1, 1)
        if not message:
            return False
        connection = socket.socket(fileno=descriptors[0])
        idle = (
            child
            for child in self._children.values()
            if child.connection is None and child.control.fileno() != -1
        )
        child = next(idle, None) or self._fork(connection)
        child.connection = connection
        # Where it has just died, its burial tells the caller.
        with contextlib.suppress(OSError):
            socket.send_fds(child.control, [b"."], descriptors)
        return True

    def _fork(self, waiting: socket.socket) -> Child:
        """A new child. Like the lines of the others, ``waiting`` must not stay open in it."""
        warm = os.getpid()
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._door.close()
            waiting.close()
            for other in self._children.values():
                other.control.close()
                if other.connection is not None:
                    other.connection.close()
            confine(self._limits, warm)
            work(theirs, self._limits)
        theirs.close()
        child = self._children[pid] = Child(pid, ours)
        self._selector.register(ours, selectors.EVENT_READ, child)
        return child

    def _hear(self, child: Child) -> None:
        """A child says that it is done with its connection, or its silence says that it has left."""
        try:
            done = child.control.recv(1)
        except OSError:
            done = b""
        if done:
            self._let_go(child)
        else:
            self._forget(child)

    def _bury(self) -> None:
        """Tell the callers of all children that have ended how they ended."""
        for child in list(self._children.values()):
            ended, status = os.waitpid(child.pid, os.WNOHANG)
            if ended:
                del self._children[child.pid]
                self._forget(child)
                if child.connection is not None and status:
                    with contextlib.suppress(OSError):
                        child.connection.sendall(VERDICT.pack(VERDICT_MARK, status))
                self._let_go(child)

    def _dismiss_idle(self) -> None:
        for child in self._children.values():
            if child.connection is None:
                self._forget(child)

    def _let_go(self, child: Child) -> None:
        if child.connection is not None:
            child.connection.close()
        child.connection = None

    def _forget(self, child: Child) -> None:
        """Close the line to a child; if it still lives, that makes it leave."""
        if child.control.fileno() != -1:
            self._selector.unregister(child.control)
            child.control.close()


def confine(limits: Limits, warm: int) -> None:
    """Let the kernel end this process when it takes too much memory, or when the warm process ends."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGALRM, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != warm:
            os._exit(BROKEN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))


def work(control: socket.socket, limits: Limits) -> NoReturn:
    """Render chunk after chunk, then end this process."""
    code = BROKEN
    first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        render = plate()
        for turn in range(CHUNKS):
            message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if not message:
                break
            with timed(limits), socket.socket(fileno=descriptors[0]) as connection:
                answer(connection, render)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - first
            if grown > GROWTH or turn == CHUNKS - 1:
                break
            control.sendall(b".")
        code = 0
    except MemoryError:
        code = TOO_MUCH_MEMORY
    except RecursionError:
        code = TOO_DEEP
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller learns that it happened
        code = TOO_MUCH_MEMORY if isinstance(error.__context__, MemoryError) else BROKEN
        place = traceback.extract_tb(error.__traceback__)[-1]
        # Only where, never what: the message may repeat the customer's words.
        sys.stderr.write(f"press: {type(error).__name__} at {place.filename}:{place.lineno}\n")
    finally:
        # A normal exit would run the warm process's clean-up in the child.
        os._exit(code)


@contextlib.contextmanager
def timed(limits: Limits) -> Iterator[None]:
    """Let the kernel end this process when one chunk takes too long."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(used.ru_utime + used.ru_stime) + limits.processor
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_REAL, limits.time)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


def answer(connection: socket.socket, render: Render) -> None:
    """Read HTML, write pages, PDF and the verdict that all is well."""
    with connection.makefile("rb") as asked:
        html = asked.read().decode()
    done = render(html)
    connection.sendall(PAGES.pack(done.pages) + done.pdf + VERDICT.pack(VERDICT_MARK, 0))


if __name__ == "__main__":
    main()
