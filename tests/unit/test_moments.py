"""A moment is named by a version, an event or a time; bad names are refused with what to do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from events.moments import BadMoment, NoSuchMoment, read_bound, read_moment, rfc3339, version_at
from tests.examples import NINE, paid, placed, recorded, started, written

HISTORY = recorded(placed(), paid(), started(), written("section-001"))


def at(text: str) -> int:
    return version_at(HISTORY, read_moment(text))


@pytest.mark.parametrize(
    ("named", "version"),
    [
        ("1", 1),
        ("4", 4),
        ("2026-11-21T09:00:00Z", 1),
        ("2026-11-21T09:02:59.999999Z", 3),
        ("2026-11-21t09:03:00.000000z", 4),
        ("2026-11-21T10:01:30+01:00", 2),
        ("2026-11-21 09:01:30-00:00", 2),
        ("2026-11-21T09:00:59.9999999Z", 1),
        ("2031-01-01T00:00:00Z", 4),
        (str(HISTORY[2].id), 3),
    ],
)
def test_a_version_a_time_or_an_event_names_a_version(named: str, version: int) -> None:
    assert at(named) == version


@pytest.mark.parametrize(
    "named",
    [
        "",
        "0",
        "-1",
        "+3",
        "1.5",
        "٣",
        "9" * 30,
        "yesterday",
        "2026-11-21",
        "2026-11-21T09:00Z",
        "2026-11-21T09:00:00",
        "2026-11-21T09:00:00 01:00",
        "2026-11-21T09:00:60Z",
        "2026-13-01T09:00:00Z",
        "2026-W47-6T09:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "2026-11-21T09:00:00+25:00",
        "1e3",
        "12345678-1234",
    ],
)
def test_what_names_nothing_is_refused_with_what_to_say_instead(named: str) -> None:
    with pytest.raises(BadMoment, match="with seconds and an offset"):
        read_moment(named)


@pytest.mark.parametrize(
    ("named", "reason", "told"),
    [
        ("5", "version-not-reached", "from 1 to 4"),
        ("2026-11-21T08:59:59Z", "before-first-event", "2026-11-21T09:00:00.000000Z"),
        ("0b4bd1a6-54f1-5cc4-9df1-6a3d9b9f3c11", "event-not-found", "no event of that id"),
    ],
)
def test_a_moment_that_the_order_never_had_is_told_apart(
    named: str, reason: str, told: str
) -> None:
    with pytest.raises(NoSuchMoment, match=told) as raised:
        at(named)

    assert raised.value.reason == reason


@pytest.mark.parametrize(
    "bound",
    [
        "0001-01-01",
        "0001-01-01T00:00:00+23:59",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-01-01T00:00:01Z",
        "9999-12-31",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-23:59",
    ],
)
@pytest.mark.parametrize("last", [True, False])
def test_a_bound_that_nothing_can_be_reckoned_with_is_refused(bound: str, *, last: bool) -> None:
    with pytest.raises(BadMoment, match="from 1970 to 9998"):
        read_bound(bound, last=last)


def test_a_date_bounds_a_span_as_a_whole_day() -> None:
    assert read_bound("1970-01-01", last=False) == datetime(1970, 1, 1, tzinfo=UTC)
    assert read_bound("9998-12-31", last=True) == datetime(9999, 1, 1, tzinfo=UTC)


def test_events_recorded_together_are_seen_together() -> None:
    together = [replace(each, recorded_at=NINE) for each in HISTORY[:3]]

    assert version_at([*together, HISTORY[3]], NINE) == 3


def test_a_clock_that_was_set_back_hides_no_event_recorded_by_then() -> None:
    back = [*HISTORY[:3], replace(HISTORY[3], recorded_at=NINE + timedelta(seconds=30))]

    assert version_at(back, NINE + timedelta(minutes=1)) == 4


def test_what_is_printed_names_the_same_moment() -> None:
    for each in HISTORY:
        assert at(rfc3339(each.recorded_at)) == each.version
