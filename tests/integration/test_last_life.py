"""The storm leaves the workers alone whose next death would end an order of theirs."""

import uuid
from pathlib import Path

from events.decide import MOST_CRASHES
from events.envelope import Cause
from sandbox.keeping import keep_running
from sandbox.storm import on_last_life
from sandbox.wrecking import wrecking
from storage.record import Log
from tests.examples import SUBJECT, paid, placed, started, written
from tests.waiting import until

CAUSE = Cause(correlation="c-1", causation="evt_1", actor="test")


def test_an_order_is_on_its_last_life_until_something_comes_of_it(orders_log: Log) -> None:
    history = orders_log.begin(str(uuid.uuid4()), uuid.UUID(SUBJECT))
    history = orders_log.record(history, [placed(), paid()], CAUSE)
    deaths = []
    for number in range(1, MOST_CRASHES + 1):
        deaths.append(on_last_life(orders_log, "life_clarity"))
        history = orders_log.record(history, [started(number)], CAUSE)
    deaths.append(on_last_life(orders_log, "life_clarity"))

    assert deaths == [False] * MOST_CRASHES + [True]
    assert not on_last_life(orders_log, "document_analysis")
    orders_log.record(history, [written("section-001", attempt=MOST_CRASHES)], CAUSE)
    assert not on_last_life(orders_log, "life_clarity")


def test_who_is_weak_is_struck_only_once_that_is_over(
    environment: dict[str, str], tmp_path: Path
) -> None:
    asked: list[str] = []

    def weak(group: str) -> bool:
        asked.append(group)
        return len(asked) < 4

    with (
        keep_running({"keeper": ["keeper"]}, environment, tmp_path) as kept,
        wrecking(kept, {"keepers": ["keeper"]}, 1, (0.1, 0.2), weak) as wrecker,
    ):
        until(lambda: wrecker.blows)
        assert len(asked) >= 4
        assert wrecker.blows[0].name == "keeper"
        assert set(asked) == {"keepers"}
