"""Places of the verifier that only a forger who knows it comes to: each is named, and none passes."""

import base64
import hashlib
import json
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from events.checkpoint import Checkpoint, Key, note
from events.errors import NotFound
from storage.bundle.export import export
from storage.bundle.scope import OfOrder, WholeLog
from storage.bundle.verify import (
    BrokenError,
    NoBundleError,
    consistent,
    included,
    read_checkpoint,
    read_key,
    signed_by,
    verify,
)
from storage.checkpoints import Folder, sign
from storage.disk import Disk
from storage.record import Log
from storage.sealer import seal_all
from tests.integration.test_bundle import KEY, contents, packed
from tests.integration.test_checkpoints import OURS, TWO
from tests.integration.test_sealer import write

ROOT = hashlib.sha256(b"root").digest()


@pytest.fixture
def whole(orders_log: Log, tmp_path: Path) -> Path:
    """Two streams of three events each, one after another."""
    for stream in ("order-x", "order-y"):
        write(orders_log.engine, stream, 3)
    seal_all(orders_log.engine)
    assert sign(orders_log.engine, OURS, Folder(Disk(tmp_path / "blobs")))
    with (tmp_path / "all.zip").open("wb") as file:
        export(orders_log.engine, file, WholeLog())
    return tmp_path / "all.zip"


def hashed(row: dict[str, Any]) -> str:
    """The hash of what the row says, by the formula in docs/audit.md."""

    def sha(text: str) -> bytes:
        return hashlib.sha256(text.encode()).digest()

    at = datetime.fromisoformat(row["recorded_at"])
    micros = (at - datetime(1970, 1, 1, tzinfo=UTC)) // (datetime.resolution)
    fence = -1 if row["fence"] is None else row["fence"]
    return hashlib.sha256(
        bytes.fromhex(row["previous"])
        + sha(row["stream"])
        + struct.pack(">i", row["version"])
        + bytes.fromhex(row["id"].replace("-", ""))
        + sha(row["type"])
        + struct.pack(">hqq", row["schema"], micros, fence)
        + sha(row["data"])
        + sha(row["meta"])
    ).hexdigest()


def judged(path: Path, rows: Callable[[list[dict[str, Any]]], Any]) -> str:
    """What the verifier says once ``rows`` has had its way with the events."""
    files = contents(path)
    found = [json.loads(line) for line in files["events.ndjson"].splitlines()]
    rows(found)
    files["events.ndjson"] = b"".join(json.dumps(each).encode() + b"\n" for each in found)
    with pytest.raises(BrokenError) as broken:
        verify(packed(path.with_name("forged.zip"), files), [KEY])
    return str(broken.value)


def test_the_formula_is_the_one_that_is_written_down(whole: Path) -> None:
    rows = [json.loads(line) for line in contents(whole)["events.ndjson"].splitlines()]

    assert [hashed(each) for each in rows] == [each["hash"] for each in rows]


def test_a_chain_that_was_cut_and_hashed_anew_is_found(whole: Path) -> None:
    def cut(rows: list[dict[str, Any]]) -> None:
        rows[1]["previous"] = "00" * 32
        rows[1]["hash"] = hashed(rows[1])

    assert judged(whole, cut).endswith("line 2: it does not follow from the event before it")


def test_a_first_event_with_something_before_it_is_found(whole: Path) -> None:
    def behead(rows: list[dict[str, Any]]) -> None:
        rows[0]["previous"] = "11" * 32
        rows[0]["hash"] = hashed(rows[0])

    assert judged(whole, behead).endswith("line 1: it does not follow from the event before it")


def test_events_that_changed_places_are_found_where_that_was_signed(whole: Path) -> None:
    def swap(rows: list[dict[str, Any]]) -> None:
        rows[2], rows[3] = rows[3], rows[2]
        rows[2]["position"], rows[3]["position"] = 3, 4

    said = judged(whole, swap)

    assert said.endswith("line 6: the events up to here are not those of the checkpoint at 6")


def test_a_stream_rewritten_from_its_first_event_on_is_found(whole: Path) -> None:
    def rewrite(rows: list[dict[str, Any]]) -> None:
        before = rows[0]["previous"]
        for row in rows[:3]:
            row["data"], row["previous"] = '{"forged":true}', before
            before = row["hash"] = hashed(row)

    assert "are not those of the checkpoint at 6" in judged(whole, rewrite)


@pytest.mark.parametrize(("field", "value"), [("id", "00"), ("previous", "00")])
def test_an_id_or_a_hash_of_another_length_is_found(whole: Path, field: str, value: str) -> None:
    said = judged(whole, lambda rows: rows[0].update({field: value}))

    assert said.endswith("line 1: an id or a hash is malformed")


@pytest.mark.parametrize(
    ("field", "change"), [("id", str.upper), ("previous", str.upper), ("previous", " {}".format)]
)
def test_an_id_or_a_hash_is_written_in_one_way_only(
    whole: Path, field: str, change: Callable[[str], str]
) -> None:
    said = judged(whole, lambda rows: rows[1].update({field: change(rows[1][field])}))

    assert said.endswith("line 2: an id or a hash is malformed")


def test_a_range_of_nothing_proves_nothing(whole: Path) -> None:
    files = contents(whole)
    told = {**json.loads(files["manifest.json"]), "kind": "range", "from": 0, "to": 0, "events": 0}
    nothing = {"events.ndjson": b"", "manifest.json": json.dumps(told).encode()}

    with pytest.raises(BrokenError, match="there is no event in it"):
        verify(packed(whole.with_name("nothing.zip"), {**files, **nothing}), [KEY])


def test_what_a_terminal_would_obey_is_shown_and_not_said() -> None:
    name = "\x1b[2Ksigned\x9b1A"
    key = Key(name, OURS.keys[0].public)

    assert BrokenError(name, "x").where == r"\x1b[2Ksigned\x9b1A"
    with pytest.raises(NoBundleError, match="a key does not belong to its id"):
        read_key(str(key))


def test_a_line_without_an_end_is_not_read_to_it(whole: Path) -> None:
    files = contents(whole)
    files["events.ndjson"] = b"a" * ((1 << 26) + (1 << 21))

    with pytest.raises(BrokenError, match=r"events.ndjson: a line is too long"):
        verify(packed(whole.with_name("bomb.zip"), files), [KEY])


def test_an_archive_of_something_else_is_no_bundle(tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "")

    with pytest.raises(NoBundleError, match=r"it has no manifest\.json"):
        verify(path, [KEY])


def test_a_key_of_another_log_opens_nothing(whole: Path) -> None:
    foreign = Key("elsewhere.example/log", OURS.keys[0].public)

    with pytest.raises(BrokenError, match="no trusted key has signed it"):
        verify(whole, [str(foreign)])


@pytest.mark.parametrize(
    "text",
    [
        "reports.example/log+00000000+" + KEY.split("+", 2)[2],
        "+".join(KEY.split("+", 2)[:2]) + "+" + base64.b64encode(b"\x02" + bytes(32)).decode(),
        "+" + KEY.split("+", 1)[1],
    ],
)
def test_a_key_that_is_none_is_told_apart(text: str) -> None:
    with pytest.raises(NoBundleError, match="a key does not belong to its id"):
        read_key(text)


def signed(text: str) -> str:
    """The text with a signature below it."""
    return f"{text}\n\n\u2014 reports.example/log {base64.b64encode(bytes(68)).decode()}\n"


HASH = base64.b64encode(ROOT).decode()
GOOD = f"reports.example/log\n6\n{HASH}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "it is no checkpoint"),
        (signed("reports.example/log\n6"), "it is no checkpoint"),
        (signed(f"reports.example/log\nsix\n{HASH}"), "its size is malformed"),
        (signed(f"reports.example/log\n06\n{HASH}"), "its size is malformed"),
        (signed(f"reports.example/log\n{'9' * 19}\n{HASH}"), "its size is malformed"),
        (signed("reports.example/log\n6\nAAAA"), "it is no checkpoint"),
        (signed(f"{GOOD}\nnext {HASH}"), "its fourth line is unknown"),
        (f"{GOOD}\n\n", "it has no signatures"),
        (f"{GOOD}\n\n\u2014 log AAAA", "it has no signatures"),
        (f"{GOOD}\n\n- log AAAAAAAA\n", "a signature is malformed"),
        (f"{GOOD}\n\n\u2014 log AAAA\n", "a signature is malformed"),
        (f"{GOOD}\n\n\u2014 log\n", "it is no checkpoint"),
        (f"{GOOD}\n\n\u2014 log !!\n", "it is no checkpoint"),
    ],
)
def test_a_note_that_is_none_is_told_apart(text: str, expected: str) -> None:
    with pytest.raises(BrokenError, match=f"here: {expected}"):
        read_checkpoint(text, "here")


def test_a_signature_over_the_note_of_another_log_does_not_count() -> None:
    other = Checkpoint(origin="elsewhere.example/log", size=6, root=ROOT)
    found = read_checkpoint(OURS.sign(other), "here")

    with pytest.raises(BrokenError, match="it is of another log than its key"):
        signed_by(found, [read_key(KEY)], "here")


def test_a_signature_that_was_made_up_does_not_count() -> None:
    key = OURS.keys[0]
    found = read_checkpoint(
        note(Checkpoint(origin=key.name, size=6, root=ROOT), key, bytes(64)), "here"
    )

    with pytest.raises(BrokenError, match="its signature is wrong"):
        signed_by(found, [read_key(KEY)], "here")


def test_proofs_of_the_wrong_length_prove_nothing() -> None:
    leaf = hashlib.sha256(b"leaf").digest()
    alone = hashlib.sha256(b"\x00" + leaf).digest()

    assert included(leaf, 0, 1, [], alone)
    assert not included(leaf, 1, 1, [], alone)
    assert not included(leaf, -1, 1, [], alone)
    assert not included(leaf, 0, 1, [ROOT], alone)
    assert not included(leaf, 0, 2, [], alone)
    assert not consistent(1, ROOT, 1, ROOT, [])
    assert not consistent(0, ROOT, 1, ROOT, [ROOT])
    assert not consistent(3, ROOT, 7, ROOT, [])
    assert not consistent(1, ROOT, 2, ROOT, [ROOT, ROOT, ROOT])


@pytest.mark.parametrize("held", ["", "no checkpoint\n", signed(GOOD)])
def test_a_checkpoint_that_one_holds_and_that_is_none_passes_nothing(
    orders_log: Log, whole: Path, held: str
) -> None:
    assert orders_log

    with pytest.raises(BrokenError, match="the checkpoint you hold: "):
        verify(whole, [KEY], held=held)


def test_a_bundle_signed_by_somebody_else_is_refused(orders_log: Log, tmp_path: Path) -> None:
    write(orders_log.engine, "order-x", 3)
    seal_all(orders_log.engine)
    theirs = type(OURS)("reports.example/log", [TWO])
    assert sign(orders_log.engine, theirs, Folder(Disk(tmp_path / "blobs")))
    with (tmp_path / "all.zip").open("wb") as file:
        export(orders_log.engine, file, WholeLog())

    with pytest.raises(BrokenError, match="no trusted key has signed it"):
        verify(tmp_path / "all.zip", [KEY])


def test_nothing_is_written_of_an_order_that_never_was(orders_log: Log, tmp_path: Path) -> None:
    write(orders_log.engine, "order-x", 3)
    seal_all(orders_log.engine)
    assert sign(orders_log.engine, OURS, Folder(Disk(tmp_path / "blobs")))

    for name in ("", "x", "order-x", "00000000-0000-0000-0000-000000000000", "'; drop table"):
        with (
            (tmp_path / "none.zip").open("wb") as file,
            pytest.raises(NotFound, match="there is no order"),
        ):
            export(orders_log.engine, file, OfOrder(name))
