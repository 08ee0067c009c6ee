"""How often one asker may ask."""

from api.limits import Meter


def test_a_whole_minute_s_worth_may_come_at_once_and_no_more() -> None:
    meter = Meter(60)

    readings = [meter.take("one", 1000.0) for _ in range(61)]

    assert [each.allowed for each in readings] == [True] * 60 + [False]
    assert [each.remaining for each in readings[:2]] == [59, 58]
    assert (readings[-1].remaining, readings[-1].seconds) == (0, 1)


def test_what_was_used_comes_back_with_time() -> None:
    meter = Meter(60)
    for _ in range(60):
        meter.take("one", 1000.0)

    assert not meter.take("one", 1000.5).allowed
    assert meter.take("one", 1001.5).allowed
    assert not meter.take("one", 1001.5).allowed
    assert meter.take("one", 2000.0).remaining == 59


def test_askers_do_not_take_from_each_other() -> None:
    meter = Meter(1)

    assert meter.take("one", 0.0).allowed
    assert meter.take("other", 0.0).allowed
    assert not meter.take("one", 0.0).allowed


def test_memory_is_bounded() -> None:
    meter = Meter(1)
    for number in range(20_000):
        meter.take(str(number), 0.0)

    assert len(meter._full_at) == 10_000
    assert not meter.take("19999", 0.0).allowed
