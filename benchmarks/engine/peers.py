"""The others: installed from their own lock file, and run as a worker process each."""

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.engine.ground import ROOT, Ground, Process, wait_for
from sandbox.machine import venv
from sandbox.machine.places import RUN, say

PEERS = ("celery", "dramatiq", "dbos")
_INSTALLED = (*PEERS, "eventsourcing")
LOCK = ROOT / "benchmarks" / "peers.lock"
FOLDER = RUN / "peers"
_SETTLE_SECONDS = 1.0
_SCHEMA = """
    create schema peers;
    create table peers.placed (peer text, order_id uuid, primary key (peer, order_id));
    create table peers.written (
        peer text, order_id uuid, section int, body text not null, primary key (peer, order_id, section))
"""
_FINISHED = """
    select count(*) from (
        select from peers.written where peer = %s group by order_id having count(*) = 4) finished
"""
_FINISHED_BY_DBOS = (
    "select count(*) from dbos.workflow_status where status = 'SUCCESS' and %s = 'dbos'"
)


def install() -> Mapping[str, str]:
    """Bring the others' environment up to date with their lock; return their versions."""
    stamp = FOLDER / "stamp"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        say("installing the peers")
        venv.make(FOLDER)
        venv.require(FOLDER, LOCK)
        stamp.write_text(wanted, "utf-8")
    lines = [line.split(" ", 1)[0] for line in LOCK.read_text("utf-8").splitlines()]
    found = dict(line.split("==") for line in lines if "==" in line and not line.startswith(" "))
    return {name: found[name] for name in _INSTALLED}


class Peer:
    """One of them, on its own tables beside ours."""

    def __init__(self, name: str, ground: Ground) -> None:
        self.name = name
        # It asks Postgres for work, again and again; the others wait for the broker.
        self.looks = name == "dbos"
        self._ground = ground
        self._command = [
            FOLDER / "bin" / "python",
            ROOT / "benchmarks" / "peers" / f"{name}_peer.py",
        ]
        self._database = ground.database
        if name != "dbos":
            self._database += "?options=-csearch_path%3Dpeers"

    @contextmanager
    def worker(self, threads: int, **environment: str) -> Iterator[Process]:
        """Its worker process."""
        with self._ground.running(
            [*self._command, "work"],
            DATABASE_URL=self._database,
            WORKER_THREADS=str(threads),
            **environment,
        ) as process:
            if self.name == "dbos":  # its tables are made by its first worker
                query = "select count(*) from pg_tables where schemaname = 'dbos' and tablename = 'queues'"
                wait_for(lambda: self._ground.number(query) > 0, 60, "DBOS did not start", process)
                time.sleep(_SETTLE_SECONDS)
            yield process

    def place(self, number: int, pause: float = 0.0) -> dict[str, float]:
        """Place orders, ``pause`` seconds apart; return when each was committed, by the peers that say so."""
        said = subprocess.run(
            [*self._command, "place", str(number)],
            cwd=ROOT,
            env={
                **os.environ,
                **self._ground.environment,
                "DATABASE_URL": self._database,
                "BENCH_PAUSE": str(pause),
            },
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        pairs = (line.split() for line in said.splitlines())
        return {order: float(at) for order, at in pairs}

    def finished(self) -> int:
        """How many orders have all their sections."""
        query = _FINISHED_BY_DBOS if self.name == "dbos" else _FINISHED
        return int(self._ground.number(query, self.name))


@contextmanager
def peers(ground: Ground) -> Iterator[dict[str, Peer]]:
    """All of them, ready to be started; none if they are not to be measured."""
    if not ground.with_peers:
        yield {}
        return
    queues = [f"bench_{name}" for name in PEERS]
    ground.forget_queues(*queues)
    ground.ask.execute("drop schema if exists peers cascade")
    ground.ask.execute(_SCHEMA)
    yield {name: Peer(name, ground) for name in PEERS}
    ground.forget_queues(*queues)


def read_starts(path: Path) -> dict[str, float]:
    """When each order was first taken up, as the workers wrote it down."""
    found: dict[str, float] = {}
    for line in path.read_text("utf-8").splitlines():
        order, at = line.split()
        found.setdefault(order, float(at))
    return found
