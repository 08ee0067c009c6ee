"""Adds to what releases have recorded: ``./dev test tests/golden/write.py``."""

import base64
import json
import uuid
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select

from events.envelope import Cause, all_kinds
from events.facts import OrderPlaced
from events.products import CATALOGUE
from events.projections import PROJECTIONS
from events.shapes import recorded_shape
from events.views import status
from storage import sealed
from storage.blobs import Blobs
from storage.checkpoints import Folder, latest, sign
from storage.database import connected
from storage.record import Log
from storage.sealer import seal_all
from storage.settings import Settings
from storage.signing import signer
from storage.tables import subjects
from tests.examples import (
    EXAMPLES,
    asked,
    bound,
    failed,
    paid,
    placed,
    rendered,
    started,
    written,
)
from tests.golden import FOLDED, HERE, SHAPES, folded, schemas_of, shapes

SECTIONS = ("section-001", "section-002", "section-003", "section-004")
MAILED = ("mail-intended", "mail-sent", "order-delivered")


def stories() -> dict[str, list[Any]]:
    """What happened to some orders: one delivered after a failure, one cancelled, one to which everything happened."""
    delivered = [
        paid(),
        started(),
        asked(*SECTIONS),
        written("section-001"),
        failed(),
        started(2),
        asked(*SECTIONS[1:], attempt=2),
        *(written(section, 2, text="Ünïcödé — “quotes” 漢字 🙂") for section in SECTIONS[1:]),
        rendered("cover"),
        bound(),
        *(EXAMPLES[name] for name in MAILED),
    ]
    cancelled = [EXAMPLES["order-cancelled"], paid(), started(), EXAMPLES["call-failed"]]
    everything = [each for each in EXAMPLES.values() if not isinstance(each, OrderPlaced)]
    return {
        f"00000000-0000-4000-8000-{number:012}": [
            placed(
                subject=f"00000000-0000-4000-9000-{number:012}",
                session=f"cs_{number}",
                intent=f"pi_{number}",
            ),
            *story,
        ]
        for number, story in enumerate((delivered, cancelled, everything), start=1)
    }


def test_the_shapes_of_what_is_new_are_written_down() -> None:
    known = shapes() if SHAPES.exists() else {}
    for kind in all_kinds():
        known.setdefault(kind.name, {}).setdefault(str(kind.schema), recorded_shape(kind))

    SHAPES.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", "utf-8")


def test_the_schemas_that_a_new_version_of_a_projection_folds_are_written_down() -> None:
    known = folded() if FOLDED.exists() else {}
    for name, projection in PROJECTIONS.items():
        known.setdefault(name, {}).setdefault(str(projection.version), schemas_of(projection))

    FOLDED.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", "utf-8")


def test_a_release_without_golden_histories_gets_them(orders_log: Log, settings: Settings) -> None:
    folder = HERE / ".".join(version("ledgerpress").split(".")[:2])
    if (folder / "log.jsonl").exists():
        return
    cause = Cause(correlation="golden", causation="evt_golden", actor="stripe")
    for name, story in stories().items():
        history = orders_log.begin(name, uuid.UUID(story[0].subject))
        for event in story:
            history = orders_log.record(history, [event], replace(cause, causation=name))
    seal_all(orders_log.engine)
    ours = signer(settings)
    assert ours is not None
    sign(orders_log.engine, ours, Folder(Blobs(settings.blob_url).shelf))
    folder.mkdir(exist_ok=True)
    _write(folder, orders_log, str(ours.keys[0]))


def _write(folder: Path, log: Log, key: str) -> None:
    with connected(log.engine) as connection:
        events = sealed.read(connection, most=10_000)
        (checkpoint,) = latest(connection)
        rows = connection.execute(select(subjects)).all()
    lines = (msgspec.json.encode(each).decode() for each in events)
    (folder / "log.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "checkpoint.txt").write_text(checkpoint.text, "utf-8")
    (folder / "checkpoint.key").write_text(key + "\n", "utf-8")
    _write_json(
        folder / "keys.json",
        {
            str(row.subject): {"wrapped": base64.b64encode(row.wrapped).decode(), "kek": row.kek}
            for row in rows
        },
    )
    orders = {name: log.read(name).order for name in stories()}
    _write_json(
        folder / "states.json",
        {
            name: {"order": order, "status": status(order, CATALOGUE["life_clarity"])}
            for name, order in orders.items()
        },
    )


def _write_json(path: Path, value: Any) -> None:
    found = json.loads(msgspec.json.encode(value))
    path.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
