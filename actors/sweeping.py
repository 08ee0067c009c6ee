"""The keeper's sweeper: finds open orders that nobody works on, whatever became of their nudges."""

import time

from storage import timers
from storage.metrics import SWEPT
from storage.outbox import sweep
from storage.parts import correct_strays, tell_strays
from storage.record import Log
from storage.telemetry import log

_SWEEP_SECONDS = 1.0
# An open order that nobody holds and nobody was told of for this long has been forgotten by the broker.
_IDLE_SECONDS = 20.0
# While nobody comes for it, it is asked for again this often.
_AGAIN_SECONDS = 60.0
# Between two looks for parts that lack a correction: what both say must be read for that.
_CORRECTED_SECONDS = 15.0
# While it finds nothing, its row says so this often; a row that is older than twice that says that nobody sweeps.
_NOTE_SECONDS = 15.0
NAME = "sweeper"


class Sweeper:
    """Looks once a second. Any number may: each order that is found is told of by one of them."""

    def __init__(self, orders: Log) -> None:
        self._log = orders
        self._swept = time.monotonic()
        self._corrected = float("-inf")
        self._noted = float("-inf")

    def look(self) -> None:
        """Look, if it is time. Raises ``Unavailable`` if Postgres is away."""
        now = time.monotonic()
        if now - self._swept <= _SWEEP_SECONDS:
            return
        self._swept = now
        letters = sweep(self._log.engine, _IDLE_SECONDS, _AGAIN_SECONDS)
        if letters:
            self._log.publisher.publish(letters)
            SWEPT.inc(len(letters))
            log.warning("the sweeper found orders that nobody worked on", orders=len(letters))
        told = tell_strays(self._log)
        if now - self._corrected > _CORRECTED_SECONDS:
            told += correct_strays(self._log)
            self._corrected = now
        if told:
            log.warning("parts did not know what became of their bundle", orders=told)
        if letters or told or now - self._noted > _NOTE_SECONDS:
            self._noted = now
            said = f"{len(letters)} orders that nobody worked on, {told} parts that knew nothing"
            timers.note(
                self._log.engine, NAME, outcome=timers.OK, said=said, seconds=2 * _NOTE_SECONDS
            )
