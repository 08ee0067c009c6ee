"""Appending with everybody at it: the house, one bare INSERT, and another event store's recorder, in turns."""

import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.engine.ground import ROOT, Ground
from benchmarks.engine.peers import FOLDER, install
from benchmarks.figures import Figure, Report, times
from benchmarks.log.crowd import WRITER, writing
from benchmarks.log.sizes import Sizes
from benchmarks.log.ways import DATA, FLOOR, META, SEALED
from benchmarks.machine import say

_PEER: Sequence[str | Path] = (
    FOLDER / "bin" / "python",
    ROOT / "benchmarks" / "peers" / "eventsourcing_peer.py",
)


def measure(ground: Ground, sizes: Sizes, report: Report) -> None:
    """Each writer is a process with a connection and a stream of its own, and waits for every commit."""
    ground.ask.execute("set search_path = ledgerpress")
    ground.ask.execute(FLOOR.encode())
    if ground.with_peers:
        report.peers |= {"eventsourcing": install()["eventsourcing"]}
        subprocess.run([*_PEER, "table"], env=dict(ground.environment), check=True)
    ways: dict[str, Sequence[str | Path]] = {
        "bare": [*WRITER, "bare"],
        "house": [*WRITER, "house"],
        **({"peer": _PEER} if ground.with_peers else {}),
    }
    more = {"peer": [DATA % SEALED + META]}
    runs: dict[str, list[float]] = {name: [] for name in [*ways, "sealed"]}
    with ExitStack() as stack:
        crowds = {
            name: stack.enter_context(
                writing(
                    ground, [*way, str(sizes.append_seconds), *more.get(name, [])], sizes.writers
                )
            )
            for name, way in ways.items()
        }
        for turn in range(sizes.rounds):
            say(f"appending, turn {turn + 1} of {sizes.rounds}")
            for name, go in crowds.items():
                ground.ask.execute("checkpoint")
                runs[name].append(sum(go()) / sizes.append_seconds)
        with ground.worker("keeper"):
            for _ in range(sizes.rounds):
                runs["sealed"].append(sum(crowds["house"]()) / sizes.append_seconds)
    floor = _figure("one bare INSERT", runs["bare"])
    ours = _figure("Ledgerpress: appended", runs["house"])
    report.add(
        times(
            "append with version check, fence, hash and status row at least 0.3 of a bare INSERT",
            ours,
            floor,
            0.3,
            at_least=True,
        )
    )
    if ground.with_peers:
        theirs = _figure("pyeventsourcing's recorder: appended", runs["peer"])
        says = "at least twice as fast as pyeventsourcing's recorder"
        report.add(times(says, ours, theirs, 2.0, at_least=True))
    report.add(_figure("Ledgerpress: appended, beside a keeper that seals", runs["sealed"]))


def _figure(name: str, runs: Sequence[float]) -> Figure:
    return Figure(name=name, unit="events/s", runs=tuple(runs))
