"""The simulated world: processes, clocks and faults, moved by a schedule of moments."""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from actors import attempt
from events.decide import MOST_CRASHES
from events.envelope import Cause
from events.errors import Conflict, Refused, Unavailable
from events.facts import OrderCancelled
from events.interventions import Retry
from events.order import Order
from events.plan import DocumentKind, Pacing, Product
from events.products import find
from storage.history import stream_of
from storage.intervening import carry_out
from storage.publisher import Letter
from tests.examples import ORDER, SUBJECT, paid, placed
from tests.simulation.doors import MemoryLog, equip
from tests.simulation.memory import EPOCH, Broker, Database
from tests.simulation.process import Process

# What a schedule may make happen: to a process, for so many seconds, or of that kind.
Moment = tuple[str, int | float | str]

_SKEWS = (0.0, 5.0, -5.0)
_BEAT_SECONDS = 0.25
_MOST_STEPS = 400
_MOST_ROUNDS = 600
_PACING = Pacing(pause=1.0, leg=6.0, hard_limit=60.0)
_PLAIN = replace(
    find("life_clarity"),
    sections=find("life_clarity").sections[:3],
    width=2,
    document=DocumentKind.JSON,
    pacing=_PACING,
)
_PART = replace(_PLAIN, name="personal_blueprint", sections=_PLAIN.sections[:1])
_BUNDLE = replace(find("bundle"), parts=(_PLAIN.name, _PART.name), pacing=_PACING)
CATALOGUE: dict[str, Product] = {each.name: each for each in (_PLAIN, _PART, _BUNDLE)}


@dataclass(slots=True, kw_only=True, eq=False)
class Effect:
    """A call that reached the model, or a mail that reached the mail server, under a fence.

    ``failed`` says that the process was told of no success.
    """

    order: str
    what: str
    fence: int
    process: Process
    failed: bool = False


class World:
    """Worker processes on one database and one broker, and an order that was paid for; a sweeper if it ``sweeps``."""

    def __init__(self, product: str, *, sweeps: bool = True) -> None:
        self.sweeps = sweeps
        self.catalogue = CATALOGUE
        self.database, self.broker = Database(), Broker()
        self.armed: Counter[str] = Counter()
        self.calls: list[Effect] = []
        self.mails: list[Effect] = []
        self.message_ids: set[str] = set()
        self.doubted: set[str] = set()
        self.killed: set[Process] = set()
        self.objections: list[str] = []
        self.story: list[str] = []
        self.deaths = self._births = 0
        nobody: Any = SimpleNamespace(world=self, halt=lambda: None, name="shop")
        self.shop = MemoryLog(nobody)
        self.processes = [self._born(slot) for slot in range(len(_SKEWS))]
        start = self.shop.begin(ORDER, uuid.UUID(SUBJECT))
        cause = Cause(correlation="c-1", causation="evt_1", actor="shop")
        self.shop.record(start, [placed(product), paid()], cause)

    def live(self, moments: Sequence[Moment], *, mended: bool = False) -> None:
        """Let all this happen, then let the world be calm until every order is settled; then nobody is left.

        ``mended``: then a person lets go on what waits for one, and the world is calm again.
        """
        clock = SimpleNamespace(monotonic=lambda: self.database.now, sleep=self._sleep)
        try:
            with patch.object(attempt, "time", clock):
                for moment in moments:
                    if not self.objections:
                        self.happen(moment)
                self.calm_down()
                if mended:
                    self._retry()
                    self.calm_down()
                self.wake_the_dead()
        finally:
            for process in self.processes:
                process.kill()

    def happen(self, moment: Moment) -> None:
        """Let one thing happen."""
        what, much = moment
        self.story.append(f"{self.database.now:7.1f} {what} {much}")
        match what:
            case "wait":
                self._wait(float(much))
            case "arm":
                self.armed[str(much)] += 1
            case "cancel":
                self._cancel()
            case "retry":
                self._retry()
            case "relay":
                self._publish(self.database.due())
            case "sweep":
                self._sweep()
            case "broker":
                self._disturb(str(much))
            case _:
                self._befall(what, int(much))

    def calm_down(self) -> None:
        """No more faults: time passes, and every order must come to its end."""
        self.armed.clear()
        for process in self.processes:
            process.deaf = False
        self._wake(self.processes[0])
        for _ in range(_MOST_ROUNDS):
            for slot in range(len(self.processes)):
                self._befall("run", slot)
            if self.objections or all(self._settled(each) for each in self.orders()):
                return
            self._wait(3.0)
            self._publish(self.database.due())
            self._sweep()
        self.object(f"not settled after {self.database.now} s")

    def wake_the_dead(self) -> None:
        """Whoever was frozen until now goes on where it was."""
        for slot, process in enumerate(self.processes):
            self._wake(process)
            self._befall("run", slot)

    def orders(self) -> list[Order]:
        """Every order, as its log tells it."""
        return [self.shop.read(each).order for each in list(self.database.rows)]

    def strikes(self, fault: str) -> bool:
        """Whether this fault was armed; it strikes once."""
        armed = self.armed[fault] > 0
        self.armed[fault] -= armed
        if armed:
            self.story.append(f"{self.database.now:7.1f}   fault: {fault}")
        return armed

    def publish(self, sent: Letter) -> None:
        """The broker has it, and the outbox is told so, unless the world says otherwise."""
        if self.strikes("publish: lost"):
            return
        self.broker.publish(sent)
        if not self.strikes("publish: confirm lost"):
            self.database.outbox.pop(sent.outbox_id, None)

    def called(self, process: Process, order: str, section: str) -> Effect:
        """A call has reached the model."""
        return self._effect(self.calls, process, order, section, "sections-asked")

    def mailed(self, process: Process, order: str, mail: str, message_id: str) -> Effect:
        """A mail has reached the mail server."""
        self.message_ids.add(message_id)
        return self._effect(self.mails, process, order, mail, "mail-intended")

    def tell(self, process: Process, what: str) -> None:
        """Add a line to the story."""
        self.story.append(f"{self.database.now:7.1f}   {process.name} {what}")

    def object(self, complaint: str) -> None:
        """Something happened that must not happen."""
        self.story.append(f"!!! {complaint}")
        self.objections.append(complaint)

    def _effect(
        self, among: list[Effect], process: Process, order: str, what: str, intent: str
    ) -> Effect:
        fence = process.held.get(stream_of(order), 0)
        announced = [
            each.fence
            for each in self.database.streams[stream_of(order)].links
            if each.type == intent and f'"{what}"' in each.data
        ]
        if fence not in announced:
            self.object(f"{process.name} spends on {what} without an intent of its own")
        if any((each.order, each.what, each.fence) == (order, what, fence) for each in among):
            self.object(f"{process.name} spends on {what} twice in one attempt")
        self.tell(process, f"spends on {what}")
        effect = Effect(order=order, what=what, fence=fence, process=process)
        among.append(effect)
        return effect

    def _befall(self, what: str, slot: int) -> None:
        process = self.processes[slot]
        match what:
            case "step":
                process.resume()
            case "run":
                self._run(process)
            case "kill":
                self.deaths += not process.idle
                self.killed.add(process)
                process.kill()
            case "freeze":
                self.deaths += not process.idle
                process.frozen = True
            case "wake":
                self._wake(process)
            case "deaf":
                self.deaths += MOST_CRASHES  # it may lose one lease after the other
                process.deaf = True
            case "stop":
                process.told_to_stop = True
            case "disconnect":
                self.deaths += not process.idle
                process.disconnect()
        if not process.alive:
            process.disconnect()
            self.processes[slot] = self._born(slot)

    def _run(self, process: Process) -> None:
        process.resume()
        for _ in range(_MOST_STEPS):
            if not process.alive or process.idle or process.frozen:
                return
            process.resume()
        self.object(f"{process.name} never comes to rest")

    @staticmethod
    def _wake(process: Process) -> None:
        process.frozen = process.deaf = False

    def _sleep(self, seconds: float) -> None:
        self._wait(seconds + 0.01)  # no sleep is exact

    def _wait(self, seconds: float) -> None:
        until = self.database.now + seconds
        while self.database.now < until:
            self.database.now = min(until, self.database.now + _BEAT_SECONDS)
            for process in self.processes:
                if process.alive and not process.frozen and not process.deaf:
                    self.database.beat(process.held.items())

    def _publish(self, letters: Iterable[Letter]) -> None:
        for each in letters:
            self.publish(each)

    def _sweep(self) -> None:
        if self.sweeps:
            self._publish(self.database.sweep())

    def _disturb(self, how: str) -> None:
        queue = self.broker.queue
        match how:
            case "double":
                for message in list(queue):
                    self.broker.publish(message.letter)
            case "lose":
                queue.clear()
            case "turn round":
                queue.reverse()

    def _cancel(self) -> None:
        history = self.shop.read(ORDER)
        if not history.order.closed:
            cause = Cause(correlation="c-2", causation="evt_2", actor="shop")
            with suppress(Unavailable):
                self.shop.record(history, [OrderCancelled(reason="refunded")], cause)

    def _retry(self) -> None:
        """A person lets go on whatever may."""
        cause = Cause(correlation="c-3", causation="cli", actor="operator")
        now = EPOCH + timedelta(seconds=self.database.now)
        for order in self.orders():
            with suppress(Refused, Conflict, Unavailable):
                carry_out(
                    order.id,
                    Retry(),
                    "It is mended.",
                    expected=order.version,
                    now=now,
                    cause=cause,
                    log=self.shop,
                    catalogue=self.catalogue,
                )

    def _settled(self, order: Order) -> bool:
        parts = [self.shop.read(each).order for each in order.parts.values()]
        return not order.workable or any(part.attention or part.cancelled for part in parts)

    def _born(self, slot: int) -> Process:
        self._births += 1
        return Process(self, f"worker-{self._births}", _SKEWS[slot], equip)
