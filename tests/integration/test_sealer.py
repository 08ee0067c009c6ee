"""The sealer: every committed event gets one place in the whole log, and the tree grows by it."""

import random
import signal
import subprocess
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from actors import sealing
from events.merkle import Tree, consistency_proof, consistent, included, inclusion_proof
from sandbox.machine import postgres
from storage import sealed
from storage.database import connect, connected, transaction
from storage.event_log import Fact, append
from storage.record import Log
from storage.sealer import seal, seal_all
from storage.settings import Settings
from tests.conftest import Server
from tests.running import keeper

META = '{"correlation":"c","causation":"m","actor":"test","code":"0"}'


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = connect(database)
    yield engine
    engine.dispose()


def fact() -> Fact:
    return Fact(id=uuid.uuid4(), type="note-made", schema=1, data='{"text":"x"}')


def write(engine: Engine, stream: str, count: int = 1) -> None:
    with connected(engine) as connection:
        append(connection, stream, [fact() for _ in range(count)], META)


def write_in_vain(engine: Engine, stream: str) -> None:
    with engine.connect() as connection:
        ours = connection.execution_options(isolation_level="READ COMMITTED")
        append(ours, stream, [fact(), fact()], META)
        ours.rollback()


def whole_log(engine: Engine) -> list[sealed.Sealed]:
    with connected(engine) as connection:
        return sealed.read(connection, most=100_000)


def leaves(engine: Engine) -> list[bytes]:
    return [each.link.hash for each in whole_log(engine)]


def committed(connection: Connection) -> int:
    return int(connection.execute(text("select count(*) from events")).scalar_one())


def tree(engine: Engine) -> Tree:
    with connected(engine) as connection:
        return sealed.grown_tree(connection)


def assert_sealed_soundly(engine: Engine) -> None:
    """Nothing missed, nothing twice, no hole, each stream in order, and the tree is what Python makes of it."""
    found = whole_log(engine)
    with connected(engine) as connection:
        assert len(found) == committed(connection)
        assert connection.execute(text("select count(*) from unsealed")).scalar_one() == 0
    assert [each.position for each in found] == list(range(1, len(found) + 1))
    assert len({each.link.id for each in found}) == len(found)
    versions = defaultdict(list)
    for each in found:
        versions[each.link.stream].append(each.link.version)
    for stream, seen in versions.items():
        assert seen == list(range(1, len(seen) + 1)), stream
    assert tree(engine) == Tree().grown(each.link.hash for each in found)


def test_what_is_committed_gets_its_place_in_the_order_it_was_written(engine: Engine) -> None:
    write(engine, "order-a", 2)
    write(engine, "payment-default/pi_1")
    write(engine, "order-a")

    assert seal(engine) == 4
    assert seal(engine) == 0
    names = [(each.link.stream, each.link.version) for each in whole_log(engine)]
    assert names == [
        ("order-a", 1),
        ("order-a", 2),
        ("payment-default/pi_1", 1),
        ("order-a", 3),
    ]


def test_the_tree_is_the_one_that_python_grows_whatever_the_batches(engine: Engine) -> None:
    chance = random.Random(7)
    while tree(engine).size < 700:
        for _ in range(chance.randrange(4)):
            write(engine, f"order-{chance.randrange(9)}", chance.randrange(1, 60))
        seal(engine, chance.randrange(1, 90))
    seal_all(engine)

    assert_sealed_soundly(engine)


def test_tiles_hold_the_roots_of_every_complete_subtree(engine: Engine) -> None:
    write(engine, "order-a", 256 * 3 + 5)
    seal_all(engine)
    every = leaves(engine)

    with connected(engine) as connection:
        rows = connection.execute(text("select level, index, hash from tiles order by index")).all()
    found = [(row[0], row[1], bytes(row[2])) for row in rows]
    assert found == [(1, i, Tree().grown(every[256 * i : 256 * (i + 1)]).root) for i in range(3)]


def test_tiles_of_the_second_level_come_after_65536_events(engine: Engine, database: str) -> None:
    _many(database, 65_536 + 300)
    with engine.connect() as connection:
        connection.execute(text("set statement_timeout = '60s'"))
        while connection.execute(text("select count from seal(5000)")).scalar_one():
            pass

        every = [each.link.hash for each in sealed.read(connection, most=65_836)]
        root = Tree().grown(every[:65_536]).root
        two = connection.execute(text("select index, hash from tiles where level = 2")).all()
        assert [(row[0], bytes(row[1])) for row in two] == [(0, root)]
        nodes = sealed.Nodes(connection)
        proof = inclusion_proof(40_000, len(every), nodes.node)
        assert included(every[40_000], 40_000, len(every), proof, Tree().grown(every).root)


def _many(database: str, count: int) -> None:
    """Events by the thousand, as they would stand there if they had been appended."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set search_path = ledgerpress")
        connection.execute("insert into streams (stream, version, head) values ('order-x', 1, '')")
        connection.execute(
            """with written as (
                   insert into events (stream, version, event_id, type, schema, data, meta,
                                       recorded_at, previous, hash)
                   select 'order-x', n, gen_random_uuid(), 'x', 1, '{}', '{}', now(), '',
                          sha256(int8send(n)) from generate_series(1, %s::bigint) n
                   returning seq)
               insert into unsealed select seq from written""",
            [count],
        )


def test_proofs_need_no_full_scan_and_hold(engine: Engine) -> None:
    write(engine, "order-a", 600)
    seal_all(engine)
    every, chance = leaves(engine), random.Random(3)

    with connected(engine) as connection:
        nodes = sealed.Nodes(connection)
        for _ in range(60):
            size = chance.randrange(1, 601)
            root = Tree().grown(every[:size]).root
            index = chance.randrange(size)
            proof = inclusion_proof(index, size, nodes.node)
            assert included(every[index], index, size, proof, root)
            old = chance.randrange(1, size + 1)
            proof = consistency_proof(old, size, nodes.node)
            assert consistent(old, Tree().grown(every[:old]).root, size, root, proof)


def test_what_a_slow_transaction_holds_back_is_sealed_when_it_commits(engine: Engine) -> None:
    with transaction(engine) as slow:
        append(slow, "order-slow", [fact()], META)
        write(engine, "order-fast", 3)
        assert seal(engine) == 3
    assert seal(engine) == 1

    assert [each.link.stream for each in whole_log(engine)][-1] == "order-slow"
    assert_sealed_soundly(engine)


def test_what_was_rolled_back_leaves_no_hole(engine: Engine) -> None:
    write(engine, "order-a")
    write_in_vain(engine, "order-b")
    write(engine, "order-a")

    assert seal(engine) == 2
    assert_sealed_soundly(engine)


def test_a_reader_behind_a_position_misses_nothing_that_commits_late(engine: Engine) -> None:
    seen: list[int] = []

    def look() -> None:
        with connected(engine) as connection:
            found = sealed.read(connection, after=seen[-1] if seen else 0)
        seen.extend(each.position for each in found)

    with transaction(engine) as slow:
        append(slow, "order-slow", [fact()], META)
        write(engine, "order-fast", 2)
        seal(engine)
        look()
    seal(engine)
    look()

    assert seen == [1, 2, 3]


def test_appenders_rollbacks_and_several_sealers_at_once(
    engine: Engine, orders_log: Log, settings: Settings
) -> None:
    stopping = threading.Event()
    sealers = [sealing.start(orders_log, settings, stopping) for _ in range(3)]

    def appender(number: int) -> None:
        chance = random.Random(number)
        for _ in range(40):
            stream = f"order-{chance.randrange(6)}"
            if chance.random() < 0.2:
                write_in_vain(engine, stream)
            elif chance.random() < 0.2:
                with transaction(engine) as connection:
                    append(connection, stream, [fact()], META)
                    time.sleep(chance.random() / 50)
                    append(connection, stream, [fact()], META)
            else:
                write(engine, stream, chance.randrange(1, 5))

    with ThreadPoolExecutor(6) as crowd:
        list(crowd.map(appender, range(6)))
    end = time.monotonic() + 60
    while _waiting(engine) and time.monotonic() < end:
        time.sleep(0.05)
    stopping.set()
    for thread in sealers:
        thread.join(60)
    assert_sealed_soundly(engine)


def _waiting(engine: Engine) -> int:
    with connected(engine) as connection:
        return int(connection.execute(text("select count(*) from unsealed")).scalar_one())


def test_while_one_is_at_it_nobody_else_is_and_its_death_frees_the_place(
    engine: Engine, database: str
) -> None:
    write(engine, "order-a", 5)
    with psycopg.connect(database) as frozen:
        frozen.execute("set role ledgerpress_app")
        frozen.execute("set search_path = ledgerpress")
        frozen.execute("select * from seal(3)")
        assert seal(engine) == 0
        with connected(engine) as connection:
            connection.execute(text("select 1"))
        frozen.rollback()  # as when its process dies

    assert seal(engine) == 5
    assert_sealed_soundly(engine)


def test_a_keeper_that_is_killed_leaves_the_sealing_to_the_others(
    engine: Engine, environment: dict[str, str]
) -> None:
    keepers = [keeper(environment), keeper(environment)]
    try:
        for round_ in range(8):
            for _ in range(20):
                write(engine, f"order-{random.randrange(4)}", 10)
            if round_ in {3, 5}:
                keepers[0].kill()
                keepers[0].wait()
                keepers[0] = keeper(environment)
        keepers[0].send_signal(signal.SIGSTOP)  # frozen, wherever it is
        write(engine, "order-late", 3)
        end = time.monotonic() + 90
        while _waiting(engine) and time.monotonic() < end:
            time.sleep(0.1)
    finally:
        for each in keepers:
            each.kill()
            each.wait()

    assert_sealed_soundly(engine)
    assert tree(engine).size == 1603


def test_a_dump_and_a_restore_keep_every_place(
    engine: Engine, database: str, server: Server, tmp_path: Path
) -> None:
    write(engine, "order-a", 300)
    seal_all(engine)
    write(engine, "order-b", 2)
    binaries = postgres._binaries(None)
    name = f"ledgerpress_restored_{uuid.uuid4().hex[:8]}"
    dump = tmp_path / "log.dump"
    server.execute(f"create database {name}")
    try:
        for command in (
            [str(binaries / "pg_dump"), "--format=custom", f"--file={dump}", database],
            [str(binaries / "pg_restore"), f"--dbname={server.at(name)}", str(dump)],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        before, restored = whole_log(engine), connect(server.at(name))
        write(restored, "order-b", 3)
        write(restored, "order-c")
        seal_all(restored)

        assert whole_log(restored)[:300] == before
        assert_sealed_soundly(restored)
        assert tree(restored).size == 306
        with restored.connect() as connection, pytest.raises(DBAPIError):
            connection.execute(text("delete from sealed"))
        restored.dispose()
    finally:
        server.execute(f"drop database {name} with (force)")


@pytest.mark.parametrize("table", ["sealed", "tiles", "checkpoints", "signing_keys"])
@pytest.mark.parametrize("statement", ["update {} set {}", "delete from {}", "truncate {}"])
def test_not_even_a_superuser_changes_what_was_sealed_by_mistake(
    statement: str, table: str, engine: Engine, database: str
) -> None:
    write(engine, "order-a", 256)
    seal_all(engine)
    columns = {
        "sealed": "seq = seq",
        "tiles": "level = 1",
        "checkpoints": "size = 1",
        "signing_keys": "vkey = ''",
    }
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set search_path = ledgerpress")
        connection.execute("set session_replication_role = replica")
        if table == "checkpoints":
            note = "o\n1\n" + "A" * 43 + "=\n\n"
            connection.execute("select add_checkpoint(%s, '{o}', 0)", [note])
        if table == "signing_keys":
            connection.execute("insert into signing_keys values ('o')")

        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed"):
            connection.execute(statement.format(table, columns[table]).encode())


@pytest.mark.parametrize(
    "statement",
    [
        "insert into sealed values (9, 9)",
        "update tree set size = 0",
        "insert into tiles values (1, 7, sha256(''))",
        "insert into checkpoints (size, root, note, digest) values (1, '', '', '')",
        "delete from unsealed",
    ],
)
def test_the_application_seals_by_the_one_function_only(statement: str, engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.execute(text(statement))
    assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)


def test_each_place_is_one_further(engine: Engine) -> None:
    write(engine, "order-a", 20)
    while seal(engine, 3):
        pass

    positions = [each.position for each in whole_log(engine)]
    assert all(later == earlier + 1 for earlier, later in pairwise(positions))
