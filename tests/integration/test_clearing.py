"""Files that no event speaks of are cleared away, and no other is ever touched."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from events.envelope import Cause
from events.errors import Refused
from events.facts import (
    AttemptStarted,
    ChunkRendered,
    DocumentBound,
    OrderCancelled,
    OrderDelivered,
    PartsPlaced,
)
from storage.blobs import Blobs
from storage.clearing import REST, clear
from storage.history import History
from storage.opening import opened
from storage.record import Log
from storage.settings import Settings, read_from
from tests.examples import bound, paid, placed

CAUSE = Cause(correlation="c", causation="m", actor="test")
SETTLED = {"delivered": OrderDelivered(by="mail"), "cancelled": OrderCancelled(reason="operator")}
NOW = datetime.now(UTC)
LATER = NOW + REST + timedelta(days=1)


@pytest.fixture
def blobs(settings: Settings) -> Blobs:
    return Blobs(settings.blob_url)


def begun(log: Log, **changes: Any) -> History:
    name = str(uuid.uuid4())
    values = {"session": f"cs_{name}", "subject": name, **changes}
    history = log.begin(name, uuid.UUID(values["subject"]))
    return log.record(history, [placed(**values), paid()], CAUSE)


def pressed(log: Log, blobs: Blobs, history: History) -> tuple[History, set[str]]:
    """With a chunk and a document whose files are there, and one file more that nobody speaks of."""
    chunk, document = (blobs.put(text, history.sealer) for text in (b"chunk", b"document"))
    blobs.put(b"written, and then the power failed", history.sealer)
    facts: list[ChunkRendered | DocumentBound] = [
        ChunkRendered(chunk="chunk-001", blob=chunk, pages=1),
        bound(blob=document),
    ]
    return log.record(history, facts, CAUSE), {chunk, document}


def files(settings: Settings) -> set[str]:
    root = Path(settings.blob_url.removeprefix("file://"))
    return {each.name for each in root.rglob("*") if each.is_file()}


def cleared(log: Log, blobs: Blobs, until: datetime = LATER - REST) -> int:
    return clear(log, blobs, NOW - timedelta(days=30), until)


@pytest.mark.parametrize("end", SETTLED)
def test_what_nobody_speaks_of_goes_and_the_rest_stays(
    end: str, orders_log: Log, blobs: Blobs, settings: Settings
) -> None:
    history, spoken_of = pressed(orders_log, blobs, begun(orders_log))
    orders_log.record(history, [SETTLED[end]], CAUSE)

    assert cleared(orders_log, blobs) == 1
    assert files(settings) == spoken_of
    assert blobs.get(next(iter(spoken_of)), history.sealer)


def test_the_draft_of_a_killed_writer_goes(
    orders_log: Log, blobs: Blobs, settings: Settings
) -> None:
    history = orders_log.record(begun(orders_log), [SETTLED["delivered"]], CAUSE)
    name = blobs.put(b"x", history.sealer)
    folder = next(Path(settings.blob_url.removeprefix("file://")).iterdir())
    (folder / f".{name}.draft").write_bytes(b"half")

    cleared(orders_log, blobs)

    assert files(settings) == set()


def test_an_order_at_work_is_left_alone(orders_log: Log, blobs: Blobs, settings: Settings) -> None:
    history, spoken_of = pressed(orders_log, blobs, begun(orders_log))
    orders_log.record(history, [AttemptStarted(number=1, worker="w")], CAUSE)

    assert cleared(orders_log, blobs) == 0
    assert files(settings) > spoken_of


def test_an_order_that_was_settled_just_now_is_left_alone(orders_log: Log, blobs: Blobs) -> None:
    history, _ = pressed(orders_log, blobs, begun(orders_log))
    orders_log.record(history, [SETTLED["delivered"]], CAUSE)

    assert cleared(orders_log, blobs, until=NOW) == 0


def test_what_a_part_speaks_of_stays_in_the_folder_that_it_shares_with_its_bundle(
    orders_log: Log, blobs: Blobs, settings: Settings
) -> None:
    bundle = begun(orders_log, product="bundle")
    part = begun(
        orders_log,
        subject=bundle.order.id,
        parent=bundle.order.id,
        parent_product="bundle",
        session="",
    )
    pressed_part, spoken_of = pressed(orders_log, blobs, part)
    parts = PartsPlaced(parts={"life_clarity": part.order.id})
    orders_log.record(bundle, [parts, SETTLED["delivered"]], CAUSE)

    at_work = cleared(orders_log, blobs)
    orders_log.record(pressed_part, [OrderDelivered(by="bundle")], CAUSE)
    settled = cleared(orders_log, blobs)

    assert (at_work, settled) == (0, 1)
    assert files(settings) == spoken_of


def test_the_folder_of_another_log_is_never_touched(
    orders_log: Log, blobs: Blobs, settings: Settings
) -> None:
    stranger = orders_log.vault.new_sealer(uuid.uuid4())
    kept = blobs.put(b"somebody else's", stranger)

    cleared(orders_log, blobs)

    assert files(settings) == {kept}


def test_without_the_key_to_the_events_nothing_is_removed(
    orders_log: Log, blobs: Blobs, environment: dict[str, str], settings: Settings
) -> None:
    history, _ = pressed(orders_log, blobs, begun(orders_log))
    orders_log.record(history, [SETTLED["delivered"]], CAUSE)
    before = files(settings)
    other = read_from({**environment, "VAULT_KEY": "A" * 43 + "="})

    with opened(other, {}) as locked, pytest.raises(Refused):
        cleared(locked, blobs)

    assert files(settings) == before


def test_what_has_been_cleared_up_is_not_looked_at_again(
    orders_log: Log, blobs: Blobs, database: str
) -> None:
    history, _ = pressed(orders_log, blobs, begun(orders_log))
    orders_log.record(history, [SETTLED["delivered"]], CAUSE)
    with psycopg.connect(database) as connection:
        connection.execute("update ledgerpress.orders set updated_at = now() - interval '40 days'")

    assert cleared(orders_log, blobs) == 0
