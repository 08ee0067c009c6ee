"""One sandbox at a time in a checkout: they share the queues, the database and the files."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from events.errors import Conflict

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def alone() -> Iterator[None]:
    """Hold the sandbox. Raises ``Conflict`` if another ``./dev up`` or ``./dev demo`` has it."""
    (ROOT / ".run").mkdir(exist_ok=True)
    with (ROOT / ".run" / "sandbox.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = "another ./dev up or ./dev demo is running in this checkout: stop it first"
            raise Conflict(message) from None
        yield
