"""A child of the press: renders some chunks within the limits that the kernel sets it, then leaves.

It keeps what it has warmed for the next chunk, which halves the work, and leaves after a few, after a large one, and
after any failure, so that no chunk meets the traces of a bad one.
"""

import contextlib
import ctypes
import math
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import NoReturn

from actors.press.plate import plate
from actors.press.rendering import (
    BROKEN,
    PAGES,
    TOO_DEEP,
    TOO_MUCH_MEMORY,
    VERDICT,
    VERDICT_MARK,
    Limits,
    Rendered,
)

# It leaves after so many chunks, or once it has grown by so many kilobytes.
CHUNKS = 30
GROWTH = 24 * 1024

# From prctl(2).
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

Render = Callable[[str], Rendered]


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
