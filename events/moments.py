"""A moment of an order's life: named by a version, an event's id or a time, and the version that it comes to."""

import re
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from events.chain import Link
from events.envelope import Recorded
from events.errors import NotFound, Refused

Moment = int | uuid.UUID | datetime

_VERSION = re.compile(r"[0-9]{1,9}")
# RFC 3339, section 5.6: with seconds, and with an offset.
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_MICROSECONDS = 6
# Between what bounds a span may be named: a little is added to them, and taken off.
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


class BadMoment(Refused):
    """This names no moment."""

    reason = "bad-at"


class NoSuchMoment(NotFound):
    """The order has no such moment: its reason says why."""

    reason = "version-not-reached"


def read_moment(text: str) -> Moment:
    """What ``text`` names: a version (37), an event's id, or a time (RFC 3339). Raises ``BadMoment``."""
    if _VERSION.fullmatch(text) and int(text) > 0:
        return int(text)
    try:
        return _time(text) if _TIME.fullmatch(text) else uuid.UUID(text)
    except (ValueError, OverflowError):
        message = (
            "a moment is a version (37), an event's id, or a time with seconds and an offset"
            " (2026-11-21T13:02:11Z; in a URL + is written %2B)"
        )
        raise BadMoment(message) from None


def read_bound(text: str, *, last: bool) -> datetime:
    """Where a span of time begins, or with ``last`` ends: a time (RFC 3339), or a date (UTC), which counts as a whole.

    The end is the first moment that is not in it. Raises ``BadMoment``, also for what is too far away to reckon with.
    """
    try:
        if _TIME.fullmatch(text):
            found = _time(text)
        else:
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            found = day + timedelta(days=1) if last else day
        if _EARLIEST <= found <= _LATEST:
            return found
    except OverflowError:
        pass
    except ValueError:
        message = (
            f"{text!r:.40} is neither a date (2026-11-21) nor a time with seconds and an offset"
            " (2026-11-21T13:02:11Z)"
        )
        raise BadMoment(message) from None
    message = f"{text!r:.40} is out of reach: say a date or time from 1970 to 9998"
    raise BadMoment(message)


def version_at(stored: Sequence[Link | Recorded], moment: Moment) -> int:
    """The version of the order whose events are ``stored``, all of them and oldest first, at that moment.

    At an event's id it is as that event left it. At a time it is as the last event recorded by then left it, also if
    that time is yet to come (as RFC 7089, section 4.5.3, has it). Raises ``NoSuchMoment``.
    """
    last = stored[-1].version
    match moment:
        case int():
            if not 1 <= moment <= last:
                message = f"the order is at version {last}: ask for one from 1 to {last}"
                raise NoSuchMoment(message)
            return moment
        case uuid.UUID():
            found = [each.version for each in stored if each.id == moment]
            if not found:
                message = "this order has no event of that id: take one from the order's events"
                raise NoSuchMoment(message, reason="event-not-found")
            return found[0]
        case datetime():
            by_then = [each.version for each in stored if each.recorded_at <= moment]
            if not by_then:
                first = rfc3339(stored[0].recorded_at)
                message = f"the order's first event was recorded at {first}: ask for a later time"
                raise NoSuchMoment(message, reason="before-first-event")
            return by_then[-1]


def rfc3339(at: datetime) -> str:
    """A time as every face of the house writes it: in UTC, to the microsecond that the log keeps."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time(text: str) -> datetime:
    found = _TIME.fullmatch(text)
    assert found is not None
    day, clock, fraction, offset = found.groups()
    microseconds = (fraction or "0").ljust(_MICROSECONDS, "0")[:_MICROSECONDS]
    at = datetime.fromisoformat(f"{day}T{clock}.{microseconds}{offset.upper()}")
    return at.astimezone(UTC)
