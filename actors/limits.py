"""The hard limit: a kernel timer that ends the process even while it is stuck in C code."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class HardLimits:
    """The latest moments by which the legs of this process must be over.

    SIGALRM keeps its default action, so the kernel itself ends the process: no Python code needs to run. The broker
    then delivers the messages again, and the log counts the attempts as crashes.
    """

    def __init__(self) -> None:
        self._deadlines: list[float] = []
        self._lock = threading.Lock()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """The process dies if this block takes longer than ``seconds``."""
        deadline = time.monotonic() + seconds
        self._change(self._deadlines.append, deadline)
        try:
            yield
        finally:
            self._change(self._deadlines.remove, deadline)

    def _change(self, change: Callable[[float], None], deadline: float) -> None:
        with self._lock:
            change(deadline)
            left = min(self._deadlines, default=0.0)
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - time.monotonic()) if left else 0)
