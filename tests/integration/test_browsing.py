"""Looking through the sealed log: the newest first, page by page, without a gap, however much there is."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from api.saying import order_number
from events.envelope import Cause
from events.views import numbered
from storage import browsing
from storage.browsing import Sought, browse
from storage.naming import orders_named, place_of
from storage.record import Log
from storage.sealer import seal_all
from tests.examples import ORDER, SUBJECT, paid, placed, started
from tests.integration.test_sealer import whole_log, write

STRIPE = Cause(correlation="c-1", causation="evt_1", actor="stripe")
WORKER = Cause(correlation="c-1", causation="m-1", actor="life_clarity@worker-1:7")


@pytest.fixture
def engine(orders_log: Log) -> Engine:
    """Thirty events: an order's three among others."""
    write(orders_log.engine, "order-before", 20)
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    history = orders_log.record(history, [placed(), paid()], STRIPE)
    orders_log.record(history, [started()], WORKER)
    write(orders_log.engine, "order-after", 7)
    seal_all(orders_log.engine)
    return orders_log.engine


def positions(engine: Engine, most: int = 100, **sought: Any) -> list[int]:
    """Everything that is sought, read page by page."""
    found: list[int] = []
    below: int | None = None
    while True:
        page = browse(engine, Sought(**sought), below=below, most=most)
        found += [each.position for each in page.events]
        below = page.further
        if below is None:
            return found


def test_the_whole_log_is_read_backwards_without_a_gap(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert positions(engine) == list(range(30, 0, -1))
    assert positions(engine, most=7) == list(range(30, 0, -1))
    monkeypatch.setattr(browsing, "_STEP", 4)
    assert positions(engine) == list(range(30, 0, -1))
    assert positions(engine, most=3) == list(range(30, 0, -1))


def test_a_page_that_finds_nothing_says_where_to_go_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "_STEP", 5)

    page = browse(engine, Sought(type="order-placed"), below=None, most=10)

    assert (page.events, page.further) == ([], 26)
    assert positions(engine, type="order-placed") == [21]


def test_what_is_sought_is_found_and_nothing_else(engine: Engine) -> None:
    assert positions(engine, streams=[f"order-{ORDER}"]) == [23, 22, 21]
    assert positions(engine, streams=[f"order-{ORDER}"], most=1) == [23, 22, 21]
    assert positions(engine, streams=[]) == []
    assert positions(engine, actor="stripe") == [22, 21]
    assert positions(engine, actor="life_clarity@") == [23]
    assert positions(engine, actor="%") == []
    assert positions(engine, type="payment-received", actor="stripe") == [22]


def test_a_time_is_found_without_reading_what_is_older(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = {each.position: each.link.recorded_at for each in whole_log(engine)}
    monkeypatch.setattr(browsing, "SLACK", timedelta(0))

    assert positions(engine, since=times[21], until=times[24]) == [23, 22, 21]
    assert positions(engine, until=times[21]) == list(range(20, 0, -1))
    assert positions(engine, until=times[1]) == []
    assert positions(engine, since=times[30] + timedelta(seconds=1)) == []
    assert positions(engine, until=times[1] - timedelta(seconds=1)) == []


def test_what_is_followed_is_chosen_as_what_is_read(engine: Engine) -> None:
    times = {each.position: each.link.recorded_at for each in whole_log(engine)}
    for sought in (
        Sought(),
        Sought(type="order-placed"),
        Sought(actor="life"),
        Sought(without="note-made"),
        Sought(streams=["order-after"]),
        Sought(since=times[21]),
        Sought(until=times[21]),
    ):
        found = browse(engine, sought, below=None, most=100).events

        assert found[::-1] == [each for each in whole_log(engine) if sought.fits(each)]


def test_an_empty_log_has_nothing(orders_log: Log) -> None:
    page = browse(orders_log.engine, Sought(), below=None, most=10)

    assert (page.events, page.further) == ([], None)


@pytest.mark.usefixtures("engine")
def test_an_order_is_found_by_each_of_its_names(orders_log: Log) -> None:
    number = order_number(ORDER)

    for name in (ORDER, ORDER.upper(), number, number.lower(), number.replace("-", "")):
        assert orders_named(orders_log.engine, f" {name} ") == [ORDER]
    for name in ("cs_test_example", "pi_example"):
        assert orders_named(orders_log.engine, name) == [ORDER]
    for name in ("", "cs_", "pi_", "cs_test", "7F3K", "7F3K-Q2XU", "nobody", str(uuid.uuid4())):
        assert orders_named(orders_log.engine, name) == []


@pytest.mark.usefixtures("engine")
def test_an_event_leads_to_its_order(orders_log: Log) -> None:
    event = orders_log.recorded(ORDER)[2]
    other = whole_log(orders_log.engine)[0].link

    assert place_of(orders_log.engine, event.id) == (ORDER, 3)
    assert place_of(orders_log.engine, other.id) is None
    assert place_of(orders_log.engine, uuid.uuid4()) is None


def test_a_misread_number_is_understood() -> None:
    ends = numbered("oil0-1234")

    assert ends is not None
    assert order_number(str(ends[0])) == order_number(str(ends[1])) == "0110-1234"
