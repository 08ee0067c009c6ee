"""What every measurement stands on: a database and queues of its own, and real processes on them."""

import base64
import os
import secrets
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pika
import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from benchmarks.catalogue import CATALOGUE
from events.envelope import Cause
from events.facts import OrderPlaced, PaymentReceived
from events.money import Money
from events.order import Order
from events.plan import Product
from storage import schema
from storage.history import History
from storage.opening import opened
from storage.publisher import parameters
from storage.record import Log
from storage.settings import read_from

ROOT = Path(__file__).resolve().parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS = 0.01
_MEMORY = Path("/dev/shm")  # noqa: S108 - where the kernel keeps files in memory


class TookTooLongError(RuntimeError):
    """What was waited for did not come."""


@dataclass(slots=True)
class Process:
    """A running process and what the kernel knows of it."""

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def cpu(self) -> float:
        """Seconds of processor time used so far, in all its threads."""
        stat = Path(f"/proc/{self.popen.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / _TICKS

    @property
    def stopped(self) -> bool:
        """Whether it stands still, after SIGSTOP."""
        stat = Path(f"/proc/{self.popen.pid}/stat").read_text("ascii")
        return stat.rpartition(")")[2].split()[0] == "T"

    @property
    def memory(self) -> float:
        """Resident memory in MB."""
        pages = int(Path(f"/proc/{self.popen.pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.popen.send_signal(number)

    def stop(self, seconds: float = 15.0) -> None:
        """SIGTERM, and SIGKILL if that does not help."""
        with suppress(ProcessLookupError):
            self.popen.send_signal(signal.SIGCONT)
            self.popen.terminate()
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


@dataclass(slots=True, kw_only=True)
class Ground:
    """A database, a broker and a folder. ``log`` is the house's own, for placing orders."""

    folder: Path
    database: str
    rabbitmq: str
    environment: Mapping[str, str]
    ask: psycopg.Connection[Any]
    log: Log
    with_peers: bool = False
    processes: list[Process] = field(default_factory=list)

    @contextmanager
    def running(self, command: Sequence[str | Path], **environment: str) -> Iterator[Process]:
        """A process with these settings, ended on leaving."""
        log = self.folder / f"{len(self.processes):03}.log"
        with log.open("wb") as file:
            popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        process = Process(popen, log)
        self.processes.append(process)
        try:
            yield process
        finally:
            process.stop()

    @contextmanager
    def worker(self, role: str, *, threads: int = 1, **environment: str) -> Iterator[Process]:
        """A worker of the product ``role``, or the keeper, that has started its work."""
        command = [sys.executable, "-m", "benchmarks.worker", role]
        with self.running(command, WORKER_THREADS=str(threads), **environment) as process:
            started = b"keeper started" if role == "keeper" else b"worker started"
            wait_for(
                lambda: started in process.log.read_bytes(), 120, f"{role} did not start", process
            )
            yield process

    def place(self, product: Product, number: int = 1) -> list[str]:
        """Place and pay orders, as the API would; return their ids. They are on their way to the broker."""
        return [self._place(product) for _ in range(number)]

    def _place(self, product: Product) -> str:
        order_id = str(uuid.uuid4())
        sealer = self.log.vault.new_sealer(uuid.uuid4())
        placed = OrderPlaced(
            product=product.name,
            tenant="bench",
            subject=str(sealer.subject),
            at=datetime.now(UTC).isoformat(),
            session=f"cs_{order_id}",
            price=product.prices[0],
            email="jenny.rosen@example.com",
            fields={"name": "Jenny Rosen", "question": "What should I look at first?"},
        )
        paid = PaymentReceived(amount=Money(product.prices[0].amount, product.prices[0].currency))
        cause = Cause(correlation=order_id, causation=order_id, actor="bench")
        self.log.record(History(Order(id=order_id), sealer), [placed, paid], cause)
        return order_id

    def number(self, query: str, *values: Any) -> float:
        """The one number that ``query`` answers with."""
        row = self.ask.execute(query.encode(), values).fetchone()
        return float(row[0] or 0) if row else 0.0

    def delivered(self, product: Product) -> int:
        """How many of the product's orders are finished."""
        query = "select count(*) from ledgerpress.orders where product = %s and word = 'delivered'"
        return int(self.number(query, product.name))

    def published(self) -> bool:
        """Whether the broker has confirmed every nudge."""
        return self.number("select count(*) from ledgerpress.outbox") == 0

    def forget_queues(self, *names: str) -> None:
        """Delete these queues, with what an earlier run has left in them."""
        with pika.BlockingConnection(parameters(self.rabbitmq)) as connection:
            for name in names:
                for each in (name, f"{name}.XQ", f"{name}.DQ"):
                    connection.channel().queue_delete(each)


@contextmanager
def ground(folder: Path, *, with_peers: bool = False) -> Iterator[Ground]:
    """Fresh ground on the services named in the environment; nothing is left of it afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    server = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql")
    rabbitmq = os.environ["RABBITMQ_URL"]
    name = f"ledgerpress_bench_{secrets.token_hex(4)}"
    database = server.set(database=name).render_as_string(hide_password=False)
    with (
        psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as admin,
        # In memory: nobody else makes a document, and the disk's time for three fsyncs is not the engine's.
        TemporaryDirectory(
            prefix="ledgerpress-bench-", dir=_MEMORY if _MEMORY.is_dir() else None
        ) as blobs,
    ):
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            schema.upgrade(database)
            environment = _environment(Path(blobs), database, rabbitmq)
            with (
                opened(read_from(environment), CATALOGUE) as log,
                psycopg.connect(database, autocommit=True) as ask,
            ):
                made = Ground(
                    folder=folder,
                    database=database,
                    rabbitmq=rabbitmq,
                    environment=environment,
                    ask=ask,
                    log=log,
                    with_peers=with_peers,
                )
                made.forget_queues(*(each.queue for each in CATALOGUE.values()))
                yield made
                made.forget_queues(*(each.queue for each in CATALOGUE.values()))
        finally:
            drop = sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
            admin.execute(drop)


def wait_for(holds: Callable[[], bool], seconds: float, otherwise: str, *alive: Process) -> float:
    """Wait until ``holds``; return how long that took. Raises ``TookTooLongError``, at once if a process ends."""
    began = looked = time.monotonic()
    while not holds():
        # Who looks takes time from those who are looked at: a tenth at most.
        pause = max(_LOOK_SECONDS, 10 * (time.monotonic() - looked))
        for process in alive:
            if process.popen.poll() is not None:
                said = process.log.read_text("utf-8", "replace")[-2000:]
                raise TookTooLongError(f"{otherwise}: its process ended\n{said}")
        if time.monotonic() - began > seconds:
            raise TookTooLongError(f"{otherwise} within {seconds:g} s")
        time.sleep(pause)
        looked = time.monotonic()
    return time.monotonic() - began


def _environment(blobs: Path, database: str, rabbitmq: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database,
        "RABBITMQ_URL": rabbitmq,
        "BLOB_URL": blobs.resolve().as_uri(),
        "VAULT_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "OPENAI_API_KEY": "none",
        "SMTP_URL": "smtp://127.0.0.1:9",
        "MAIL_FROM": "Ledgerpress <reports@ledgerpress.example>",
        "STRIPE_WEBHOOK_SECRET": "none",
        "PUBLIC_URL": "http://127.0.0.1:9",
        "LOG_FORMAT": "json",
    }
