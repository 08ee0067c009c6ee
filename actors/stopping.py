"""How a process learns that it should stop; and by who still asks, whether it stands still."""

import signal
import threading
import time
from collections.abc import Iterable


class Stopping(threading.Event):
    """Set when the process should stop. Every thread that goes round asks it again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._made = time.monotonic()
        self._asked: dict[str, float] = {}

    def is_set(self) -> bool:
        """Whether it should stop by now."""
        self._asked[threading.current_thread().name] = time.monotonic()
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for that, at most ``timeout`` seconds; return whether it should stop."""
        super().wait(timeout)
        return self.is_set()

    def silent(self, threads: Iterable[threading.Thread], seconds: float) -> list[str]:
        """The names of those threads that have not asked for so long."""
        before = time.monotonic() - seconds
        names = [each.name for each in threads]
        return [name for name in names if self._asked.get(name, self._made) < before]


def told_to_stop() -> Stopping:
    """What SIGTERM and SIGINT set. To be called once, from the main thread."""
    stopping = Stopping()
    for number in (signal.SIGTERM, signal.SIGINT):
        # From a thread of its own: the main thread may hold the event's lock at this very moment.
        signal.signal(number, lambda *_: threading.Thread(target=stopping.set).start())
    return stopping
