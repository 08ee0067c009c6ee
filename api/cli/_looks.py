"""Looks from the command line: noted like those at the auditor's pages, wherever this login may write."""

import uuid
from typing import Any

from events.errors import Unavailable
from storage import readings
from storage.database import ROLE_REFUSED
from storage.intervening import OPERATOR
from storage.orders import by_id
from storage.readings import Reading, with_parts
from storage.record import Log


def note(log: Log, reading: Reading) -> None:
    """Record the look before anything is shown. Raises ``Unavailable``."""
    _note(log.engine, reading, log.code)


def note_bundle(engine: Any, order: str, code: str) -> bool:
    """Record that a bundle of the order and its parts is taken, or of the log for none; return whether this login may.

    An auditor's own login only reads, and whoever has it is known to Postgres alone.
    """
    try:
        if not order:
            _note(engine, Reading(what="bundle"), code)
        elif row := by_id(engine, order):
            for look in with_parts(engine, row, "bundle"):
                _note(engine, look, code)
    except Unavailable as error:
        if error.reason != ROLE_REFUSED:
            raise
        return False
    return True


def _note(engine: Any, reading: Reading, code: str) -> None:
    readings.note(engine, reading, who=OPERATOR, request=f"cli-{uuid.uuid4()}", code=code)
