"""A process is killed before and after everything it does for an order; every order ends delivered, once."""

import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from events.envelope import Recorded
from events.facts import MailSent, PartsPlaced, SectionWritten
from events.products import CATALOGUE
from events.views import SETTLED, Word
from sandbox.calls import Calls
from sandbox.system import System
from storage.opening import opened
from storage.record import Log
from storage.settings import read_from
from tests.acceptance import dying
from tests.acceptance.buying import Bought, get, mails, requests
from tests.acceptance.dying import BUNDLE, PRODUCT, Point, Scene
from tests.conftest import Server
from tests.running import only, running
from tests.waiting import until

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

# What is done in a scene, and which of how many. Moments that are alike stand for each other: sections and chunks in
# the middle, and a line to the mail server before it is sent, which is after the answer to the one before.
DONE: dict[Scene, dict[str, tuple[int, ...]]] = {
    Scene.GARBAGE: {"attempt-failed": (1,)},
    Scene.REFUSAL: {"attention-needed": (1,)},
    Scene.BUNDLE: {
        "order-placed": (2,),
        "publish": (2,),
        "parts-placed": (1,),
        "attempt-ended": (1,),
    },
    Scene.LEG: {"attempt-ended": (1,)},
    # The attempt's start goes with the first intent, the delivery with the mail.
    Scene.WORKER: {
        "attempt-started": (1,),
        "call": (1, 4),
        "section-written": (1, 4),
        "chunk-rendered": (1, 2),
        "document-bound": (1,),
        "mail-intended": (1,),
        "mail": (1,),
        "mail-sent": (1,),
        "ack": (1,),
    },
    Scene.SHOP: {"order-placed": (1,), "publish": (1,)},
    Scene.SHOP_ALONE: {"publish": (1,)},
    Scene.RELAY: {"publish": (1,)},
    Scene.INBOX: {"order-placed": (1,), "ack": (1,)},
}
# MAIL, RCPT, DATA, the mail itself, QUIT.
LINES = [
    Point(Scene.WORKER, moment, number)
    for moment in ("after-command", "after-reply")
    for number in range(1, 6)
]
POINTS = [
    Point(scene, f"{when}-{what}", number)
    for scene, done in DONE.items()
    for what, numbers in done.items()
    for number in numbers
    for when in ("before", "after")
] + LINES
# Between the server's taking the mail over and the log's knowing of it.
UNHEARD = [
    Point(Scene.WORKER, *each)
    for each in (("after-reply", 4), ("after-mail", 1), ("before-mail-sent", 1))
]
DOUBTFUL = {
    *UNHEARD,
    *(Point(Scene.WORKER, *each) for each in (("after-command", 4), ("after-command", 5))),
    Point(Scene.WORKER, "after-reply", 5),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the killed process ended, and what the order had come to in the end."""

    code: int | None
    history: list[Recorded]
    calls: Calls
    mails: list[dict[str, Any]]
    parts: dict[str, list[Recorded]]


@pytest.fixture(scope="module")
def outcomes(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Point, Outcome]]:
    """One order for every point; then ordinary processes, that find them as they were left.

    By then every nudge has come back that was not acknowledged. Of a bundle's parts only the short one is made.
    """
    folder: Path = tmp_path_factory.mktemp("crashes")
    with running(
        server, template, folder, speed=100, latency=10, copies=only(PRODUCT, BUNDLE)
    ) as system:
        others = ("keeper", PRODUCT, BUNDLE)
        system.processes.stop(*others)
        with opened(read_from(system.environment), CATALOGUE, pool=2) as log:
            ended = killed(system, log)
            for each in others:
                system.processes.start(each)
            yield in_the_end(system, log, ended)


def killed(system: System, log: Log) -> dict[Point, tuple[int | None, Bought]]:
    """Several at once; but one keeper after another, since each does whatever there is to do."""
    workers = [point for point in POINTS if point.scene.at_work]
    shops = [point for point in POINTS if point.scene in (Scene.SHOP, Scene.SHOP_ALONE)]
    keepers = [point for point in POINTS if point.scene in (Scene.RELAY, Scene.INBOX)]
    dying.armed(system, workers)
    orders = {point: dying.bought(system, point) for point in workers}
    dying.nudge(log, orders)
    with ThreadPoolExecutor(5) as pool:
        kept = pool.submit(lambda: {each: dying.killed_keeper(system, each) for each in keepers})
        codes = pool.map(lambda each: dying.killed_worker(system, each), workers)
        shut = pool.map(lambda each: dying.killed_shop(system, each), shops)
        ended = {each: (code, orders[each]) for each, code in zip(workers, codes, strict=True)}
        ended |= dict(zip(shops, shut, strict=True)) | kept.result()
    # A nudge is published aside: the message that it came of may have been acknowledged before.
    expected = {
        each: int(each != Point(Scene.WORKER, "after-ack"))
        for each in workers
        if "publish" not in each.moment
    }
    returned = dying.came_back(system, workers, expected)
    assert {each: returned[each] for each in expected} == expected
    return ended


def in_the_end(
    system: System, log: Log, ended: dict[Point, tuple[int | None, Bought]]
) -> dict[Point, Outcome]:
    parts: dict[Point, dict[str, str]] = {}
    for point, (_, order) in ended.items():
        known(order)
        if point.scene is Scene.BUNDLE:
            parts[point] = made_as_far_as_it_is_sold(order)
        else:
            seen_to(order)
    asked, mailed = requests(system), mails(system)
    found = {}
    for point, (code, order) in ended.items():
        history = log.recorded(order.id)
        its = {name: log.recorded(each) for name, each in parts.get(point, {}).items()}
        calls = Calls.of(asked, {order.id: history})
        found[point] = Outcome(code, history, calls, order.among(mailed), its)
    return found


def known(order: Bought) -> None:
    """Wait for an order that may still lie in the inbox."""
    path = f"/v1/orders/{order.id}"
    until(lambda: get(order.system, path).status_code != httpx.codes.NOT_FOUND)


def seen_to(order: Bought) -> None:
    """Wait for its delivery; a person lets it go on where one must."""
    status = order.until(lambda status: status["status"] in {*SETTLED, Word.ATTENTION})
    if status["status"] == Word.ATTENTION:
        order.retry()
        order.delivered()


def made_as_far_as_it_is_sold(order: Bought) -> dict[str, str]:
    """Wait until the bundle has the part that is made here; its parts' orders by product."""
    status = order.until(lambda status: bool(status.get("parts")))
    parts = {each["product"]: each["order"] for each in status["parts"]}
    Bought(order.system, parts[PRODUCT], "").delivered()
    return parts


@pytest.mark.parametrize(
    "point", [point for point in POINTS if point.scene is not Scene.BUNDLE], ids=str
)
def test_an_order_survives_the_death_of_its_process(
    outcomes: dict[Point, Outcome], point: Point
) -> None:
    found = outcomes[point]

    assert found.code == -signal.SIGKILL
    types = Counter(each.type for each in found.history)
    assert types["order-placed"] == types["order-delivered"] == 1
    assert types["section-written"] == 4
    sent = [each.event.mail for each in found.history if isinstance(each.event, MailSent)]
    assert sent.count("report") == 1
    assert found.calls.needless == 0
    assert found.calls.repeated <= in_flight(found.history)
    assert len(found.mails) in ((1, 2) if point in DOUBTFUL else (1,))
    assert len({mail["message_id"] for mail in found.mails}) == 1


def in_flight(history: list[Recorded]) -> int:
    """How many answers the log does not have from the attempt that was killed."""
    written = [each.event for each in history if isinstance(each.event, SectionWritten)]
    return sum(each.attempt > 1 for each in written)


@pytest.mark.parametrize(
    "point", [point for point in POINTS if point.scene is Scene.BUNDLE], ids=str
)
def test_a_bundle_survives_the_death_of_its_process(
    outcomes: dict[Point, Outcome], point: Point
) -> None:
    found = outcomes[point]

    assert found.code == -signal.SIGKILL
    (placed,) = [each.event for each in found.history if isinstance(each.event, PartsPlaced)]
    assert set(placed.parts) == set(found.parts) == set(CATALOGUE[BUNDLE].parts)
    for history in found.parts.values():
        assert Counter(each.type for each in history)["order-placed"] == 1
    short = Counter(each.type for each in found.parts[PRODUCT])
    assert (short["section-written"], short["order-delivered"]) == (4, 1)
    assert found.mails == []


def test_a_mail_that_was_taken_over_unheard_is_sent_again_under_its_own_name(
    outcomes: dict[Point, Outcome],
) -> None:
    for point in UNHEARD:
        mails = outcomes[point].mails
        assert len(mails) == 2
        assert len({mail["message_id"] for mail in mails}) == 1


def test_failures_were_recorded_where_a_process_died_over_them(
    outcomes: dict[Point, Outcome],
) -> None:
    for scene, kind in ((Scene.GARBAGE, "attempt-failed"), (Scene.REFUSAL, "attention-needed")):
        types = [each.type for each in outcomes[Point(scene, f"after-{kind}")].history]
        assert types.count(kind) == 1
    assert "attempt-ended" in [
        each.type for each in outcomes[Point(Scene.LEG, "after-attempt-ended")].history
    ]
