"""The warm process of the press: loads everything once, and forks children that render some chunks each.

Run as ``python -m actors.press.pressroom FD`` with a socket as file descriptor FD. It first says its recipe.
Then, for each byte that arrives, there comes another socket, which is handed to a child: HTML is read
from it to its end, and the answer is pages, PDF and a verdict (``rendering.PAGES``, ``rendering.VERDICT``).
Where a child ended instead, the warm process writes the verdict. When FD is closed at the other end,
the process and its children end.

Neither it nor its children can reach the network (``seclusion``); what a child does is in ``child``.
"""

import contextlib
import gc
import os
import selectors
import shutil
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from actors.press.child import LIBC, confine, work
from actors.press.plate import fingerprint, plate
from actors.press.rendering import SHEET, VERDICT, VERDICT_MARK, Limits
from actors.press.seclusion import seclude

WARM_UP = SHEET.with_name("warm-up.html")

# A child leaves when there was nothing to do for so many seconds.
REST = 3.0


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
    if processors := os.environ["PRESS_PROCESSORS"]:
        with contextlib.suppress(OSError):  # those are gone by now, or it is forbidden: then here
            os.sched_setaffinity(0, map(int, processors.split(",")))
    door = socket.socket(fileno=int(sys.argv[1]))
    if trouble := seclude():
        sys.stderr.write(f"press: {trouble}; only what renders keeps documents from the network\n")
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


if __name__ == "__main__":
    main()
