"""When a report may be expected: from how long others like it took, or from what its product promises."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# An order of which nothing better is known is late when it takes this much longer than promised.
_PATIENCE = 30.0
_PATIENCE_FACTOR = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """How long a product takes from payment to delivery, in seconds: one of two orders ``half``, nine of ten ``most``.

    ``measured`` on finished orders, or else only promised. ``kept`` is which share of such windows held lately.
    """

    half: float
    most: float
    measured: bool
    kept: float | None = None


class Phase(StrEnum):
    """What can still be said: both ends of the window, its end only, or that it is over."""

    BEGUN = "begun"
    SOON = "soon"
    LATE = "late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The window in which a report is expected. What lies in the past is not to be told: see ``phase``."""

    usual: Usual
    soonest: datetime
    latest: datetime
    phase: Phase


def promised(seconds: float) -> Usual:
    """What is known of a product of which too few have been made: its promise, and some patience."""
    return Usual(half=seconds, most=seconds * _PATIENCE_FACTOR + _PATIENCE, measured=False)


def expect(since: datetime, usual: Usual, now: datetime) -> Expected:
    """When an order that was paid for at ``since`` may be expected."""
    soonest = since + timedelta(seconds=usual.half)
    latest = since + timedelta(seconds=usual.most)
    phase = Phase.BEGUN if now < soonest else Phase.SOON if now < latest else Phase.LATE
    return Expected(usual=usual, soonest=soonest, latest=latest, phase=phase)
