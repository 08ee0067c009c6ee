"""What is read from Postgres now and then and kept in between, so that it is there also while Postgres is away."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from events.errors import Unavailable

T = TypeVar("T")


class Kept(Generic[T]):
    """A value that is at most ``seconds`` old while Postgres answers, and the last that was read while it does not.

    One caller reads it anew for all. Nobody waits longer than ``patience`` seconds for that, and nobody who knows a
    value waits for a reading that is late already. Safe for many threads.
    """

    def __init__(
        self, read: Callable[[], T], *, seconds: float = 5.0, patience: float = 1.0
    ) -> None:
        self._read = read
        self._seconds = seconds
        self._patience = patience
        self._lock = threading.Lock()
        self._known: list[T] = []
        self._good_until = 0.0
        self._reading: Future[T] | None = None
        self._late_at = 0.0

    def get(self) -> T:
        """The value. Raises ``Unavailable`` if it was never read and cannot be read now."""
        now = time.monotonic()
        with self._lock:
            reading = self._reading
            late = reading is not None and now > self._late_at
            if self._known and (now < self._good_until or late):
                return self._known[0]
            if reading is None:
                reading = self._reading = Future()
                self._late_at = now + self._patience
                threading.Thread(target=self._renew, args=[reading], daemon=True).start()
        try:
            return reading.result(max(0.0, self._late_at - now) or self._patience)
        except (Unavailable, TimeoutError):
            if self._known:
                return self._known[0]
            raise Unavailable("Postgres cannot be reached", reason="database-away") from None

    def _renew(self, reading: "Future[T]") -> None:
        try:
            value = self._read()
        except BaseException as error:  # noqa: BLE001 - whoever waits for it must hear of it
            with self._lock:
                self._good_until, self._reading = time.monotonic() + self._seconds, None
            reading.set_exception(error)
        else:
            with self._lock:
                self._known = [value]
                self._good_until, self._reading = time.monotonic() + self._seconds, None
            reading.set_result(value)
