"""What an attacker with all rights over the database can do, and how it comes to light."""

import itertools
import re
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from events.checkpoint import Checkpoint, read_note
from events.errors import Unavailable
from events.merkle import Tiling
from storage import checkpoints, integrity
from storage.bundle.scope import OfOrder, WholeLog, plan
from storage.checkpoints import Folder, file_of, publish, sign
from storage.database import connect, connected
from storage.disk import Disk
from storage.record import Log
from storage.sealer import seal, seal_all
from storage.signing import Signer
from tests.examples import ORDER, SUBJECT, paid, placed
from tests.integration.test_bundle import CAUSE
from tests.integration.test_checkpoints import ONE, OURS, TWO
from tests.integration.test_sealer import write

PAYMENT = "payment-default/pi_1"


class Attacker:
    """The superuser of the database, who has switched every trigger off, and knows how hashes are made."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self.do("set search_path = ledgerpress")
        for table in ("events", "sealed", "tiles", "checkpoints", "signing_keys"):
            self.do(f"alter table {table} disable trigger all")

    def do(self, statement: str, *values: Any) -> None:
        self._connection.execute(statement.encode(), values or None)

    def ask(self, statement: str, *values: Any) -> Any:
        return self._connection.execute(statement.encode(), values or None).fetchall()

    def rechain(self, stream: str) -> None:
        """Make every hash of a stream follow from its content again, and the stream's own row."""
        self.do(
            """do $$ declare e events; h bytea := sha256(convert_to('%s', 'UTF8'));
               begin
                 for e in select * from events where stream = '%s' order by version loop
                   update events set previous = h, hash = event_hash(h, stream, version, event_id,
                       type, schema, recorded_at, fence, data::text, meta::text)
                     where seq = e.seq returning hash into h;
                   update streams set head = h, version = e.version where stream = e.stream;
                 end loop;
               end $$""".replace("%s", stream)
        )

    def regrow(self) -> None:
        """Make the tree and its tiles anew from what is there now."""
        tiling = Tiling()
        self.do("delete from tiles")
        for (leaf,) in self.ask(
            "select hash from sealed join events using (seq) order by position"
        ):
            for level, index, root in tiling.add(leaf):
                self.do("insert into tiles values (%s, %s, %s)", level, index, root)
        tree = tiling.tree
        self.do("update tree set size = %s, peaks = %s", tree.size, list(tree.peaks))

    def renumber(self) -> None:
        """Close the holes that were left in the positions."""
        self.do(
            """create temp table now_sealed as
               select row_number() over (order by position) as position, seq from sealed"""
        )
        self.do("delete from sealed")
        self.do("insert into sealed select * from now_sealed")

    def resign(self, seed: bytes) -> None:
        """Make every checkpoint anew over what is there now."""
        signer, before = Signer("reports.example/log", [seed]), None
        sizes = [size for (size,) in self.ask("select size from checkpoints order by size")]
        leaves = self.ask("select hash from sealed join events using (seq) order by position")
        tiling = Tiling()
        self.do("delete from checkpoints")
        for size, (leaf,) in enumerate(leaves, start=1):
            tiling.add(leaf)
            if size not in sizes and size != len(leaves):
                continue
            note = signer.sign(
                Checkpoint(origin=signer.origin, size=size, root=tiling.tree.root, previous=before)
            )
            digest = read_note(note).digest
            self.do(
                """insert into checkpoints (size, root, note, digest, previous)
                   values (%s, %s, %s, %s, %s)""",
                *(size, tiling.tree.root, note, digest, before),
            )
            before = digest

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = connect(database)
    yield engine
    engine.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(Disk(tmp_path))


@pytest.fixture
def attacker(database: str, log: None) -> Iterator[Attacker]:  # noqa: ARG001 - there is a log first
    attacker = Attacker(database)
    yield attacker
    attacker.close()


@pytest.fixture
def log(engine: Engine, folder: Folder) -> None:
    """Some 300 events of several streams, payments' among them; three checkpoints, and events that are newer."""
    for count in (3, 250, 40):
        write(engine, "order-a", count // 2 + 1)
        write(engine, PAYMENT, 2)
        write(engine, "order-b", count // 2 + 1)
        write(engine, "order-c", 1)
        seal_all(engine)
        sign(engine, OURS, folder)
    publish(engine, folder)
    write(engine, "order-b", 2)
    seal_all(engine)
    write(engine, "order-c", 2)


def found(engine: Engine, folder: Folder, **given: Any) -> list[str]:
    report = integrity.verify(engine, OURS.keys, folder, **given)
    return [str(fault) for fault in report.faults]


@pytest.mark.usefixtures("log")
def test_a_log_that_nobody_touched_is_sound(engine: Engine, folder: Folder) -> None:
    report = integrity.verify(engine, OURS.keys, folder)

    assert report.faults == ()
    assert report.sealed == report.signed + 2
    assert report.events == report.sealed + 2
    assert (report.streams, report.checkpoints) == (4, 3)


def test_a_log_that_is_being_written_is_sound_at_any_moment(engine: Engine, folder: Folder) -> None:
    stopping = threading.Event()

    def go_on(number: int) -> None:
        while not stopping.is_set():
            write(engine, f"order-{number}", 3)
            if number == 0:
                seal(engine)
                if sign(engine, OURS, folder):
                    publish(engine, folder)

    def looks() -> Iterator[integrity.Report]:
        """At least a dozen, and until more is signed than at the first."""
        first = integrity.verify(engine, OURS.keys, folder)
        yield first
        for number in itertools.count(2):
            report = integrity.verify(engine, OURS.keys, folder)
            yield report
            if number >= 12 and report.signed > first.signed:
                return

    with ThreadPoolExecutor(3) as crowd:
        writers = [crowd.submit(go_on, number) for number in range(3)]
        try:
            assert [fault for report in looks() for fault in report.faults] == []
        finally:
            stopping.set()
    for writer in writers:
        writer.result()


def test_an_empty_log_is_sound(engine: Engine, folder: Folder) -> None:
    assert found(engine, folder) == []


def edit(attacker: Attacker) -> None:
    attacker.do(
        "update events set data = '{\"text\":\"y\"}' where stream = 'order-a' and version = 7"
    )


def edit_a_payment(attacker: Attacker) -> None:
    attacker.do("update events set type = 'x' where stream = %s and version = 3", PAYMENT)


def edit_the_time(attacker: Attacker) -> None:
    attacker.do(
        """update events set recorded_at = recorded_at + interval '1 microsecond'
           where stream = 'order-a' and version = 7"""
    )


def edit_and_rechain(attacker: Attacker) -> None:
    edit(attacker)
    attacker.rechain("order-a")


def edit_a_payment_and_rechain(attacker: Attacker) -> None:
    edit_a_payment(attacker)
    attacker.rechain(PAYMENT)
    attacker.regrow()


def delete_an_event(attacker: Attacker) -> None:
    attacker.do("delete from events where stream = 'order-a' and version = 7")


def delete_an_event_and_its_place(attacker: Attacker) -> None:
    attacker.do(
        """delete from sealed where seq = (
               select seq from events where stream = 'order-a' and version = 7)"""
    )
    delete_an_event(attacker)


def delete_the_last_event_of_a_stream_and_close_the_hole(attacker: Attacker) -> None:
    last = "select seq from events where stream = 'order-a' order by version desc limit 1"
    attacker.do(f"delete from sealed where seq = ({last})")
    attacker.do(f"delete from events where seq = ({last})")
    attacker.rechain("order-a")
    attacker.renumber()
    attacker.regrow()


def delete_a_stream(attacker: Attacker) -> None:
    attacker.do(
        "delete from sealed where seq in (select seq from events where stream = %s)", PAYMENT
    )
    attacker.do("delete from events where stream = %s", PAYMENT)
    attacker.do("delete from streams where stream = %s", PAYMENT)
    attacker.renumber()
    attacker.regrow()


FORGED = """insert into events (stream, version, event_id, type, schema, data, meta, recorded_at,
                                previous, hash)
            select stream, version + 1, gen_random_uuid(), type, schema, data, meta, recorded_at,
                   hash, hash from events where stream = '{}' order by version desc limit 1"""


def forge_an_event(attacker: Attacker) -> None:
    attacker.do(FORGED.format("order-a"))
    attacker.rechain("order-a")


def forge_unnoticed(attacker: Attacker, seq: int, stream: str = "order-a") -> None:
    """An event at the end of a stream, which its readers fold: chained rightly, and the stream's row untouched."""
    attacker.do("alter table events drop constraint events_seq_check")
    forged = FORGED.format(stream).replace("(stream", "(seq, stream", 1)
    forged = forged.replace(
        ")\n            select stream", f") overriding system value select {seq}, stream"
    )
    attacker.do(forged)
    attacker.do(
        """update events set hash = event_hash(previous, stream, version, event_id, type, schema,
               recorded_at, fence, data::text, meta::text) where seq = %s""",
        seq,
    )


def forge_an_event_below_the_first(attacker: Attacker) -> None:
    forge_unnoticed(attacker, -1)


def forge_an_event_at_no_position(attacker: Attacker, stream: str = "order-a") -> None:
    forge_unnoticed(attacker, 999_999, stream)
    attacker.do("alter table sealed drop constraint sealed_position_check")
    attacker.do("insert into sealed values (0, 999999)")


def forge_an_event_with_a_place(attacker: Attacker) -> None:
    forge_an_event(attacker)
    attacker.do("update sealed set position = position + 1000000 where position > 9")
    attacker.do("update sealed set position = position - 999999 where position > 1000000")
    attacker.do("insert into sealed select 10, max(seq) from events")
    attacker.regrow()


def swap_the_events_of_two_streams(attacker: Attacker) -> None:
    attacker.do("update events set stream = 'x' || stream where stream in ('order-a', 'order-b')")
    attacker.do("update events set stream = 'order-b' where stream = 'xorder-a'")
    attacker.do("update events set stream = 'order-a' where stream = 'xorder-b'")
    attacker.rechain("order-a")
    attacker.rechain("order-b")
    attacker.regrow()


def cut_the_tail(attacker: Attacker) -> None:
    """Back to the second checkpoint, with all that came after it."""
    (size,) = attacker.ask("select size from checkpoints order by size offset 1 limit 1")[0]
    attacker.do("delete from unsealed")
    attacker.do("delete from sealed where position > %s", size)
    attacker.do("delete from events where seq not in (select seq from sealed)")
    for stream in ("order-a", "order-b", "order-c", PAYMENT):
        attacker.rechain(stream)
    attacker.regrow()


def cut_the_tail_and_its_checkpoints(attacker: Attacker) -> None:
    cut_the_tail(attacker)
    attacker.do("delete from checkpoints where size > (select size from tree)")


def swap_two_positions(attacker: Attacker) -> None:
    attacker.do("update sealed set position = position + 9000 where position in (1, 300)")
    attacker.do("update sealed set position = 9301 - position where position > 9000")
    attacker.regrow()


def rewrite_everything(attacker: Attacker) -> None:
    edit(attacker)
    attacker.rechain("order-a")
    attacker.regrow()


def rewrite_everything_and_sign_with_a_key_of_ones_own(attacker: Attacker) -> None:
    rewrite_everything(attacker)
    attacker.resign(TWO)
    other = Signer("reports.example/log", [TWO])
    attacker.do("insert into signing_keys values (%s)", str(other.keys[0]))


def alter_a_checkpoint(attacker: Attacker) -> None:
    attacker.do("alter table checkpoints drop constraint checkpoints_check2")
    attacker.do("alter table checkpoints drop constraint checkpoints_check")
    attacker.do(
        """update checkpoints set note = replace(note, split_part(note, E'\\n', 3),
               encode(sha256('x'), 'base64')) where size = (select min(size) from checkpoints)"""
    )


def remove_a_checkpoint(attacker: Attacker) -> None:
    attacker.do("delete from checkpoints where size = (select min(size) from checkpoints)")


def alter_a_tile(attacker: Attacker) -> None:
    attacker.do("update tiles set hash = sha256(hash)")


def alter_the_tree(attacker: Attacker) -> None:
    attacker.do("update tree set peaks[1] = sha256('x')")


def hide_an_event_from_the_sealer(attacker: Attacker) -> None:
    attacker.do("delete from unsealed where seq = (select max(seq) from unsealed)")


def cut_the_newest_event_of_a_stream(attacker: Attacker) -> None:
    attacker.do("delete from unsealed where seq = (select max(seq) from unsealed)")
    attacker.do("delete from events where seq = (select max(seq) from events)")


def edit_and_hash_that_one_anew(attacker: Attacker) -> None:
    edit(attacker)
    attacker.do(
        """update events set hash = event_hash(previous, stream, version, event_id, type, schema,
               recorded_at, fence, data::text, meta::text)
           where stream = 'order-a' and version = 7"""
    )


def alter_what_stands_beside_a_checkpoint(attacker: Attacker) -> None:
    attacker.do("alter table checkpoints drop constraint checkpoints_check")
    attacker.do(
        """update checkpoints set digest = sha256('x')
           where size = (select min(size) from checkpoints)"""
    )


def add_a_tile(attacker: Attacker) -> None:
    attacker.do("insert into tiles values (1, 7, sha256('x'))")


def have_an_event_sealed_again(attacker: Attacker) -> None:
    attacker.do("insert into unsealed select seq from sealed where position = 5")


def remove_a_streams_own_row(attacker: Attacker) -> None:
    attacker.do("delete from streams where stream = 'order-a'")


def number_an_attempt_that_never_was(attacker: Attacker) -> None:
    """Without a fence an event has the hash that it would have with this one."""
    attacker.do("update events set fence = -1 where stream = 'order-a' and version = 7")


def alter_a_checkpoints_root_beside_its_note(attacker: Attacker) -> None:
    attacker.do("alter table checkpoints drop constraint checkpoints_check2")
    attacker.do("update checkpoints set root = sha256('x') where size = 7")


def add_a_checkpoint_without_a_size(attacker: Attacker) -> None:
    """The latest one, for whoever asks Postgres for the largest."""
    attacker.do("create table more as select * from checkpoints")
    attacker.do("update more set size = null, digest = 'x', previous = 'x' where size = 7")
    for constraint in ("pkey", "check", "check1", "check2", "check3"):
        attacker.do(f"alter table checkpoints drop constraint if exists checkpoints_{constraint}")
    attacker.do("alter table checkpoints alter size drop not null")
    attacker.do("insert into checkpoints select * from more where size is null")
    attacker.do("drop table more")


def put_off_the_next_checkpoint(attacker: Attacker) -> None:
    """What is newer than the last checkpoint can be rewritten: the attacker wants more time for that."""
    attacker.do(
        """update checkpoints set recorded_at = '9999-01-01'
           where size = (select max(size) from checkpoints)"""
    )


def tell_auditors_something_else(attacker: Attacker) -> None:
    edit(attacker)
    attacker.do("alter table events rename to altered")
    attacker.do(
        """create view events as select seq, stream, version, event_id, type, schema,
               case when current_user = 'ledgerpress_auditor' and stream = 'order-a' and version = 7
                   then '{"text":"x"}' else data end as data,
               meta, fence, recorded_at, previous, hash from altered"""
    )
    attacker.do("grant select on events to ledgerpress_app, ledgerpress_auditor")


def hide_a_forged_event_from_auditors(attacker: Attacker) -> None:
    forge_unnoticed(attacker, 999_999)
    attacker.do("alter table events enable row level security")
    attacker.do("create policy app on events to ledgerpress_app using (true)")
    attacker.do("create policy auditor on events to ledgerpress_auditor using (seq <> 999999)")


ATTACKS: list[tuple[Callable[[Attacker], None], str]] = [
    (edit, r"order-a version 7, position \d+: its hash is not that of its content"),
    (edit_a_payment, rf"{PAYMENT} version 3, position \d+: its hash is not"),
    (edit_the_time, r"order-a version 7, position \d+: its hash is not"),
    (
        edit_and_hash_that_one_anew,
        r"order-a version 8, position \d+: it does not follow from the event before it",
    ),
    (alter_what_stands_beside_a_checkpoint, r"checkpoint 7: its columns are not what the note"),
    (add_a_tile, r"the tiles: there are more or fewer"),
    (have_an_event_sealed_again, r"position 5: its event waits for a position all the same"),
    (remove_a_streams_own_row, r"order-a: it has events, and no row of its own"),
    (edit_and_rechain, r"positions 8 to \d+: they are not the events that the checkpoint"),
    (edit_a_payment_and_rechain, r"positions 8 to \d+: they are not the events"),
    (delete_an_event, r"position \d+: the event that had it is gone"),
    (delete_an_event_and_its_place, r"position \d+: it is missing"),
    (delete_the_last_event_of_a_stream_and_close_the_hole, r"positions \d+ to \d+: they are not"),
    (delete_a_stream, r"positions 1 to 7: they are not the events"),
    (forge_an_event, r"order-a version \d+: it has no position .* smuggled in"),
    (forge_an_event_below_the_first, r"order-a version \d+: it has no position .* smuggled in"),
    (forge_an_event_at_no_position, r"the log: 1 of its events are in no order of it: .* smuggled"),
    (forge_an_event_with_a_place, r"order-a version \d+, position 10: version \d+ should stand"),
    (swap_the_events_of_two_streams, r"positions 1 to 7: they are not the events"),
    (cut_the_tail, r"checkpoint \d+: the log ends at \d+: its end was cut off"),
    (cut_the_tail_and_its_checkpoints, r"checkpoint \d+: it was published, and the database has"),
    (swap_two_positions, r"order-\w version \d+, position 1: version 1 should stand here"),
    (rewrite_everything, r"positions 8 to \d+: they are not the events"),
    (
        rewrite_everything_and_sign_with_a_key_of_ones_own,
        r"checkpoint \d+: no trusted key has signed the latest one",
    ),
    (alter_a_checkpoint, r"checkpoint \d+: the signature of the checkpoint at \d+ is wrong"),
    (remove_a_checkpoint, r"checkpoint \d+: it does not follow from the checkpoint before it"),
    (alter_a_tile, r"positions 1 to 256: the kept root over them is not what they come to"),
    (alter_the_tree, r"the tree: its row is not what the sealed events come to"),
    (hide_an_event_from_the_sealer, r"order-c version \d+: it has no position"),
    (cut_the_newest_event_of_a_stream, r"order-c: it should end at version \d+, and ends at \d+"),
    (number_an_attempt_that_never_was, r"order-a version 7, position \d+: no attempt has such a"),
    (alter_a_checkpoints_root_beside_its_note, r"checkpoint 7: its columns are not what the note"),
    (add_a_checkpoint_without_a_size, r"the checkpoints: one of them has no size"),
    (put_off_the_next_checkpoint, r"checkpoint \d+: it was recorded in the future"),
    (tell_auditors_something_else, r"the table events: something else stands in its place"),
    (hide_a_forged_event_from_auditors, r"the table events: something else stands in its place"),
]


@pytest.mark.parametrize(("attack", "expected"), ATTACKS, ids=[a.__name__ for a, _ in ATTACKS])
def test_an_attack_comes_to_light(
    attack: Callable[[Attacker], None],
    expected: str,
    engine: Engine,
    folder: Folder,
    attacker: Attacker,
) -> None:
    attack(attacker)

    faults = found(engine, folder)

    assert faults
    assert re.match(expected, faults[0]), faults


def altered(column: str) -> str:
    return f"update events set {column} where stream = 'order-a' and version = 7"


@pytest.mark.parametrize(
    ("place", "statements"),
    [
        ("the events from position 1 on", [altered("recorded_at = 'infinity'")]),
        ("the events from position 1 on", [altered("recorded_at = '0044-03-15 BC'")]),
        (
            "the events from position 12 on",
            ["alter table events alter data drop not null", altered("data = null")],
        ),
        ("the events from position 1 on", ["alter table events alter recorded_at type timestamp"]),
        ("the events from position 1 on", ["alter table events alter version type numeric"]),
        (
            "the tree",
            [
                "alter table tree drop constraint tree_pkey",
                "insert into tree (size, peaks) select size, peaks from tree",
            ],
        ),
        (
            "checkpoint 7",
            [
                "alter table checkpoints alter note drop not null",
                "update checkpoints set note = null where size = 7",
            ],
        ),
    ],
)
def test_a_value_that_nobody_can_read_comes_to_light(
    place: str, statements: list[str], engine: Engine, folder: Folder, attacker: Attacker
) -> None:
    for each in statements:
        attacker.do(each)

    assert re.match(rf"{place}: it cannot be read", found(engine, folder)[0])


def test_what_a_terminal_would_obey_is_shown_and_not_said() -> None:
    assert str(integrity.Fault("order-\x1b[2J", "x\x9b1A\n")) == r"order-\x1b[2J: x\x9b1A\n"


def test_a_bundle_holds_nothing_that_was_forged_out_of_sight(
    orders_log: Log, database: str, folder: Folder
) -> None:
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    orders_log.record(history, [placed(), paid()], CAUSE)
    seal_all(orders_log.engine)
    sign(orders_log.engine, OURS, folder)
    attacker = Attacker(database)
    forge_an_event_at_no_position(attacker, f"order-{ORDER}")
    attacker.close()

    with connected(orders_log.engine) as connection:
        bundle = plan(connection, OfOrder(ORDER), 2)
        whole = plan(connection, WholeLog(), 2)

        assert [each.link.version for each in bundle.rows] == [1, 2]
        assert [each.link.version for each in whole.rows] == [1, 2]
        assert bundle.left_out == 1
    assert len(orders_log.recorded(ORDER)) == 3


def test_a_status_row_that_says_something_else_comes_to_light(
    orders_log: Log, database: str, folder: Folder
) -> None:
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    orders_log.record(history, [placed(), paid()], CAUSE)
    seal_all(orders_log.engine)
    attacker = Attacker(database)

    assert found(orders_log.engine, folder) == []
    attacker.do("update orders set version = 1")
    assert found(orders_log.engine, folder) == [
        f"order-{ORDER}: its status row is of version 1, not 2"
    ]
    for table in ("sealed", "unsealed", "events", "streams"):
        attacker.do(f"delete from {table}")
    attacker.regrow()
    assert found(orders_log.engine, folder) == [
        f"order-{ORDER}: it has a status row, and no events"
    ]
    attacker.close()


def test_a_checkpoint_that_no_trusted_key_signed_counts_for_nothing(
    engine: Engine, folder: Folder
) -> None:
    write(engine, "order-a")
    seal_all(engine)
    sign(engine, Signer("reports.example/log", [TWO]), folder)
    with connected(engine) as connection:
        held = checkpoints.latest(connection)[0].note

    assert found(engine, folder, held=held) == [
        "checkpoint 1: no trusted key has signed the latest one",
        "the checkpoint you hold: no trusted key has signed it",
    ]


def test_the_sealer_waits_where_it_cannot_go_on(engine: Engine, attacker: Attacker) -> None:
    have_an_event_sealed_again(attacker)

    with pytest.raises(Unavailable) as waiting:
        seal(engine)
    assert waiting.value.reason == "not-sealable"


# What is not caught, as the decision record says: whoever reads it must not believe more than is true.


def cut_what_is_newer_than_the_last_checkpoint(attacker: Attacker) -> None:
    (size,) = attacker.ask("select max(size) from checkpoints")[0]
    attacker.do("delete from unsealed")
    attacker.do("delete from sealed where position > %s", size)
    attacker.do("delete from events where seq not in (select seq from sealed)")
    for stream in ("order-b", "order-c"):
        attacker.rechain(stream)
    attacker.regrow()


def test_a_tail_newer_than_the_last_checkpoint_can_be_cut(
    engine: Engine, folder: Folder, attacker: Attacker
) -> None:
    cut_what_is_newer_than_the_last_checkpoint(attacker)

    assert found(engine, folder) == []


def test_a_stolen_key_and_the_folder_together_hide_everything_but_from_who_holds_a_checkpoint(
    engine: Engine, folder: Folder, attacker: Attacker, tmp_path: Path
) -> None:
    with connected(engine) as connection:
        held = checkpoints.latest(connection)[0].note
    rewrite_everything(attacker)
    attacker.resign(ONE)
    shutil.rmtree(tmp_path)

    assert found(engine, folder) == []
    assert "you hold it" in found(engine, folder, held=held)[0]


def test_a_rollback_of_everything_shows_only_to_who_holds_a_later_checkpoint(
    engine: Engine, folder: Folder, attacker: Attacker, tmp_path: Path
) -> None:
    with connected(engine) as connection:
        held = checkpoints.latest(connection)[0].note
    cut_the_tail_and_its_checkpoints(attacker)
    (tmp_path / file_of(folder.newest())).unlink()

    assert found(engine, folder) == []
    assert "you hold it" in found(engine, folder, held=held)[0]
