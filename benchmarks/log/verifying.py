"""How fast an auditor verifies a whole log from a file, on one core, with the verifier that comes in it."""

import hashlib
import time
import zipfile
from pathlib import Path

from benchmarks.engine.ground import Ground
from benchmarks.figures import Figure, Report, at_least
from benchmarks.log.filling import fill
from benchmarks.log.sizes import Sizes
from benchmarks.machine import say
from storage.bundle.export import export
from storage.bundle.scope import WholeLog
from storage.bundle.verify import verify
from storage.checkpoints import Folder, sign
from storage.disk import Disk
from storage.signing import Signer

_GOAL = 60_000


def measure(ground: Ground, sizes: Sizes, report: Report) -> None:
    """Fill, sign, export, verify; each is counted in the processor time of this process."""
    say(f"filling a log with {sizes.verified:,} events")
    fill(ground.ask, sizes.verified)
    signer = Signer("bench.example/log", [hashlib.sha256(b"bench").digest()])
    sign(ground.log.engine, signer, Folder(Disk(ground.folder)))
    path = ground.folder / "log.zip"
    say("exporting")
    before = time.process_time()
    with path.open("wb") as file:
        export(ground.log.engine, file, WholeLog())
    exported = sizes.verified / (time.process_time() - before)
    hashed, verified = [], []
    for turn in range(min(sizes.rounds, 3)):
        say(f"verifying, turn {turn + 1}")
        hashed.append(sizes.verified / _hashing(path))
        before = time.process_time()
        found = verify(path, [str(signer.keys[0])])
        verified.append(sizes.verified / (time.process_time() - before))
        assert found.events == sizes.verified
    name = f"{sizes.verified:,} events verified offline, a core"
    ours = Figure(name=name, unit="events/s", runs=tuple(verified))
    floor = Figure(name="unpacked, and each line hashed once", unit="events/s", runs=tuple(hashed))
    says = f"offline verification of {sizes.verified:,} events at least {_GOAL:,} a second per core"
    report.add(at_least(says, ours, floor, _GOAL))
    report.add(Figure(name="exported, a core", unit="events/s", runs=(exported,)))


def _hashing(path: Path) -> float:
    """The processor time of the least that anybody must do with the file."""
    before = time.process_time()
    with zipfile.ZipFile(path) as archive, archive.open("events.ndjson") as file:
        for line in file:
            hashlib.sha256(line).digest()
    return time.process_time() - before
