"""What a simulated process has at hand: the real log over a simulated database, and doors to simulated servers."""

import hashlib
import uuid
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from actors.post import Letter
from actors.replies import Answer, Failure, Reply
from actors.tools import Tools
from events.chain import Link
from events.errors import NotFound, Refused, Unavailable
from events.money import Tokens
from events.order import evolve
from events.products import find
from events.rates import rate
from storage.endpoints import Permit
from storage.event_log import Writing, Written
from storage.history import History, Stored, Unopened, opened, stream_of
from storage.leases import Lease
from storage.publisher import Letter as Nudging
from storage.record import Log
from storage.tenants import Limits
from storage.vault import Sealer
from tests.examples import SUBJECT
from tests.simulation.memory import EPOCH, Stream
from tests.simulation.process import Process

MODEL = "gpt-4.1-mini"
WELL = Permit(calls=None, wait=0.0, shaky=False)
SECTIONS = {each.title: each.name for each in find("life_clarity").sections}
TEXT = '{"summary": "What there is to say."}'


def equip(process: Process) -> Tools:
    """Everything that the loop asks for."""
    world = process.world
    anything: Any = SimpleNamespace
    leases = Leases(process)
    return Tools(
        name=process.name,
        log=MemoryLog(process),
        leases=anything(keep=leases.keep, forget=leases.forget),
        blobs=anything(put=lambda content, _: _blob(content), get=lambda *_: b"%PDF"),
        models=(
            anything(name=MODEL, endpoint=MODEL, rate=rate(MODEL), ask=ModelDoor(process).ask),
        ),
        endpoints=anything(permit=lambda _: WELL, report=lambda *_, **__: None, take=lambda _: 0.0),
        tenants=anything(of=lambda _: Limits(), fairness_matters=False),
        press=anything(),
        post=anything(
            domain="ledgerpress.example",
            page=lambda token: token,
            report=lambda order, *_: order,
            send=MailDoor(process).send,
        ),
        limits=anything(within=lambda _: nullcontext()),
        catalogue=world.catalogue,
        stopping=anything(is_set=lambda: process.told_to_stop, wait=lambda _: process.halt()),
        clock=lambda: EPOCH + timedelta(seconds=world.database.now + process.skew),
    )


class MemoryLog(Log):
    """The real log of orders, but for its ways to Postgres and to the broker."""

    def __init__(self, process: Process) -> None:
        anything: Any = SimpleNamespace
        sealer = Sealer(uuid.UUID(SUBJECT), bytes(32))
        vault = anything(sealer=lambda _: sealer, made=lambda _: sealer)
        publisher = anything(publish=self._publish)
        super().__init__(
            anything(), vault, publisher, catalogue=process.world.catalogue, code="simulation"
        )
        self._process = process
        self._world = process.world

    def catch_up(self, history: History) -> History:
        self._process.halt()
        order = history.order
        for each in self._stream(order.id).links[order.version :]:
            order = evolve(order, opened(each, history.sealer))
        return replace(history, order=order, wrote=False)

    def _links(self, order_id: str) -> tuple[list[Link], Sealer]:
        self._process.halt()
        links = list(self._stream(order_id).links)
        if not links:
            raise NotFound("no such order")
        return links, self.vault.sealer(uuid.UUID(SUBJECT))

    def unopened(self, order_id: str) -> Unopened:
        links, sealer = self._links(order_id)
        events = [Stored(str(each.id), each.type, each.schema, each.data) for each in links]
        return Unopened(events, links[0].meta, sealer)

    def _stream(self, order_id: str) -> Stream:
        return self._world.database.streams.get(stream_of(order_id), Stream())

    def _write(self, writing: Writing) -> Written:
        self._process.halt()
        if self._world.strikes("commit: away"):
            self._world.doubted.add(writing.stream)
            raise Unavailable("Postgres is away", reason="database-away")
        written = self._world.database.record(writing)
        if written.new:
            how = "takes up, records" if writing.take else "records"
            self._world.tell(self._process, f"{how} {', '.join(f.type for f in writing.facts)}")
        self._process.halt()
        if self._world.strikes("commit: reply lost"):
            self._world.doubted.add(writing.stream)
            raise Unavailable("the reply was lost", reason="database-away")
        return written

    def _publish(self, letters: Iterable[Nudging]) -> None:
        for letter in letters:
            self._process.halt()
            self._world.publish(letter)


class Leases:
    """Leases by the simulated database; the heart beats as the world says."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def keep(self, lease: Lease) -> None:
        """The heart beats for it from now on."""
        self._process.held[lease.stream] = lease.fence

    def forget(self, lease: Lease) -> None:
        """No more heartbeats for it."""
        self._process.held.pop(lease.stream, None)


class ModelDoor:
    """Calls that are answered at once; what may happen to a process meanwhile happens where it halts."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def ask(self, prompt: Any, *, order: str, **_: Any) -> "Future[Reply]":
        """Answer, or fail as the world says."""
        world, process = self._process.world, self._process
        process.halt()
        title = prompt.user.partition("Section: ")[2].partition("\n")[0]
        call = world.called(process, order, SECTIONS[title])
        reply = Promise(len(world.calls))
        if world.strikes("model: away"):
            call.failed = True
            reply.set_result(Failure(error=Unavailable("away", reason="model-away"), lost=1))
        elif world.strikes("model: busy"):
            call.failed = True
            busy = Unavailable("busy", reason="model-busy", retry_after=2.0)
            reply.set_result(Failure(error=busy))
        elif world.strikes("model: refuses"):
            call.failed = True
            reply.set_result(Failure(error=Refused("no", reason="model-refusal")))
        else:
            reply.set_result(Answer(text=TEXT, tokens=Tokens(10, 10), cost=20, milliseconds=1000))
        process.halt()
        return reply


class Promise(Future[Reply]):
    """A future that lies in sets at the same place in every run."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def __hash__(self) -> int:
        return self._number


class MailDoor:
    """The mail server."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def send(self, letter: Letter, _: object) -> None:
        """Take the mail, or fail as the world says."""
        world, process = self._process.world, self._process
        order, _dot, mail = letter.message_id.strip("<").partition("@")[0].partition(".")
        process.halt()
        if world.strikes("mail: away"):
            raise Unavailable("away", reason="mail-away")
        if world.strikes("mail: refuses"):
            raise Refused("no", reason="mail-refused")
        sent = world.mailed(process, order, mail, letter.message_id)
        process.halt()
        if world.strikes("mail: reply lost"):
            sent.failed = True
            raise Unavailable("the reply was lost", reason="mail-away")


def _blob(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
