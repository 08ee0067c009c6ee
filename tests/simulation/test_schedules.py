"""Thousands of schedules of crashes, zombies, lost messages and faults: whatever happens, the promise is kept."""

import logging
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, currently_in_test_context, given, note, settings
from hypothesis import strategies as st

from events.envelope import kind_of
from events.facts import (
    AttemptEnded,
    AttemptFailed,
    AttemptStarted,
    MailSent,
    NoteMade,
    OrderDelivered,
    OrderRetried,
    SectionsAsked,
    SectionWritten,
)
from events.order import Order, evolve
from storage.history import stream_of
from tests.examples import ORDER
from tests.simulation.world import Effect, Moment, World

settings.register_profile("ci", max_examples=1200, derandomize=True)
settings.register_profile("long", max_examples=50_000)
PROFILE = settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

PROCESSES = range(3)
FAULTS = (
    "commit: away",
    "commit: reply lost",
    "publish: lost",
    "publish: confirm lost",
    "model: away",
    "model: busy",
    "model: refuses",
    "mail: away",
    "mail: reply lost",
    "mail: refuses",
)
# What happens often stands here often.
MOMENTS: list[Moment] = [
    *(("step", each) for each in PROCESSES for _ in range(8)),
    *(("run", each) for each in PROCESSES for _ in range(2)),
    *((what, each) for what in ("kill", "freeze", "wake", "deaf") for each in PROCESSES),
    *((what, each) for what in ("stop", "disconnect") for each in PROCESSES),
    *(("wait", seconds) for seconds in (0.5, 3.0, 9.0, 31.0)),
    *(("arm", fault) for fault in FAULTS),
    *(("broker", how) for how in ("double", "lose", "turn round")),
    ("relay", 0),
    ("sweep", 0),
    ("cancel", 0),
    ("retry", 0),
    ("retry", 0),
]
schedules = st.lists(st.sampled_from(MOMENTS), max_size=80)
lived = settings(
    PROFILE, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


@pytest.fixture(autouse=True, scope="module")
def silence() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def after(
    product: str, schedule: list[Moment], *, sweeps: bool = True, mended: bool = False
) -> World:
    world = World(product, sweeps=sweeps)
    world.live(schedule, mended=mended)
    if currently_in_test_context():
        note("\n".join(world.story))
    return world


@lived
@given(schedules)
def test_every_paid_order_ends_and_nothing_happens_twice(schedule: list[Moment]) -> None:
    world = after("life_clarity", schedule)

    assert complaints(world) == []


@settings(lived, max_examples=PROFILE.max_examples // 5)
@given(schedules)
def test_a_bundle_ends_with_its_parts_and_is_mailed_as_one(schedule: list[Moment]) -> None:
    world = after("bundle", schedule)

    assert complaints(world) == []


@settings(lived, max_examples=PROFILE.max_examples // 5)
@given(schedules, st.sampled_from(["life_clarity", "bundle"]))
def test_what_a_person_lets_go_on_is_delivered_once(schedule: list[Moment], product: str) -> None:
    world = after(product, schedule, mended=True)

    assert complaints(world) == []
    for order in world.orders():
        assert order.delivered or order.cancelled or world.shop.read(ORDER).order.cancelled


def test_an_undisturbed_order_asks_and_mails_once() -> None:
    world = after("life_clarity", [])

    assert complaints(world) == []
    assert [each.what for each in world.calls] == ["section-001", "section-002", "section-003"]
    assert len(world.mails) == 1
    assert world.orders()[0].delivered


@pytest.mark.parametrize(
    "schedule",
    [
        [("arm", "model: away"), ("run", 0)],
        [*[("step", 0)] * 9, ("kill", 0)],
        [*[("step", 0)] * 9, ("stop", 0), ("run", 0)],
        [*[("step", 0)] * 9, ("wait", 9.0), ("run", 0)],
    ],
    ids=["failed", "killed", "stopped", "handed on"],
)
def test_what_comes_next_needs_no_sweeper(schedule: list[Moment]) -> None:
    world = after("life_clarity", schedule, sweeps=False)

    assert complaints(world) == []
    assert world.orders()[0].delivered
    assert world.orders()[0].attempt == 2


def complaints(world: World) -> list[str]:
    """What the promise forbids and yet happened."""
    found = list(world.objections)
    for order in world.orders():
        found += against_the_log(world, order)
        found += against_the_effects(world, order)
    return found


def against_the_log(world: World, end: Order) -> list[str]:
    """Read the history again as an auditor would."""
    found: list[str] = []
    order = Order(id=end.id)
    for recorded in world.shop.recorded(end.id):
        event = recorded.event
        match event:
            case AttemptStarted(number=number) if number <= order.attempt:
                found.append(f"attempt {number} began after attempt {order.attempt}")
            case AttemptFailed(reason="unforeseen", detail=detail):
                found.append(f"an unforeseen {detail}")
            case SectionsAsked(sections=names) if set(names) & order.sections.keys():
                found.append(f"{names} asked for although in the log")
            case SectionWritten(section=name) if name in order.sections:
                found.append(f"{name} written twice")
            case OrderDelivered(by="mail") if not isinstance(order.mails.get("report"), MailSent):
                found.append("delivered without a mail")
        spends = kind_of(event).intent and not isinstance(event, NOTHING_SPENT)
        if spends and not order.workable:
            found.append(f"{recorded.type} although nothing was to be done")
        order = evolve(order, event)
        if recorded.type not in UNFENCED and recorded.fence != order.attempt:
            found.append(f"{recorded.type} of attempt {recorded.fence} during {order.attempt}")
    if order.attention and order.attention.reason == "crashes" and world.deaths < 3:
        found.append(f"given up after {world.deaths} crashes")
    return found


UNFENCED = {"order-placed", "payment-received", "order-cancelled", "note-made", "order-retried"}
NOTHING_SPENT = (AttemptEnded, NoteMade, OrderRetried)


def against_the_effects(world: World, order: Order) -> list[str]:
    """Compare what was spent with what the log has of it."""
    found: list[str] = []
    calls = [each for each in world.calls if each.order == order.id]
    kept = {(each.section, each.attempt) for each in order.sections.values()}
    found += [
        f"the answer for {each.what} in attempt {each.fence} was lost without reason"
        for each in calls
        if (each.what, each.fence) not in kept and not excused(world, each)
    ]
    mails = [each for each in world.mails if each.order == order.id]
    found += [
        f"mail {each.what} sent again although attempt {each.fence} was not in doubt"
        for each in mails[:-1]
        if not excused(world, each)
    ]
    if mails and len(world.message_ids) > 1:
        found.append(f"one mail under {len(world.message_ids)} names")
    if order.delivered and order.delivered.by == "mail" and not mails:
        found.append("delivered, and nobody got a mail")
    return found


def excused(world: World, effect: Effect) -> bool:
    """Whether its process died, lost its lease or the order, or could not hear the database or the other side."""
    order = world.shop.read(effect.order).order
    return (
        effect.failed
        or order.cancelled is not None
        or effect.process in world.killed
        or effect.fence in crashed(world, effect.order)
        or stream_of(effect.order) in world.doubted
    )


def crashed(world: World, order_id: str) -> set[int]:
    """The attempts that were taken over."""
    found = set()
    order = Order(id=order_id)
    for recorded in world.shop.recorded(order_id):
        if isinstance(recorded.event, AttemptStarted) and order.running:
            found.add(order.attempt)
        order = evolve(order, recorded.event)
    return found
