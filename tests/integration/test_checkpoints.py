"""Checkpoints: signed when the log has grown, each going on from the one before, and published outside."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from actors import sealing
from events.checkpoint import Checkpoint, read_note
from events.errors import Conflict
from events.merkle import Tree
from storage import checkpoints, sealed
from storage.checkpoints import Folder, Forked, file_of, publish, sign
from storage.database import connect, connected
from storage.disk import Disk
from storage.record import Log
from storage.sealer import seal_all
from storage.settings import Settings, read_from
from storage.signing import Signer, signed_by, signer
from tests.integration.test_sealer import write
from tests.waiting import until

ONE, TWO = (hashlib.sha256(each).digest() for each in (b"one", b"two"))
OURS = Signer("reports.example/log", [ONE])


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = connect(database)
    yield engine
    engine.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(Disk(tmp_path))


def grow(engine: Engine, count: int = 3) -> None:
    write(engine, "order-a", count)
    seal_all(engine)


def kept(engine: Engine) -> list[checkpoints.Kept]:
    with connected(engine) as connection:
        return checkpoints.read(connection)


def test_a_checkpoint_tells_of_all_that_is_sealed(engine: Engine, folder: Folder) -> None:
    grow(engine)

    assert sign(engine, OURS, folder)

    (found,) = kept(engine)
    with connected(engine) as connection:
        leaves = [each.link.hash for each in sealed.read(connection)]
    assert found.note.checkpoint.size == 3
    assert found.note.checkpoint.root == Tree().grown(leaves).root
    assert signed_by(found.note, OURS.keys)


def test_an_empty_log_and_one_that_has_not_grown_are_not_signed(
    engine: Engine, folder: Folder
) -> None:
    assert not sign(engine, OURS, folder)
    grow(engine)
    assert sign(engine, OURS, folder)
    assert not sign(engine, OURS, folder)


def test_each_checkpoint_names_the_one_before(engine: Engine, folder: Folder) -> None:
    for _ in range(3):
        grow(engine)
        sign(engine, OURS, folder)

    first, second, third = (each.note for each in kept(engine))
    assert first.checkpoint.previous is None
    assert second.checkpoint.previous == first.digest
    assert third.checkpoint.previous == second.digest


def test_not_more_often_than_asked_however_many_keepers_there_are(
    engine: Engine, folder: Folder
) -> None:
    grow(engine)
    assert sign(engine, OURS, folder, seconds=60)
    grow(engine)

    assert not sign(engine, OURS, folder, seconds=60)
    assert len(kept(engine)) == 1


def test_every_checkpoint_is_published_and_none_twice(engine: Engine, folder: Folder) -> None:
    grow(engine)
    sign(engine, OURS, folder)
    assert publish(engine, folder) == 1
    for _ in range(2):
        grow(engine)
        sign(engine, OURS, folder)

    assert publish(engine, folder) == 2
    assert publish(engine, folder) == 0
    assert [folder.get(size) for size in folder.sizes()] == [each.text for each in kept(engine)]


def test_while_a_key_is_changed_both_are_made_known_and_the_first_signs(
    engine: Engine, folder: Folder
) -> None:
    grow(engine)
    sign(engine, OURS, folder)
    grow(engine)
    both = Signer("reports.example/log", [TWO, ONE])
    sign(engine, both, folder)
    grow(engine)
    new = Signer("reports.example/log", [TWO])
    sign(engine, new, folder)

    with connected(engine) as connection:
        assert set(checkpoints.keys(connection)) == set(both.keys)
    assert [signed_by(each.note, new.keys) for each in kept(engine)] == [None, *new.keys, *new.keys]


def test_an_unknown_signature_on_the_latest_checkpoint_stops_the_signing(
    engine: Engine, folder: Folder
) -> None:
    grow(engine)
    sign(engine, Signer("reports.example/log", [TWO]), folder)
    grow(engine)

    with pytest.raises(Forked, match="SIGNING_KEY"):
        sign(engine, OURS, folder)


def test_after_a_key_was_lost_a_person_lets_a_new_one_go_on(engine: Engine, folder: Folder) -> None:
    grow(engine)
    sign(engine, Signer("reports.example/log", [TWO]), folder)
    grow(engine)

    assert sign(engine, OURS, folder, key_was_lost=True)
    grow(engine)
    assert sign(engine, OURS, folder)


def test_an_installation_that_moves_goes_on_under_its_new_address(
    engine: Engine, folder: Folder
) -> None:
    grow(engine)
    sign(engine, OURS, folder)
    grow(engine)

    assert sign(engine, Signer("moved.example/log", [ONE]), folder)


def test_a_log_that_was_rewritten_is_not_signed_again(
    engine: Engine, folder: Folder, database: str
) -> None:
    grow(engine)
    sign(engine, OURS, folder)
    owner = connect(database, role="ledgerpress_owner")
    with owner.connect() as connection:
        connection.execute(text("alter table events disable trigger never_changed"))
        connection.execute(text("update events set hash = sha256(hash)"))
    owner.dispose()
    grow(engine)

    with pytest.raises(Forked, match="does not go on"):
        sign(engine, OURS, folder)


def test_a_database_older_than_what_was_published_is_not_signed(
    engine: Engine, folder: Folder, tmp_path: Path
) -> None:
    grow(engine)
    other = Signer("reports.example/log", [ONE])
    sign(engine, other, folder)
    publish(engine, folder)
    (tmp_path / file_of(3)).rename(tmp_path / file_of(30))
    grow(engine)

    with pytest.raises(Forked, match="30"):
        sign(engine, OURS, folder)


def test_the_database_takes_no_checkpoint_that_does_not_follow(
    engine: Engine, folder: Folder
) -> None:
    grow(engine)
    sign(engine, OURS, folder)
    (first,) = kept(engine)
    grow(engine)
    told = first.note.checkpoint

    for size, previous in ((6, None), (6, ONE), (7, first.note.digest), (2, first.note.digest)):
        wrong = Checkpoint(origin=told.origin, size=size, root=told.root, previous=previous)
        with pytest.raises(Conflict):
            checkpoints._add(engine, OURS, wrong, 0)
    assert len(kept(engine)) == 1


def test_the_keeper_signs_and_publishes(
    engine: Engine, orders_log: Log, settings: Settings, tmp_path: Path
) -> None:
    stopping, outside = threading.Event(), Folder(Disk(tmp_path / "blobs"))
    thread = sealing.start(orders_log, settings, stopping)
    write(engine, "order-a", 3)
    until(outside.sizes)
    stopping.set()
    thread.join(60)

    size = outside.newest()
    ours = signer(settings)
    assert ours
    assert signed_by(read_note(outside.get(size)), ours.keys)
    assert [each.text for each in kept(engine)] == [outside.get(size)]


def test_without_a_key_nothing_is_signed_and_all_is_sealed(
    engine: Engine, orders_log: Log, environment: dict[str, str]
) -> None:
    stopping = threading.Event()
    settings = read_from({**environment, "SIGNING_KEY": ""})
    write(engine, "order-a", 3)
    thread = sealing.start(orders_log, settings, stopping)

    def all_sealed() -> bool:
        with connected(engine) as connection:
            return sealed.grown_tree(connection).size == 3

    # With a key it would also have signed, in its first round, in which it sealed.
    until(all_sealed)
    stopping.set()
    thread.join(60)

    assert signer(settings) is None
    assert not thread.is_alive()
    assert kept(engine) == []


def test_a_signing_key_is_32_bytes(environment: dict[str, str]) -> None:
    for wrong in ("x", base64.b64encode(b"short").decode()):
        with pytest.raises(Exception, match="SIGNING_KEY must be 32 random bytes"):
            read_from({**environment, "SIGNING_KEY": wrong})
