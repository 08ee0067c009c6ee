"""The auditor's bundle: verified without us, and never passed once anything in it was changed."""

import base64
import hashlib
import io
import json
import random
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from events.envelope import Cause
from events.errors import NotFound, Refused
from storage import checkpoints, readings
from storage.blobs import shelf
from storage.bundle import export as bundle
from storage.bundle.scope import NotSigned, OfOrder, Positions, Scope, WholeLog
from storage.bundle.verify import BrokenError, NoBundleError, Verdict, verify
from storage.checkpoints import Folder, sign
from storage.database import connected
from storage.disk import Disk
from storage.event_log import append
from storage.payments import payment_stream
from storage.record import Log
from storage.sealer import seal_all
from storage.settings import Settings
from storage.signing import Signer
from tests.examples import ORDER, SUBJECT, paid, placed, started, written
from tests.forking import ledgerpress
from tests.integration.test_checkpoints import OURS, TWO
from tests.integration.test_sealer import META, fact, write

CAUSE = Cause(correlation="c-1", causation="evt_1", actor="test")
KEY = str(OURS.keys[0])


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(Disk(tmp_path / "blobs"))


@pytest.fixture
def log(orders_log: Log, folder: Folder) -> Log:
    """An order among others, with a refunded payment; three checkpoints."""
    write(orders_log.engine, "order-x", 300)
    checkpoint(orders_log, folder)
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    history = orders_log.record(history, [placed(), paid()], CAUSE)
    with connected(orders_log.engine) as connection:
        append(connection, payment_stream("default", "pi_example"), [fact()], META)
    checkpoint(orders_log, folder)
    orders_log.record(history, [started(), written("section-001", text="Ünïcødé </script>")], CAUSE)
    write(orders_log.engine, "order-y", 11)
    checkpoint(orders_log, folder)
    return orders_log


def checkpoint(log: Log, folder: Folder, by: Signer = OURS) -> None:
    seal_all(log.engine)
    assert sign(log.engine, by, folder)


def exported(log: Log, path: Path, scope: Scope, **more: Any) -> Path:
    with path.open("wb") as file:
        bundle.export(log.engine, file, scope, **more)
    return path


@pytest.fixture
def of_order(log: Log, tmp_path: Path) -> Path:
    return exported(log, tmp_path / "order.zip", OfOrder(ORDER))


@pytest.fixture
def of_all(log: Log, tmp_path: Path) -> Path:
    return exported(log, tmp_path / "all.zip", WholeLog())


def judged(path: Path, **given: Any) -> Verdict:
    return verify(path, given.pop("keys", [KEY]), **given)


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path: Path, files: dict[str, bytes]) -> Path:
    """The files as a bundle whose manifest has the right digests."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if name != "manifest.json"
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**files, "manifest.json": json.dumps(manifest).encode()}.items():
            archive.writestr(name, content)
    return path


def test_an_order_is_verified_with_its_payment_and_nothing_else(of_order: Path) -> None:
    verdict = judged(of_order)

    assert (verdict.kind, verdict.order) == ("order", ORDER)
    assert (verdict.events, verdict.streams, verdict.left_out) == (5, 2, 0)
    assert (verdict.first, verdict.last, verdict.size) == (301, 305, 316)
    assert verdict.key == KEY


def test_the_whole_log_is_verified_without_a_proof_for_each_event(of_all: Path) -> None:
    verdict = judged(of_all)

    assert (verdict.kind, verdict.events, verdict.checkpoints) == ("log", 316, 3)
    assert json.loads(contents(of_all)["proofs.json"]) == {"inclusion": {}, "consistency": []}


def test_a_range_is_verified(log: Log, tmp_path: Path) -> None:
    verdict = judged(exported(log, tmp_path / "range.zip", Positions(299, 304)))

    assert (verdict.first, verdict.last, verdict.events) == (299, 304, 6)


def test_no_personal_data_and_no_secret_are_in_a_bundle(of_order: Path, of_all: Path) -> None:
    for path in (of_order, of_all):
        everything = b"".join(contents(path).values())
        for secret in (b"jenny", b"Jenny", "Ünïcødé".encode(), b"1990-05-17"):
            assert secret not in everything


def test_the_exact_bytes_are_in_it(of_order: Path, log: Log) -> None:
    rows = [json.loads(line) for line in contents(of_order)["events.ndjson"].splitlines()]

    links = log.links(ORDER)
    mine = [row for row in rows if row["stream"] == f"order-{ORDER}"]
    assert [(row["data"], row["meta"]) for row in mine] == [
        (each.data, each.meta) for each in links
    ]
    assert [row["hash"] for row in mine] == [each.hash.hex() for each in links]


def test_the_same_bundle_is_the_same_file(log: Log, tmp_path: Path) -> None:
    one = exported(log, tmp_path / "one.zip", OfOrder(ORDER)).read_bytes()

    assert exported(log, tmp_path / "two.zip", OfOrder(ORDER)).read_bytes() == one


def test_what_is_newer_than_the_last_checkpoint_is_left_out_and_counted(
    log: Log, tmp_path: Path
) -> None:
    log.record(log.read(ORDER), [written("section-002")], CAUSE)

    verdict = judged(exported(log, tmp_path / "order.zip", OfOrder(ORDER)))

    assert (verdict.events, verdict.left_out) == (5, 1)


def test_an_order_that_is_not_signed_yet_must_wait(orders_log: Log, folder: Folder) -> None:
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    orders_log.record(history, [placed()], CAUSE)

    with pytest.raises(NotSigned):
        bundle.export(orders_log.engine, io.BytesIO(), OfOrder(ORDER))
    write(orders_log.engine, "order-x")
    checkpoint(orders_log, folder)
    with pytest.raises(NotFound):
        bundle.export(orders_log.engine, io.BytesIO(), OfOrder(str(uuid.uuid4())))
    with pytest.raises(Refused):
        bundle.export(orders_log.engine, io.BytesIO(), Positions(5, 4))
    with pytest.raises(NotSigned):
        bundle.export(orders_log.engine, io.BytesIO(), Positions(1, 400))


# Whom to trust.


def test_nothing_counts_without_a_key_that_is_trusted(of_order: Path) -> None:
    with pytest.raises(NoBundleError, match="--trust-included"):
        judged(of_order, keys=[])
    stranger = str(Signer("reports.example/log", [TWO]).keys[0])
    with pytest.raises(BrokenError, match="no trusted key has signed it"):
        judged(of_order, keys=[stranger])
    assert judged(of_order, keys=[], trust_included=True).key == KEY
    with pytest.raises(NoBundleError):
        judged(of_order, keys=["nonsense"])


def test_after_a_change_of_keys_the_new_one_is_enough(
    log: Log, folder: Folder, tmp_path: Path
) -> None:
    both = Signer("reports.example/log", [TWO, hashlib.sha256(b"one").digest()])
    write(log.engine, "order-z")
    checkpoint(log, folder, both)

    for scope in (OfOrder(ORDER), WholeLog()):
        path = exported(log, tmp_path / "bundle.zip", scope)
        assert judged(path, keys=[str(both.keys[0])]).checkpoints == 4
        with pytest.raises(BrokenError, match="no trusted key"):
            judged(path, keys=[KEY])


def test_a_checkpoint_that_the_auditor_kept_must_be_in_it(
    log: Log, folder: Folder, tmp_path: Path
) -> None:
    with connected(log.engine) as connection:
        first, _, third = checkpoints.read(connection)
    for number in range(12):
        write(log.engine, f"order-{number}")
        checkpoint(log, folder)
    path = exported(log, tmp_path / "order.zip", OfOrder(ORDER))
    older = exported(log, tmp_path / "older.zip", OfOrder(ORDER), with_checkpoints=[first.size])

    with pytest.raises(BrokenError, match="lacks it"):
        judged(path, held=first.text)
    assert judged(older, held=first.text).checkpoints == 11
    forged = third.text.replace(third.text.splitlines()[2], first.text.splitlines()[2])
    with pytest.raises(BrokenError, match="wrong"):
        judged(older, held=forged)


def test_a_held_checkpoint_counts_only_if_it_was_signed_and_is_the_same(
    log: Log, of_order: Path
) -> None:
    with connected(log.engine) as connection:
        latest = checkpoints.latest(connection)[0].note.checkpoint
    stranger = Signer(OURS.origin, [TWO]).sign(latest)
    other = OURS.sign(replace(latest, root=hashlib.sha256(b"another past").digest()))

    with pytest.raises(BrokenError, match="the checkpoint you hold: no trusted key"):
        judged(of_order, held=stranger)
    with pytest.raises(BrokenError, match="the checkpoint you hold: the bundle has another one"):
        judged(of_order, held=other)


def test_a_bundle_older_than_the_checkpoint_that_is_held_is_refused(
    log: Log, of_order: Path, folder: Folder
) -> None:
    write(log.engine, "order-z")
    checkpoint(log, folder)
    with connected(log.engine) as connection:
        held = checkpoints.latest(connection)[0].text

    with pytest.raises(BrokenError, match="ask for a new one"):
        judged(of_order, held=held)


# What was changed.


def changed(row: int, **values: Any) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        rows = [json.loads(line) for line in files["events.ndjson"].splitlines()]
        rows[row].update(values)
        files["events.ndjson"] = b"".join(json.dumps(each).encode() + b"\n" for each in rows)

    return change


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[dict[str, bytes]], None]:
    def edit(files: dict[str, bytes]) -> None:
        rows = files["events.ndjson"].splitlines(keepends=True)
        files["events.ndjson"] = b"".join(change(rows))

    return edit


def manifest(**values: Any) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files["manifest.json"] = json.dumps(
            {**json.loads(files["manifest.json"]), **values}
        ).encode()

    return change


def put(name: str, content: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.update({name: content})


def checkpoint_changed(files: dict[str, bytes]) -> None:
    name = max(name for name in files if name.startswith("checkpoints/"))
    files[name] = files[name].replace(b"reports.example/log\n316", b"reports.example/log\n315")


def renamed_checkpoint(files: dict[str, bytes]) -> None:
    name = max(name for name in files if name.startswith("checkpoints/"))
    files[f"checkpoints/{999:020}.txt"] = files.pop(name)


def proofs_changed(files: dict[str, bytes]) -> None:
    proofs = json.loads(files["proofs.json"])
    proofs["inclusion"]["303"][0] = base64.b64encode(b"x" * 32).decode()
    files["proofs.json"] = json.dumps(proofs).encode()


def consistency_changed(files: dict[str, bytes]) -> None:
    proofs = json.loads(files["proofs.json"])
    proofs["consistency"] = proofs["consistency"][1:]
    files["proofs.json"] = json.dumps(proofs).encode()


def unsigned(files: dict[str, bytes]) -> None:
    for name in [name for name in files if name.startswith("checkpoints/")]:
        del files[name]


BROKEN: list[tuple[Any, str]] = [
    (changed(1, data="{}"), "line 2: the hash of order-.* version 2"),
    (changed(2, type="x"), "line 3: the hash of payment-"),
    (changed(1, version=7), "line 2: the hash"),
    (changed(0, position=302), "line 1: nothing proves"),
    (changed(0, position="301"), "line 1: its position"),
    (changed(0, extra=1), "line 1: this is no event"),
    (changed(0, recorded_at="2026-11-21"), "line 1: its time is malformed"),
    (changed(0, id="x"), "line 1: an id or a hash is malformed"),
    (changed(0, schema=True), "line 1: its schema or its fence is no number"),
    (changed(0, fence=-1), "line 1: its schema or its fence is no number"),
    (
        lines(lambda rows: [rows[0].replace(b'"data":', b'"data":"{}","data":'), *rows[1:]]),
        "line 1: it cannot",
    ),
    (changed(0, schema=10**9), "line 1: it cannot be read"),
    (changed(0, data=None), "line 1: it cannot be read"),
    (lines(lambda rows: rows[1:]), "line 1: version 1 of order-.* is missing"),
    (lines(lambda rows: [rows[0], *rows[2:]]), "version 2 of order-.* is missing"),
    (lines(lambda rows: rows[:-1]), "it has 4 events; the manifest promises 5"),
    (lines(lambda rows: [*rows, rows[-1]]), "line 6: version 5"),
    (lines(lambda rows: [*rows[:-1], rows[-1][:-9]]), "last line is cut"),
    (lines(lambda _: []), "it has 0 events"),
    (lines(lambda rows: [b"[" * 100_000 + b"\n", *rows]), "line 1: it cannot be read"),
    (lines(lambda rows: [b'{"a":' + b"9" * 5000 + b"}\n", *rows]), "line 1: it cannot be read"),
    (unsigned, "checkpoints: there are none: nothing in here was signed"),
    (checkpoint_changed, "checkpoints/.*: "),
    (renamed_checkpoint, "checkpoints/.*: its name is not its size"),
    (proofs_changed, "line 4: nothing proves|line 3: nothing proves"),
    (consistency_changed, "proofs.json: it does not prove that the log"),
    (put("proofs.json", b"{}"), "proofs.json: it cannot be read"),
    (put("proofs.json", b"\xff"), "proofs.json: it cannot be read"),
    (put("keys.json", b"[]"), "keys.json: it cannot be read"),
    (put("keys.json", b'{"keys":["x"]}'), "keys.json: a key must look like"),
    (put("checkpoints/x.txt", b"hello"), "manifest.json: checkpoints/x.txt is no part of a bundle"),
    (put("../verdict.txt", b"sound"), r"manifest.json: ../verdict.txt is no part of a bundle"),
    (put("\x1b[2Jsound", b""), r"manifest.json: \\x1b\[2Jsound is no part of a bundle"),
    (manifest(version=2), "its version is 2; this verifier knows 1"),
    (manifest(kind="poem"), "its kind is unknown"),
    (manifest(kind="log"), "checkpoints/.*: it does not follow|events.ndjson"),
    (manifest(kind="range"), "events.ndjson"),
    (manifest(order=str(uuid.uuid4())), "it has no event of the order"),
    (manifest(streams=[f"order-{ORDER}"]), "a stream in the manifest is missing"),
    (manifest(events=-1), "events is no number"),
    (manifest(left_out="x"), "left_out is no number"),
]


@pytest.mark.parametrize(("change", "expected"), BROKEN, ids=[str(i) for i in range(len(BROKEN))])
def test_whatever_was_changed_is_found_and_named(
    change: Callable[[dict[str, bytes]], None], expected: str, of_order: Path, tmp_path: Path
) -> None:
    files = contents(of_order)
    change(files)

    with pytest.raises(BrokenError, match=expected):
        judged(packed(tmp_path / "changed.zip", files))


@pytest.mark.parametrize("name", ["index.html", "verify.py", "keys.json", "events.ndjson"])
def test_a_file_that_is_not_the_one_in_the_manifest_is_found(
    name: str, of_order: Path, tmp_path: Path
) -> None:
    files = contents(of_order)
    files[name] = files[name].replace(b"\n", b" \n", 1) if name != "keys.json" else b'{"keys": []}'
    path = tmp_path / "changed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in files.items():
            archive.writestr(each, content)

    with pytest.raises(BrokenError, match=f"{name}.*it is not the file in the manifest"):
        judged(path)


@pytest.mark.parametrize("more", [True, False])
def test_a_file_more_or_less_than_in_the_manifest_is_found(
    *, more: bool, of_order: Path, tmp_path: Path
) -> None:
    files = contents(of_order)
    if more:
        files["more.txt"] = b""
    else:
        del files["index.html"]
    path = tmp_path / "changed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in files.items():
            archive.writestr(each, content)

    with pytest.raises(BrokenError, match="does not list what is there"):
        judged(path)


def test_a_file_too_large_to_be_read_at_once_is_refused(of_order: Path, tmp_path: Path) -> None:
    files = contents(of_order)
    files["proofs.json"] = b" " * ((1 << 26) + 1)
    path = packed(tmp_path / "bomb.zip", files)

    with pytest.raises(BrokenError, match=r"proofs.json: it is too large"):
        judged(path)


def test_in_the_whole_log_no_checkpoint_can_be_left_out(of_all: Path, tmp_path: Path) -> None:
    files = contents(of_all)
    names = sorted(name for name in files if name.startswith("checkpoints/"))
    for name in names[:2]:
        fewer = {each: content for each, content in files.items() if each != name}

        with pytest.raises(BrokenError, match="it does not follow from the one before"):
            judged(packed(tmp_path / "changed.zip", fewer))


def test_the_whole_log_with_a_stream_left_out_is_found(of_all: Path, tmp_path: Path) -> None:
    files = contents(of_all)
    rows = files["events.ndjson"].splitlines(keepends=True)
    left = [row for row in rows if b'"stream":"payment-' not in row]
    files["events.ndjson"] = b"".join(left)
    manifest(events=len(left))(files)

    with pytest.raises(BrokenError, match="position 303 is missing"):
        judged(packed(tmp_path / "changed.zip", files))


def test_what_belongs_to_another_order_is_found(log: Log, tmp_path: Path) -> None:
    """Each event of it is in the log: a stranger's refund, say, would be read as this order's."""
    other = "00000000-0000-4000-8000-000000000099"
    strange = placed(session="cs_2", intent="pi_2", tenant="default")
    log.record(log.begin(other, uuid.UUID(SUBJECT)), [strange, paid()], CAUSE)
    with connected(log.engine) as connection:
        append(connection, payment_stream("default", "pi_2"), [fact()], META)
    seal_all(log.engine)
    assert sign(log.engine, OURS, Folder(Disk(tmp_path / "blobs")))
    files = contents(exported(log, tmp_path / "order.zip", OfOrder(ORDER)))
    theirs = contents(exported(log, tmp_path / "other.zip", OfOrder(other)))
    proofs, said = json.loads(files["proofs.json"]), json.loads(files["manifest.json"])
    proofs["inclusion"] |= json.loads(theirs["proofs.json"])["inclusion"]
    files["proofs.json"] = json.dumps(proofs).encode()
    for stream in (payment_stream("default", "pi_2"), f"order-{other}"):
        rows = theirs["events.ndjson"].splitlines(keepends=True)
        added = [row for row in rows if json.loads(row)["stream"] == stream]
        mixed = {**files, "events.ndjson": files["events.ndjson"] + b"".join(added)}
        count = said["events"] + len(added)
        manifest(events=count, streams=[*said["streams"], stream])(mixed)

        with pytest.raises(BrokenError, match=f"{stream} does not belong to the order"):
            judged(packed(tmp_path / "mixed.zip", mixed))


def test_no_single_byte_can_be_changed_without_notice(of_order: Path, tmp_path: Path) -> None:
    whole, chance = of_order.read_bytes(), random.Random(11)
    sound = judged(of_order)
    path = tmp_path / "changed.zip"
    for _ in range(250):
        at = chance.randrange(len(whole))
        path.write_bytes(
            whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :]
        )

        # Archives say some things that nobody reads: then all that is read is as it was.
        try:
            assert judged(path) == sound
            assert contents(path) == contents(of_order)
        except (BrokenError, NoBundleError):
            pass


def test_no_beginning_of_a_bundle_is_one(of_order: Path, tmp_path: Path) -> None:
    whole, path = of_order.read_bytes(), tmp_path / "cut.zip"
    for size in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:size])

        with pytest.raises((BrokenError, NoBundleError)):
            judged(path)


def test_what_is_no_bundle_is_told_apart(tmp_path: Path) -> None:
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("manifest.json", "{}")
    empty = tmp_path / "empty.zip"
    empty.write_bytes(b"")

    for path in (other, empty, tmp_path, tmp_path / "missing.zip", Path(__file__)):
        with pytest.raises(NoBundleError):
            judged(path)


def test_a_file_that_is_there_twice_is_found(of_order: Path, tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    path.write_bytes(of_order.read_bytes())
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(path, "a") as archive,
    ):
        archive.writestr("events.ndjson", "")

    with pytest.raises(BrokenError, match="twice"):
        judged(path)


# By hand, and on the command line.


def test_the_verifier_in_the_bundle_needs_nothing_of_ours(of_order: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(of_order) as archive:
        archive.extract("verify.py", tmp_path)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(tmp_path / "verify.py"), str(of_order), *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    sound = run("--key", KEY)
    assert (sound.returncode, sound.stderr) == (0, "")
    assert sound.stdout.startswith("sound: 5 events, positions 301 to 305")
    assert f"\nof order {ORDER}\n" in sound.stdout
    assert run("--trust-included").returncode == 0
    assert run().returncode == 2
    of_order.write_bytes(packed(of_order, {**contents(of_order), "keys.json": b"[]"}).read_bytes())
    assert run("--key", KEY).returncode == 6


def test_the_command_line_from_the_order_to_the_verdict(
    log: Log, environment: dict[str, str], settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "cwd").mkdir()

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return ledgerpress(
            "audit", *arguments, folder=tmp_path / "cwd", environment={**environment, **more}
        )

    write(log.engine, "order-z")
    foreign = run("checkpoint")
    assert foreign.returncode == 6
    assert "SIGNING_KEY" in foreign.stderr

    theirs = base64.b64encode(hashlib.sha256(b"one").digest()).decode()
    address = {"PUBLIC_URL": "https://reports.example", "SIGNING_KEY": theirs}
    signed = run("checkpoint", "--json", **address)
    assert json.loads(signed.stdout)["signed"] is True, signed.stderr
    assert json.loads(signed.stdout)["keys"] == [KEY]
    assert Folder(shelf(settings.blob_url)).newest() == 317

    assert run("export", ORDER, "-o", "o.zip", **address).returncode == 0
    assert run("export", "--all", **address).returncode == 0
    assert run("export", "--from", "2", "--to", "9", "-o", "r.zip", **address).returncode == 0
    assert [each.what for each in readings.of_order(log.engine, ORDER)] == ["bundle"]
    assert run("export", str(uuid.uuid4()), **address).returncode == 3
    assert run("export", **address).returncode == 2
    assert sorted(each.name for each in (tmp_path / "cwd").iterdir()) == [
        "ledgerpress-log.zip",
        "o.zip",
        "r.zip",
    ]
    for name in ("ledgerpress-log.zip", "o.zip", "r.zip"):
        found = run("verify", name, "--key", KEY)
        assert (found.returncode, found.stderr) == (0, "")
        assert found.stdout.startswith("sound: ")
    assert run("verify", "o.zip").returncode == 2
    whole = run("verify", "--json", **address)
    assert (whole.returncode, json.loads(whole.stdout)["sound"]) == (0, True)
    assert run("verify", "--key", KEY, SIGNING_KEY="").returncode == 0
    assert run("verify", "--trust-included", SIGNING_KEY="").returncode == 0
    assert run("verify", SIGNING_KEY="").returncode == 2

    (tmp_path / "cwd" / "o.zip").write_bytes(b"PK")
    assert run("verify", "o.zip", "--key", KEY).returncode == 2


@pytest.mark.usefixtures("log")
def test_a_fault_in_the_database_ends_the_command_with_6_and_its_name(
    environment: dict[str, str], database: str, tmp_path: Path
) -> None:
    with psycopg.connect(database, autocommit=True) as superuser:
        superuser.execute("alter table ledgerpress.events disable trigger all")
        superuser.execute("update ledgerpress.events set data = '{}' where version = 2")

    found = ledgerpress("audit", "verify", "--key", KEY, folder=tmp_path, environment=environment)

    assert found.returncode == 6
    assert found.stdout.startswith("order-x version 2, position 2: its hash is not")
    assert "next: " in found.stderr


@pytest.mark.usefixtures("log")
def test_who_names_a_key_wants_a_checkpoint_that_it_has_signed(
    environment: dict[str, str], database: str, tmp_path: Path
) -> None:
    words = ["audit", "verify", "--key", KEY]
    assert ledgerpress(*words, folder=tmp_path, environment=environment).returncode == 0
    with psycopg.connect(database, autocommit=True) as superuser:
        superuser.execute("alter table ledgerpress.checkpoints disable trigger all")
        superuser.execute("delete from ledgerpress.checkpoints")

    found = ledgerpress(*words, folder=tmp_path, environment=environment)

    assert (found.returncode, found.stdout) == (
        6,
        "the checkpoints: there are none: nothing was signed\n",
    )


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("words", [["verify", "--trust-included"], ["export", ORDER]])
@pytest.mark.parametrize(
    ("attack", "what"),
    [
        ("insert into signing_keys values ('mine')", "a signing key"),
        ("update checkpoints set recorded_at = 'infinity'", "a checkpoint"),
    ],
)
def test_what_cannot_be_read_in_the_database_ends_the_command_with_6(
    *,
    attack: str,
    what: str,
    words: list[str],
    environment: dict[str, str],
    database: str,
    tmp_path: Path,
) -> None:
    with psycopg.connect(database, autocommit=True) as superuser:
        superuser.execute("set search_path = ledgerpress")
        superuser.execute("alter table checkpoints disable trigger all")
        superuser.execute(attack.encode())

    found = ledgerpress("audit", *words, folder=tmp_path, environment=environment)

    assert found.returncode == 6
    if words[0] == "export" or "key" in what:
        assert found.stderr.startswith(f"{what} in the database cannot be read: ")
    assert "next: " in found.stderr
