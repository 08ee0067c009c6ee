"""The keeper's projector: feeds the projections across orders with what has been sealed, and folds old ones afresh."""

import math
import threading
import time
from contextlib import suppress

from events.errors import Unavailable
from storage import generations, rebuilding
from storage.database import PROJECTOR_ROLE, connect
from storage.generations import ForeignBookmark
from storage.projector import MOST, Projector
from storage.settings import Settings
from storage.telemetry import log

_POLL_SECONDS = 1.0
_PAUSE_SECONDS = 1.0
# How often it is looked for what should be folded afresh or cleared away.
_LOOK_SECONDS = 5.0
# How often it is told that one stands still.
_TOLD_SECONDS = 60.0


def start(settings: Settings, stopping: threading.Event) -> threading.Thread:
    """Go on in a thread of its own until ``stopping``; it ends before that only by a fault of ours."""
    thread = threading.Thread(
        target=_go_on, args=(settings, stopping), name="projector", daemon=True
    )
    thread.start()
    return thread


def _go_on(settings: Settings, stopping: threading.Event) -> None:
    engine = connect(settings.database_url.get_secret_value(), role=PROJECTOR_ROLE, pool=2)
    projector = Projector(engine)
    looked, told = -math.inf, -math.inf
    try:
        while not stopping.is_set():
            try:
                if time.monotonic() - looked > _LOOK_SECONDS:
                    _tend(projector, stopping)
                    looked = time.monotonic()
                moved = projector.feed()
            except ForeignBookmark as error:
                if time.monotonic() - told > _TOLD_SECONDS:
                    log.error("a projection stands still", reason=error.reason, detail=str(error))
                    told = time.monotonic()
                stopping.wait(_PAUSE_SECONDS)  # the others go on
            except Unavailable as error:
                log.warning("the projector waits", reason=error.reason)
                stopping.wait(_PAUSE_SECONDS)
            else:
                if moved < MOST:
                    stopping.wait(_POLL_SECONDS)
    finally:
        engine.dispose()


def _tend(projector: Projector, stopping: threading.Event) -> None:
    """Fold afresh what is old, feeding the live ones meanwhile; and clear away what nobody reads any more."""
    if names := rebuilding.take_up(projector):
        log.info("projections are folded afresh", projections=names)
        while rebuilding.go_on(projector, names):
            with suppress(ForeignBookmark):
                projector.feed()
            if stopping.is_set():
                return
    with projector.transaction() as connection:
        generations.clear(connection)
