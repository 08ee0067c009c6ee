"""The keeper: publishes due nudges, finds orders nobody works on, tells of trouble, seals, projects, and forgets."""

import time
from collections.abc import Mapping

from actors import forgetting, inbox, notices, projecting, sealing
from actors.stopping import told_to_stop
from events.errors import Unavailable
from events.plan import Product
from storage.opening import opened
from storage.outbox import due, sweep
from storage.parts import tell_strays
from storage.record import Log
from storage.settings import Settings
from storage.telemetry import log

_RELAY_SECONDS = 0.25
_GRACE_SECONDS = 5.0
_SWEEP_SECONDS = 1.0
# An open order that nobody holds and nobody was told of for this long has been forgotten by the broker.
_IDLE_SECONDS = 20.0
# While nobody comes for it, it is asked for again this often.
_AGAIN_SECONDS = 60.0


def run(catalogue: Mapping[str, Product], settings: Settings) -> int:
    """Keep going until SIGTERM or SIGINT. Any number of keepers may run: each nudge is taken by one of them.

    Returns the exit code: 1 if one of its threads died, so that whoever supervises starts the process anew.
    """
    stopping = told_to_stop()
    with opened(settings, catalogue) as orders:
        threads = (
            inbox.start(orders, catalogue, settings, stopping),
            notices.start(orders, catalogue, settings, stopping),
            sealing.start(orders, settings, stopping),
            forgetting.start(orders, settings, stopping),
            projecting.start(settings, stopping),
        )
        log.info("keeper started")
        swept = time.monotonic()
        while not stopping.wait(_RELAY_SECONDS):
            try:
                relay(orders)
                if time.monotonic() - swept > _SWEEP_SECONDS:
                    swept = time.monotonic()
                    _sweep(orders)
            except Unavailable as error:
                log.warning("keeper waits", reason=error.reason)
            dead = [thread.name for thread in threads if not thread.is_alive()]
            if dead and not stopping.is_set():
                log.error("a thread of the keeper died", thread=dead[0])
                return 1
        for thread in threads:
            thread.join(_GRACE_SECONDS)
    log.info("keeper stopped")
    return 0


def relay(orders: Log) -> int:
    """Hand to the publisher what is due and was not published by whoever wrote it; return how many."""
    letters = due(orders.engine)
    orders.publisher.publish(letters)
    return len(letters)


def _sweep(orders: Log) -> None:
    if letters := sweep(orders.engine, _IDLE_SECONDS, _AGAIN_SECONDS):
        orders.publisher.publish(letters)
        log.warning("the sweeper found orders that nobody worked on", orders=len(letters))
    if told := tell_strays(orders):
        log.warning("parts did not know how their bundle stands", orders=told)
