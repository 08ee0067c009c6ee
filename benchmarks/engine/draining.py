"""A queue of short orders, drained by one worker process: how fast, and for how much processor time."""

import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.catalogue import SHORT
from benchmarks.engine.ground import Ground, Process, wait_for
from benchmarks.engine.peers import install, peers
from benchmarks.engine.sizes import Sizes
from benchmarks.figures import Figure, Report, more, times
from benchmarks.machine import say

_WARM_UP = 20
_PATIENCE = 180.0


@dataclass(slots=True, kw_only=True)
class Contestant:
    """Somebody with a running worker: how to give it orders, and how to see what has become of them.

    ``rests``: it stands still until it is its turn again, because it looks for work all the time. The others are told
    by the broker, who would miss them if they stood still for long.
    """

    name: str
    worker: Process
    place: Callable[[int], object]
    ready: Callable[[], bool]
    finished: Callable[[], int]
    rests: bool = False
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def drain(self, number: int) -> None:
        """Queue ``number`` orders before a stopped worker, let it go, and wait for the last one."""
        wanted = self.finished() + number
        self.stop()
        self.place(number)
        wait_for(self.ready, _PATIENCE, f"{self.name}: the broker did not get everything")
        if (
            self.finished() > wanted - number
        ):  # something let it go too early: this turn says nothing
            self.worker.signal(signal.SIGCONT)
            wait_for(lambda: self.finished() >= wanted, _PATIENCE, f"{self.name} did not finish")
            self.drain(number)
            return
        used = self.worker.cpu
        self.worker.signal(signal.SIGCONT)
        seconds = wait_for(
            lambda: self.finished() >= wanted, _PATIENCE, f"{self.name} did not finish", self.worker
        )
        self.rates.append(number / seconds)
        self.costs.append(1000 * (self.worker.cpu - used) / number)
        if self.rests:
            self.stop()

    def stop(self) -> None:
        """Let it stand still."""
        self.worker.signal(signal.SIGSTOP)
        wait_for(lambda: self.worker.stopped, 60, f"{self.name} was not stopped")

    @property
    def rate(self) -> Figure:
        """Orders a second."""
        return Figure(name=f"{self.name}: drained", unit="orders/s", runs=tuple(self.rates))

    @property
    def cost(self) -> Figure:
        """Processor time of the worker process for an order."""
        return Figure(name=f"{self.name}: worker CPU", unit="ms/order", runs=tuple(self.costs))


def measure(ground: Ground, sizes: Sizes, report: Report) -> None:
    """Every contestant drains the same number of orders, in turns."""
    if ground.with_peers:
        report.peers = dict(install())
    with ExitStack() as stack:
        ours = Contestant(
            name="Ledgerpress",
            worker=stack.enter_context(ground.worker(SHORT.name, threads=sizes.drain_threads)),
            place=lambda number: ground.place(SHORT, number),
            ready=ground.published,
            finished=lambda: ground.delivered(SHORT),
        )
        contestants = [ours]
        contestants += [
            Contestant(
                name=peer.name,
                worker=stack.enter_context(peer.worker(sizes.drain_threads)),
                place=peer.place,
                ready=lambda: True,
                finished=peer.finished,
                rests=peer.looks,
            )
            for peer in stack.enter_context(peers(ground)).values()
        ]
        for each in contestants:
            each.drain(_WARM_UP)
            each.rates.clear()
            each.costs.clear()
        for turn in range(sizes.rounds):
            say(f"draining {sizes.drained} orders each, turn {turn + 1} of {sizes.rounds}")
            for each in contestants:
                each.drain(sizes.drained)
        report.add(ours.rate, ours.cost)
        _judge({each.name: each for each in contestants}, ours, report)


def _judge(contestants: dict[str, Contestant], ours: Contestant, report: Report) -> None:
    if celery := contestants.get("celery"):
        says = "drained at least as fast as Celery with a checkpoint per section"
        report.add(times(says, ours.rate, celery.rate, 1.0, at_least=True), celery.cost)
    if dbos := contestants.get("dbos"):
        says = "drained several times as fast as DBOS"
        report.add(times(says, ours.rate, dbos.rate, 3.0, at_least=True), dbos.cost)
    if dramatiq := contestants.get("dramatiq"):
        says = (
            "worker CPU per order at most 2 ms more than plain Dramatiq with one INSERT per section"
        )
        report.add(more(says, ours.cost, dramatiq.cost, 2.0), dramatiq.rate)
