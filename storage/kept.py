"""What is read from Postgres now and then and kept in between, so that it is there also while Postgres is away."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

from events.errors import Unavailable

T = TypeVar("T")

# No reading takes longer: the way to Postgres has limits of its own.
_LONGEST_READING = 20.0


class Kept(Generic[T]):
    """A value that is at most ``seconds`` old while Postgres answers, and the last that was read while it does not.

    One caller reads it anew for all. Who knows a value waits for the new one no longer than ``patience`` seconds, and
    not at all for a reading that is late already. Safe for many threads.
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
        self._stale = True
        self._reading: Future[T] | None = None
        self._late_at = 0.0

    def get(self) -> T:
        """The value. Raises ``Unavailable`` if it was never read and cannot be read now."""
        now = time.monotonic()
        with self._lock:
            late = self._reading is not None and now > self._late_at
            if self._known and (now < self._good_until or late):
                return self._known[0]
            reading = self._begun(now)
            patience = self._patience if self._known else _LONGEST_READING
        try:
            return reading.result(patience)
        except (Unavailable, TimeoutError):
            if self._known:
                return self._known[0]
            raise Unavailable("Postgres cannot be reached", reason="database-away") from None

    def begin(self) -> None:
        """Have it read, and wait for nothing."""
        with self._lock:
            self._begun(time.monotonic())

    def close(self) -> None:
        """Wait a moment for a reading under way, so that nothing is read behind the back of whoever ends."""
        with self._lock:
            reading = self._reading
        if reading is not None:
            wait([reading], self._patience)

    @property
    def stale(self) -> bool:
        """Whether ``get`` answers with what was read before Postgres went away, or with nothing."""
        with self._lock:
            return self._stale or (self._reading is not None and time.monotonic() > self._late_at)

    def _begun(self, now: float) -> "Future[T]":
        if self._reading is None:
            self._reading = Future()
            self._late_at = now + self._patience
            threading.Thread(target=self._renew, args=[self._reading], daemon=True).start()
        return self._reading

    def _renew(self, reading: "Future[T]") -> None:
        try:
            value = self._read()
        except BaseException as error:  # noqa: BLE001 - whoever waits for it must hear of it
            with self._lock:
                self._good_until, self._reading = time.monotonic() + self._seconds, None
                self._stale = True
            reading.set_exception(error)
        else:
            with self._lock:
                self._known = [value]
                self._good_until, self._reading = time.monotonic() + self._seconds, None
                self._stale = False
            reading.set_result(value)
