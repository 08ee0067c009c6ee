"""Kills and freezes running processes at moments drawn by lot; whoever keeps them starts the dead anew."""

import random
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.keeping import Kept

KILLED, FROZEN = "SIGKILL", "SIGSTOP"
# To start a process takes seconds of a processor, so a kind of process is left alone for some after each blow.
GAP_SECONDS = (15.0, 35.0)
# Shorter than a lease, or longer: then somebody else takes the orders over, and a zombie wakes up.
_FROZEN_SECONDS = (0.5, 11.0)
_FREEZES = 0.2
_LOOK_SECONDS = 0.05
_WEAK_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """What was done to which process, how many seconds after the first moment."""

    at: float
    what: str
    name: str
    pid: int


class Wrecker:
    """Strikes one process of each group now and then, unless that is ``weak``; groups do not know of each other."""

    def __init__(
        self,
        kept: Kept,
        groups: Mapping[str, Sequence[str]],
        chance: random.Random,
        gap: tuple[float, float],
        weak: Callable[[str], bool],
    ) -> None:
        self.blows: list[Blow] = []
        self._kept = kept
        self._groups = groups
        self._chance = chance
        self._gap = gap
        self._weak = weak
        self._began = time.monotonic()
        # The first blows fall while people are still paying.
        self._next = {group: self._began + chance.uniform(0.5, gap[0] / 3) for group in groups}
        self._spared: set[str] = set()
        self._thaws: dict[str, float] = {}
        self._over = threading.Event()
        self.thread = threading.Thread(target=self._run, name="wrecking", daemon=True)

    def spare(self, groups: Collection[str]) -> None:
        """No more blows to these: there is nothing left for them to do."""
        self._spared |= set(groups)

    def stop(self) -> None:
        """No more blows; whoever is frozen goes on."""
        self._over.set()
        self.thread.join()
        self._kept.thaw(*self._thaws)

    def _run(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            now = time.monotonic()
            for name in [each for each, until in self._thaws.items() if until < now]:
                del self._thaws[name]
                self._kept.thaw(name)
            due = [group for group, when in self._next.items() if when < now]
            for group in [each for each in due if each not in self._spared]:
                if self._weak(group):
                    self._next[group] = time.monotonic() + _WEAK_SECONDS
                else:
                    self._next[group] = self._strike(self._chance.choice(self._groups[group]))

    def _strike(self, name: str) -> float:
        """Kill it or freeze it; return when its group is struck next."""
        seconds = 0.0
        if self._chance.random() < _FREEZES:
            seconds = self._chance.uniform(*_FROZEN_SECONDS)
            pid, what = self._kept.freeze(name), FROZEN
            self._thaws[name] = time.monotonic() + seconds
        else:
            pid, what = self._kept.kill(name), KILLED
        at = time.monotonic() - self._began
        self.blows.append(Blow(at=round(at, 2), what=what, name=name, pid=pid))
        return self._soon(self._gap[0]) + seconds

    def _soon(self, least: float) -> float:
        return time.monotonic() + self._chance.uniform(least, self._gap[1])


@contextmanager
def wrecking(
    kept: Kept,
    groups: Mapping[str, Sequence[str]],
    seed: int,
    gap: tuple[float, float],
    weak: Callable[[str], bool],
) -> Iterator[Wrecker]:
    """Strike at each group of processes every so many seconds, as ``seed`` has it, until the block is left.

    A group that is ``weak`` is left alone until it no longer is.
    """
    wrecker = Wrecker(kept, groups, random.Random(seed), gap, weak)  # noqa: S311 - chance, not secrecy
    wrecker.thread.start()
    try:
        yield wrecker
    finally:
        wrecker.stop()
