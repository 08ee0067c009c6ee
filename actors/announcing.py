"""The keeper's announcer: tells other systems of every event, soon after it has been sealed."""

import threading

from events.errors import Unavailable
from storage.announcer import MOST, ForeignAnnouncements, announce_some
from storage.exchange import Exchange
from storage.record import Log
from storage.settings import Settings
from storage.telemetry import log

_POLL_SECONDS = 0.25
_PAUSE_SECONDS = 1.0
_REST_SECONDS = 60.0


def start(orders: Log, settings: Settings, stopping: threading.Event) -> threading.Thread:
    """Go on in a thread of its own until ``stopping``; it ends before that only by a fault of ours."""
    thread = threading.Thread(
        target=_go_on, args=(orders, settings, stopping), name="announcer", daemon=True
    )
    thread.start()
    return thread


def _go_on(orders: Log, settings: Settings, stopping: threading.Event) -> None:
    exchange = Exchange(settings.rabbitmq_url.get_secret_value())
    try:
        while not stopping.is_set():
            try:
                announced = announce_some(orders.engine, exchange, settings.public_url)
            except ForeignAnnouncements as error:
                log.error("nothing is announced", reason=error.reason, detail=str(error))
                stopping.wait(_REST_SECONDS)
            except Unavailable as error:
                log.warning("the announcer waits", reason=error.reason)
                stopping.wait(_PAUSE_SECONDS)
            else:
                if announced < MOST:
                    exchange.keep_alive()
                    stopping.wait(_POLL_SECONDS)
    finally:
        exchange.close()
