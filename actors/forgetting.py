"""The keeper's memory for forgetting: erasures that were left half done, and customers whose time has come."""

import threading
import time

from events.errors import Unavailable
from storage.blobs import blobs_of
from storage.erasing import finish_all
from storage.record import Log
from storage.retention import expire_all
from storage.settings import Settings
from storage.telemetry import log, where

_LOOK_SECONDS = 1.0
_RETENTION_SECONDS = 60.0


def start(orders: Log, settings: Settings, stopping: threading.Event) -> threading.Thread:
    """Go on in a thread of its own until ``stopping``, so that slow storage keeps nothing else waiting."""
    thread = threading.Thread(
        target=_go_on, args=(orders, settings, stopping), name="forgetting", daemon=True
    )
    thread.start()
    return thread


def _go_on(orders: Log, settings: Settings, stopping: threading.Event) -> None:
    blobs = blobs_of(settings)
    looked = -_RETENTION_SECONDS
    while not stopping.wait(_LOOK_SECONDS):
        try:
            if time.monotonic() - looked > _RETENTION_SECONDS:
                looked = time.monotonic()
                if expired := expire_all(orders, stopping.is_set):
                    log.info("customers were forgotten in time", orders=expired)
            finish_all(orders, blobs, stopping.is_set)
        except Unavailable as error:
            log.warning("forgetting waits", reason=error.reason)
        except Exception as error:  # noqa: BLE001 - one order must not keep all others from being erased
            log.error("forgetting failed", **where(error))
