"""What earlier releases recorded is read today as it was then, and still verifies."""

import base64
import json
import uuid
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from events.chain import Link, first_break
from events.checkpoint import read_key, read_note
from events.codec import Open, decode, decode_public, encode
from events.envelope import Kind, Unknown, all_kinds, kind_named
from events.facts import SectionWritten
from events.folding import Projection, add_up
from events.merkle import Tree
from events.order import Order, fold
from events.products import CATALOGUE
from events.projections import PROJECTIONS
from events.shapes import recorded_shape
from events.upcast import UPCASTERS, upcast
from events.views import status
from storage.database import connect
from storage.sealed import Sealed
from storage.signing import signed_by
from storage.vault import Sealer, Vault
from tests.examples import EXAMPLES, written
from tests.golden import folded, holds, releases, schemas_of, shapes

# The key under which the customers' keys of all golden histories are wrapped.
VAULT_KEY = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="
RELEASES = releases()


def read(release: Path, name: str) -> Any:
    return json.loads((release / name).read_text("utf-8"))


def log_of(release: Path) -> list[Sealed]:
    lines = (release / "log.jsonl").read_text("utf-8").splitlines()
    return [msgspec.json.decode(line, type=Sealed) for line in lines]


def streams(release: Path) -> dict[str, list[Link]]:
    found: dict[str, list[Link]] = {}
    for each in log_of(release):
        found.setdefault(each.link.stream, []).append(each.link)
    return found


def order_of(release: Path, stream: str, links: list[Link]) -> Order:
    """The order, its personal fields opened with the customer's key."""
    vault = Vault(connect("postgresql://nobody@localhost/none"), [VAULT_KEY])
    subject = json.loads(links[0].data)["subject"]
    key = read(release, "keys.json")[subject]
    sealer = vault.opened(uuid.UUID(subject), base64.b64decode(key["wrapped"]), key["kek"])
    events = [decode(each.type, each.schema, each.data, _opening(sealer, each)) for each in links]
    return fold(stream.removeprefix("order-"), events)


def _opening(sealer: Sealer, link: Link) -> Open:
    return lambda sealed: sealer.open(sealed, str(link.id))


def as_json(value: Any) -> Any:
    return json.loads(msgspec.json.encode(value))


def test_there_are_golden_histories_and_every_type_that_was_then_is_in_them() -> None:
    assert [each.name for each in RELEASES][:1] == ["0.1"]
    told = {each.link.type for each in log_of(RELEASES[0])}
    assert told <= shapes().keys()
    assert len(told) >= 27


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_what_was_recorded_adds_up_to_what_it_did_then(release: Path) -> None:
    states = read(release, "states.json")
    for stream, links in streams(release).items():
        order = order_of(release, stream, links)
        then = states[order.id]

        assert holds(then["order"], as_json(order))
        assert holds(then["status"], as_json(status(order, CATALOGUE["life_clarity"])))
        assert order.placed is not None
        assert order.placed.email


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_what_was_recorded_still_verifies(release: Path) -> None:
    events = log_of(release)
    note = read_note((release / "checkpoint.txt").read_text("utf-8"))
    key = read_key((release / "checkpoint.key").read_text("utf-8"))

    breaks = {stream: first_break(stream, links) for stream, links in streams(release).items()}
    tree = Tree().grown(each.link.hash for each in events)

    assert set(breaks.values()) == {None}
    assert [each.position for each in events] == list(range(1, len(events) + 1))
    assert (note.checkpoint.size, note.checkpoint.root) == (tree.size, tree.root)
    assert signed_by(note, [key]) == key


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_projections_read_what_was_recorded(release: Path) -> None:
    seen = defaultdict[str, list[tuple[Any, datetime]]](list)
    for each in log_of(release):
        event = decode_public(*_said(each.link))
        assert not isinstance(event, Unknown)
        seen[each.link.stream].append((event, each.link.recorded_at))

    for projection in PROJECTIONS.values():
        assert add_up(projection, {}, seen)[0]


def _said(link: Link) -> tuple[str, int, str]:
    return link.type, link.schema, link.data


@pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: kind.name)
def test_no_shape_changes_without_a_new_version(kind: Kind) -> None:
    known = shapes().get(kind.name, {}).get(str(kind.schema))

    hint = (
        f"{kind.name} has changed: raise its version= and teach events/upcast.py to read the old shape"
        if known
        else f"{kind.name} is new: ./dev test tests/golden/write.py writes its shape down"
    )
    assert recorded_shape(kind) == known, hint


@pytest.mark.parametrize("projection", PROJECTIONS.values(), ids=list(PROJECTIONS))
def test_no_projection_folds_events_of_another_schema_without_a_new_version(
    projection: Projection,
) -> None:
    known = folded().get(projection.name, {}).get(str(projection.version))

    hint = (
        f"{projection.name} folds other events or other schemas: raise its version, so that it is folded afresh"
        if known
        else f"{projection.name} is new: ./dev test tests/golden/write.py writes down what it folds"
    )
    assert schemas_of(projection) == known, hint


def test_what_was_ever_recorded_can_be_read() -> None:
    """Every step from every old version to the present one is there, and no type was renamed."""
    for name, versions in shapes().items():
        kind = kind_named(name)
        assert kind is not None, f"{name} was recorded once: keep its name and its class"
        for version in range(min(map(int, versions)), kind.schema):
            assert (name, version) in UPCASTERS


def test_an_old_shape_is_read_as_the_present_one() -> None:
    """As if version 1 had counted seconds, and called the model ``engine``."""

    def first_to_second(data: dict[str, Any]) -> dict[str, Any]:
        seconds, engine = data.pop("seconds"), data.pop("engine")
        return {**data, "milliseconds": 1000 * seconds, "model": engine}

    old = json.loads(encode(written("section-001", text=""), lambda plain: plain))
    del old["sealed"], old["milliseconds"], old["model"]
    old |= {"seconds": 3, "engine": "gpt-4.1-mini"}

    now = upcast("section-written", 1, 2, old, {("section-written", 1): first_to_second})

    assert msgspec.convert(now, SectionWritten) == written(
        "section-001", milliseconds=3000, text=""
    )


def test_an_event_of_a_later_version_is_kept_as_it_is() -> None:
    data = encode(EXAMPLES["mail-sent"], lambda b: b)

    assert decode_public("mail-sent", 2, data) == Unknown("mail-sent", json.loads(data))
