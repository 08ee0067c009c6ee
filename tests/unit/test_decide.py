"""What is to be done next is read from the log alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.decide import (
    MOST_CRASHES,
    Bind,
    Compose,
    Deliver,
    Gather,
    Mail,
    Park,
    PlaceParts,
    Render,
    Step,
    Write,
    decide,
)
from events.facts import (
    AttemptEnded,
    AttentionNeeded,
    MailIntended,
    MailSent,
    OrderCancelled,
    OrderDelivered,
    PartFinished,
    PartsPlaced,
)
from events.order import Order, evolve
from events.plan import ChunkKind
from events.products import CATALOGUE, find
from tests.examples import (
    ORDER,
    asked,
    bound,
    failed,
    order,
    paid,
    placed,
    rendered,
    started,
    written,
)

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
QUICK = find("life_clarity")
LONG = find("personal_horoscope")


def next_step(*events: Any, product: str = "life_clarity") -> Step | None:
    return decide(order(placed(product), paid(), *events), find(product), NOW)


def all_written(product: str = "life_clarity") -> list[Any]:
    return [written(section.name) for section in find(product).sections]


def all_rendered(product: str = "life_clarity") -> list[Any]:
    return [rendered(chunk.name) for chunk in find(product).chunks]


def test_an_unpaid_order_waits() -> None:
    assert decide(order(placed()), QUICK, NOW) is None


def test_as_many_sections_are_asked_at_once_as_the_plan_is_wide() -> None:
    for name in ("life_clarity", "personal_blueprint", "personal_horoscope"):
        step = next_step(product=name)

        assert isinstance(step, Write)
        assert len(step.sections) == find(name).width


def test_a_written_section_is_never_asked_for_again() -> None:
    step = next_step(asked("section-001", "section-002"), written("section-001"))

    assert isinstance(step, Write)
    assert "section-001" not in [section.name for section in step.sections]
    assert "section-002" in [section.name for section in step.sections]


def test_the_long_product_is_written_strictly_in_sequence() -> None:
    seen = []
    state = order(placed("personal_horoscope"), paid())
    while isinstance(step := decide(state, LONG, NOW), Write):
        (section,) = step.sections
        seen.append(section.name)
        state = evolve(state, written(section.name))

    assert seen == [section.name for section in LONG.sections]


def test_the_contents_are_rendered_last() -> None:
    state = order(placed(), paid(), *all_written())
    rendered_kinds = []
    while isinstance(step := decide(state, QUICK, NOW), Render):
        for chunk in step.chunks:
            rendered_kinds.append(chunk.kind)
            state = evolve(state, rendered(chunk.name))

    assert len(rendered_kinds) == len(QUICK.chunks)
    assert rendered_kinds.index(ChunkKind.CONTENTS) == len(rendered_kinds) - 1


def test_chunks_are_bound_in_reading_order() -> None:
    step = next_step(*all_written(), *reversed(all_rendered()))

    assert isinstance(step, Bind)
    assert [made.chunk for made in step.chunks] == [chunk.name for chunk in QUICK.chunks]


def test_a_bound_document_is_mailed_then_delivered() -> None:
    pressed = [*all_written(), *all_rendered(), bound()]

    assert next_step(*pressed) == Mail("report", doubtful=False)
    assert next_step(*pressed, MailSent(mail="report", message_id="<a@b>")) == Deliver("mail")


def test_a_mail_that_may_have_gone_out_is_marked_doubtful() -> None:
    intended = MailIntended(mail="report", attempt=1, message_id="<a@b>")

    assert next_step(*all_written(), *all_rendered(), bound(), intended) == Mail(
        "report", doubtful=True
    )


def test_a_product_by_api_is_composed_and_not_mailed() -> None:
    state = order(placed("document_analysis"), paid(), written("section-001"))
    product = find("document_analysis")

    assert decide(state, product, NOW) == Compose()
    assert decide(evolve(state, bound()), product, NOW) == Deliver("api")


def test_a_part_is_handed_to_its_bundle_and_not_mailed() -> None:
    part = order(
        placed(parent=ORDER, parent_product="bundle"),
        paid(),
        *all_written(),
        *all_rendered(),
        bound(),
    )

    assert decide(part, QUICK, NOW) == Deliver("bundle")


def test_a_bundle_places_its_parts_then_gathers_them_then_mails() -> None:
    parts = {name: f"{name}-order" for name in find("bundle").parts}
    finished = [
        PartFinished(product=name, order=part, document=bound()) for name, part in parts.items()
    ]

    assert next_step(product="bundle") == PlaceParts(find("bundle").parts)
    waiting = next_step(PartsPlaced(parts=parts), finished[0], product="bundle")
    assert isinstance(waiting, Gather)
    assert finished[0].product not in dict(waiting.parts)
    assert next_step(PartsPlaced(parts=parts), *finished, product="bundle") == Mail(
        "report", doubtful=False
    )


@pytest.mark.parametrize(
    "end",
    [
        OrderDelivered(by="mail"),
        OrderCancelled(reason="refunded"),
        AttentionNeeded(reason="x", attempt=1, detail="", advice=""),
    ],
)
def test_nothing_is_done_after(end: Any) -> None:
    assert next_step(end) is None


def test_a_failed_attempt_waits_until_the_next_is_due() -> None:
    state = order(
        placed(), paid(), started(), failed(retry_at=(NOW + timedelta(seconds=30)).isoformat())
    )

    assert decide(state, QUICK, NOW) is None
    assert decide(state, QUICK, NOW + timedelta(seconds=30)) is not None


def test_an_order_that_kills_its_workers_is_parked() -> None:
    crashing = [started(number) for number in range(1, MOST_CRASHES + 2)]

    assert isinstance(next_step(*crashing[:-1]), Write)
    assert isinstance(next_step(*crashing), Park)


def test_an_order_that_still_moves_is_not_parked() -> None:
    crashing = [started(number) for number in range(1, MOST_CRASHES + 2)]

    assert isinstance(next_step(*crashing, written("section-001")), Write)


def test_an_orderly_end_is_no_crash() -> None:
    many = [
        event
        for number in range(1, 9)
        for event in (started(number), AttemptEnded(number=number, why="leg"))
    ]

    assert isinstance(next_step(*many), Write)


FACTS: dict[type, Callable[[Any], list[Any]]] = {
    Write: lambda step: [written(section.name) for section in step.sections],
    Render: lambda step: [rendered(chunk.name) for chunk in step.chunks],
    Bind: lambda _: [bound()],
    Compose: lambda _: [bound()],
    PlaceParts: lambda step: [PartsPlaced(parts={name: name for name in step.products})],
    Gather: lambda step: [
        PartFinished(product=name, order=part, document=bound()) for name, part in step.parts
    ],
    Mail: lambda step: [MailSent(mail=step.mail, message_id="<a@b>")],
    Deliver: lambda step: [OrderDelivered(by=step.by)],
}


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_product_ends_delivered(name: str) -> None:
    state: Order = order(placed(name), paid(), started())
    for _ in range(1000):
        step = decide(state, find(name), NOW)
        if step is None:
            break
        for fact in FACTS[type(step)](step):
            state = evolve(state, fact)

    assert state.delivered
    assert set(state.sections) == {section.name for section in find(name).sections}
