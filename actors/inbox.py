"""Empties the inbox into the log: what Stripe said while Postgres was away is recorded when it is back."""

import threading
from collections.abc import Mapping

from events.plan import Product
from storage.inbox import empty
from storage.payments import Signed, hear
from storage.record import Log
from storage.settings import Settings
from storage.telemetry import log


def start(
    orders: Log, catalogue: Mapping[str, Product], settings: Settings, stopping: threading.Event
) -> threading.Thread:
    """Go on in a thread of its own until ``stopping``; it ends before that only by a fault of ours."""

    def see_to(signed: Signed) -> None:
        heard = hear(signed, orders, catalogue)
        log.info("taken from the inbox", verdict=heard.verdict, correlation=signed.correlation)

    thread = threading.Thread(target=empty, args=(settings, see_to, stopping), name="inbox")
    thread.daemon = True
    thread.start()
    return thread
