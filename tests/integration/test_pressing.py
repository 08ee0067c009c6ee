"""An order's document, from its log: whatever became of the files, and of the press, that it was made with."""

import math
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actors.attempt import Attempt, Delivery
from actors.perform import perform
from actors.press.rendering import Press, PressFailed, Rendered
from actors.pressing import bind, render
from events.decide import Bind, decide
from events.envelope import Cause
from events.facts import ChunkRendered, DocumentBound
from events.products import find
from storage.blobs import Blobs
from storage.leases import Leases
from storage.record import Log
from storage.settings import Settings
from tests.examples import ORDER, SUBJECT, paid, placed, written

CAUSE = Cause(correlation="c-1", causation="m-1", actor="test")
PRODUCT = find("life_clarity")
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture(scope="module")
def press() -> Iterator[Press]:
    with Press(children=2) as press:
        yield press


@pytest.fixture
def attempt(orders_log: Log, settings: Settings, press: Press) -> Attempt:
    """An order that is written and in pieces, but not bound."""
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    texts = [written(each.name, text=f"About *{each.title}*.") for each in PRODUCT.sections]
    history = orders_log.record(history, [placed(), paid(), *texts], CAUSE)
    tools: Any = SimpleNamespace(
        log=orders_log,
        leases=Leases(orders_log.engine),
        blobs=Blobs(settings.blob_url),
        press=press,
        stopping=threading.Event(),
        name="w",
    )
    delivery = Delivery(order=ORDER, correlation="c-1", id="m-1")
    attempt = Attempt(
        delivery=delivery, history=history, cause=CAUSE, tools=tools, leg_ends=math.inf
    )
    while not isinstance(step := decide(attempt.order, PRODUCT, NOW), Bind):
        assert step
        for facts in perform(step, attempt, PRODUCT):
            attempt.note(*facts)
    return attempt


def bound(attempt: Attempt) -> list[ChunkRendered | DocumentBound]:
    """All that is recorded until the document is there."""
    facts: list[ChunkRendered | DocumentBound] = []
    while attempt.order.document is None:
        step = decide(attempt.order, PRODUCT, NOW)
        assert isinstance(step, Bind)
        for together in perform(step, attempt, PRODUCT):
            attempt.note(*together)
            facts += together
    return facts


def whole(attempt: Attempt) -> DocumentBound:
    """The document as it would be now; nothing is recorded."""
    (document,) = bind(chunks(attempt), attempt, PRODUCT)
    assert isinstance(document, DocumentBound)
    return document


def chunks(attempt: Attempt) -> tuple[ChunkRendered, ...]:
    return tuple(attempt.order.chunks[each.name] for each in PRODUCT.chunks)


def test_chunks_whose_files_are_lost_or_altered_are_made_again_and_the_document_is_the_same(
    attempt: Attempt, settings: Settings
) -> None:
    wanted = whole(attempt)
    blobs, made = attempt.tools.blobs, attempt.order.chunks
    root = Path(settings.blob_url.removeprefix("file://")) / SUBJECT
    (root / made["section-001"].blob).unlink()
    (root / made["section-002"].blob).write_bytes(b"x" * 100)
    (root / made["contents"].blob).write_bytes(b"")

    assert bound(attempt) == [wanted]
    for each in chunks(attempt):
        assert blobs.get(each.blob, attempt.history.sealer)


def test_a_chunk_that_was_set_as_plain_text_is_made_again_as_plain_text(
    attempt: Attempt, settings: Settings
) -> None:
    press, tries = attempt.tools.press, iter([1])

    def failing_once(page: str) -> Rendered:
        if next(tries, None):
            raise PressFailed("too large")
        return press.render(page)

    tools: Any = attempt.tools
    tools.press = SimpleNamespace(recipe=press.recipe, render=failing_once)
    (made,) = render((PRODUCT.chunks[2],), attempt, PRODUCT)
    assert made.plain
    attempt.note(replace(made, attempt=7))
    wanted = whole(attempt)
    root = Path(settings.blob_url.removeprefix("file://")) / SUBJECT
    (root / made.blob).unlink()

    assert bound(attempt) == [wanted]


def other(made: ChunkRendered, **changes: Any) -> ChunkRendered:
    """The chunk as another release has made it."""
    return replace(made, recipe="ef" * 32, attempt=0, blob="ab" * 32, **changes)


def taken_up(attempt: Attempt) -> Attempt:
    """The next attempt, once this one has ended."""
    attempt.leg_ends = -math.inf
    attempt.end()
    return replace(attempt, lease=None, leg_ends=math.inf)


def test_chunks_of_another_recipe_are_made_anew_before_they_are_bound_and_only_they(
    attempt: Attempt,
) -> None:
    wanted = whole(attempt)
    made = attempt.order.chunks
    attempt.note(*(other(made[name], pages=7) for name in ("section-001", "section-003")))

    facts = bound(taken_up(attempt))

    *again, document = facts
    assert [each.chunk for each in again if isinstance(each, ChunkRendered)] == [
        "section-001",
        "section-003",
    ]
    assert document == wanted


def test_the_contents_follow_when_a_chunk_has_other_pages_than_before(attempt: Attempt) -> None:
    wanted = whole(attempt)
    made = attempt.order.chunks
    attempt.note(*(other(made[name]) for name in ("section-001", "contents")))

    *again, document = bound(taken_up(attempt))

    assert [each.chunk for each in again if isinstance(each, ChunkRendered)] == [
        "section-001",
        "contents",
    ]
    assert document == wanted
