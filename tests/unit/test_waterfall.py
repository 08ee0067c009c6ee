"""An order's time as bars: what took how long, and what is folded away."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from api.ops.waterfall import Line, Waterfall, waterfall
from events.envelope import Cause, Recorded, kind_of
from events.facts import AttentionNeeded, CallFailed, MailIntended, MailSent, OrderRetried
from events.money import Tokens
from events.order import fold
from events.products import CATALOGUE
from tests.examples import ORDER, asked, bound, paid, placed, rendered, started, written

BEGAN = datetime(2026, 11, 21, 12, tzinfo=UTC)
STUCK = AttentionNeeded(reason="budget", attempt=1, detail="It is used up.", advice="Raise it.")


def recorded(seconds: float, event: Any, version: int) -> Recorded:
    return Recorded(
        event=event,
        id=uuid.uuid4(),
        stream=f"order-{ORDER}",
        version=version,
        type=kind_of(event).name,
        schema=1,
        recorded_at=BEGAN + timedelta(seconds=seconds),
        fence=None,
        cause=Cause(correlation="c", causation="m", actor="test"),
        code="0.1.0",
        previous=b"",
        hash=b"",
    )


def drawn(
    *history: tuple[float, Any],
    product: str = "life_clarity",
    medians: Mapping[str, float] | None = None,
    now: float = 100.0,
) -> Waterfall:
    events = [recorded(at, event, place) for place, (at, event) in enumerate(history, start=1)]
    order = fold(ORDER, [event for _, event in history])
    found = waterfall(
        events, order, CATALOGUE[product], medians or {}, BEGAN + timedelta(seconds=now)
    )
    assert found
    return found


def line(chart: Waterfall, title: str) -> Line:
    return next(each for each in chart.lines if each.title == title)


FIRST = CATALOGUE["life_clarity"].sections[0].title
PLACED = ((0.0, placed()), (0.0, paid()))


def test_a_section_ends_when_it_was_recorded_and_began_as_long_before_as_it_took() -> None:
    chart = drawn(*PLACED, (1, started()), (1, asked("section-001")), (5, written("section-001")))

    (bar,) = line(chart, FIRST).bars
    assert (bar.x, bar.width, bar.kind) == (38.0, 62.0, "done")
    assert line(chart, FIRST).took == "3.1 s"
    assert line(chart, "Waiting for a worker").took == "1.0 s"


def test_the_time_in_which_a_person_was_waited_for_is_folded_away() -> None:
    chart = drawn(
        *PLACED,
        (1, started()),
        (1, asked("section-001")),
        (5, written("section-001")),
        (5, STUCK),
        (7205, OrderRetried(number=1, at="2026-11-21T14:00:05+00:00")),
        (7206, started(2)),
        (7206, asked("section-002", attempt=2)),
        (7210, written("section-002", attempt=2)),
    )

    (fold,) = chart.folds
    second = line(chart, CATALOGUE["life_clarity"].sections[1].title).bars[0]
    assert fold.length == "2 h"
    assert fold.width == 4.0
    assert second.width > 25
    assert fold.x + fold.width <= second.x


def test_what_is_usual_is_drawn_behind_what_was() -> None:
    chart = drawn(
        *PLACED,
        (1, started()),
        (1, asked("section-001")),
        (5, written("section-001")),
        medians={"section-001": 1550.0},
    )

    ghost, bar = line(chart, FIRST).bars
    assert (ghost.kind, bar.kind) == ("ghost", "done")
    assert ghost.x == bar.x
    assert ghost.width == bar.width / 2
    assert chart.ghosts


def test_what_failed_and_what_is_in_flight_are_told_apart() -> None:
    lost = CallFailed(
        section="section-001",
        attempt=1,
        model="m",
        reason="model-away",
        tokens=Tokens(0, 0),
        cost=0,
    )
    chart = drawn(
        *PLACED,
        (1, started()),
        (1, asked("section-001", "section-002")),
        (3, lost),
        now=6,
    )

    kinds = [[bar.kind for bar in each.bars] for each in chart.lines]
    assert kinds == [["wait"], ["failed"], ["now"]]


def test_layout_and_mails_have_lines_of_their_own() -> None:
    mail = {"mail": "report", "message_id": "<x>"}
    chart = drawn(
        *PLACED,
        (1, started()),
        (2, written("section-001")),
        (3, rendered("chunk-001")),
        (4, bound()),
        (4.5, MailIntended(attempt=1, **mail)),
        (5, MailSent(**mail)),
    )

    assert line(chart, "Layout").took == "2.0 s"
    assert line(chart, "Mail: report").took == "500 ms"


def test_a_long_report_has_a_line_for_each_part() -> None:
    product = CATALOGUE["personal_horoscope"]
    first = product.sections[0].part
    members = [section.name for section in product.sections if section.part == first]
    history = [(float(place), written(name)) for place, name in enumerate(members, start=5)]

    chart = drawn(*PLACED, (1, started()), *history, product="personal_horoscope")

    assert len(line(chart, first).bars) == len(members)
    assert len(chart.lines) == 2


def test_nothing_is_drawn_before_anything_was_done() -> None:
    order = fold(ORDER, [placed()])

    assert waterfall([recorded(0, placed(), 1)], order, None, {}, BEGAN) is None
