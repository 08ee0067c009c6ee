"""The keeper's sealer: gives events their place in the whole log soon after they are committed, and signs it."""

import threading
import time

from events.errors import Conflict, LedgerpressError, Unavailable
from storage import timers
from storage.blobs import blobs_of
from storage.checkpoints import Folder, publish, sign
from storage.record import Log
from storage.sealer import MOST, seal
from storage.settings import Settings
from storage.signing import Signer, signer
from storage.telemetry import log

_POLL_SECONDS = 0.1
_PAUSE_SECONDS = 1.0
_CHECKPOINT_SECONDS = 60.0
# How often it is looked whether somebody's latest checkpoint is that old, or not yet published.
_LOOK_SECONDS = 10.0
# A row that is older says that nobody looks.
_NOTED_SECONDS = 3 * _LOOK_SECONDS
# The timer under which it is noted.
CHECKPOINTS = "checkpoints"


def start(orders: Log, settings: Settings, stopping: threading.Event) -> threading.Thread:
    """Go on in a thread of its own until ``stopping``; it ends before that only by a fault of ours."""
    thread = threading.Thread(
        target=_go_on, args=(orders, settings, stopping), name="sealer", daemon=True
    )
    thread.start()
    return thread


def _go_on(orders: Log, settings: Settings, stopping: threading.Event) -> None:
    ours, folder = signer(settings), Folder(blobs_of(settings).shelf)
    if ours is None:
        log.warning("SIGNING_KEY is not set: no checkpoint is signed")
    looked = -_LOOK_SECONDS
    while not stopping.is_set():
        try:
            sealed = seal(orders.engine)
            if ours and time.monotonic() - looked > _LOOK_SECONDS:
                looked = time.monotonic()
                _sign(orders, ours, folder)
        except Unavailable as error:
            log.warning("the sealer waits", reason=error.reason)
            stopping.wait(_PAUSE_SECONDS)
        else:
            # Few at a time would cost as much as many, and be taken from those who write.
            if sealed < MOST:
                stopping.wait(_POLL_SECONDS)


def _sign(orders: Log, ours: Signer, folder: Folder) -> None:
    """Sign if it is time, and publish. Whatever is wrong with that, sealing goes on."""
    outcome, said = timers.OK, ""
    try:
        signed = sign(orders.engine, ours, folder, seconds=_CHECKPOINT_SECONDS)
        if signed:
            log.info("checkpoint signed")
        published = publish(orders.engine, folder)
        said = f"{int(signed)} signed, {published} published"
    except (Conflict, Unavailable) as error:
        log.info("no checkpoint this time", reason=error.reason)
        return
    except LedgerpressError as error:
        log.error("no checkpoint can be signed", reason=error.reason, detail=str(error))
        outcome, said = error.reason, str(error)
    except OSError as error:
        log.error("no checkpoint can be published", error=type(error).__name__)
        outcome, said = "not-published", "the folder of blobs takes no file"
    timers.note(orders.engine, CHECKPOINTS, outcome=outcome, said=said, seconds=_NOTED_SECONDS)
