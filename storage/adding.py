"""Adds to an order what its log lacks, however many others do the same right now."""

from collections.abc import Callable
from typing import Any

from events.envelope import Cause
from events.errors import Unavailable, WrongExpectedVersion
from events.order import Order
from storage.history import History
from storage.record import Log

_TRIES = 20


def add(
    wanted: Callable[[Order], list[Any]],
    read: Callable[[], History],
    cause: Cause,
    log: Log,
) -> tuple[History, bool]:
    """Record what ``wanted`` asks for until it asks for nothing; return the order, and whether anything is new.

    ``wanted`` is asked again after every write, so that it sees what others wrote before they could see ours. Needs no
    lease, and holds none up.
    """
    history, wrote = read(), False
    tried: list[Any] = []
    for _ in range(_TRIES):
        facts = wanted(history.order)
        if not facts or facts == tried:  # what is recorded, and undone since, is not done again
            return history, wrote
        try:
            history = log.record(history, facts, cause)
        except WrongExpectedVersion:
            history = read()
        else:
            wrote, tried = wrote or history.wrote, facts
    raise Unavailable("too many others are writing to this order", reason="busy", retry_after=1)
