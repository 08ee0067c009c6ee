"""How long an event waits for its place in the whole log, at a thousand a second."""

import threading
import time

import psycopg

from benchmarks.engine.ground import Ground
from benchmarks.figures import Figure, Report, at_most, percentile
from benchmarks.log.crowd import WRITER, writing
from benchmarks.log.sizes import Sizes
from benchmarks.machine import say

_WRITERS = 4
_A_SECOND = 1000
_LOOK_SECONDS = 0.005
_LOOK = "select size, extract(epoch from clock_timestamp())::float8 from ledgerpress.tree"
_TIMES = """
    select s.position, extract(epoch from e.recorded_at)::float8
    from ledgerpress.sealed s join ledgerpress.events e using (seq) where s.position > %s order by s.position
"""


def measure(ground: Ground, sizes: Sizes, report: Report) -> None:
    """The keeper seals as in production; whoever watches looks every 5 ms, so that much is added to each."""
    p99, p50, pace = [], [], []
    with ground.worker("keeper"):
        for turn in range(sizes.rounds):
            say(f"sealing, turn {turn + 1} of {sizes.rounds}")
            lags, written = _lags(ground, sizes.seal_seconds)
            p99.append(percentile(lags, 0.99))
            p50.append(percentile(lags, 0.5))
            pace.append(written / sizes.seal_seconds)
    ours = Figure(name="recorded to sealed, p99", unit="ms", runs=tuple(p99))
    middle = Figure(name="recorded to sealed, p50", unit="ms", runs=tuple(p50))
    says = f"sealing lag p99 at most 250 ms at {_A_SECOND:,} events/s"
    report.add(at_most(says, ours, middle, 250))
    report.add(Figure(name="written while sealing", unit="events/s", runs=tuple(pace)))


def _lags(ground: Ground, seconds: float) -> tuple[list[float], int]:
    """Each event's way in milliseconds, and how many were written in time."""
    seen: list[tuple[int, float]] = []
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(ground.database, seen, over), daemon=True)
    command = [*WRITER, "house", str(seconds), str(_WRITERS / _A_SECOND)]
    with writing(ground, command, _WRITERS) as go:
        watcher.start()
        try:
            written = sum(go())
            time.sleep(1.0)
        finally:
            over.set()
            watcher.join()
    rows = ground.ask.execute(_TIMES.encode(), (seen[0][0],)).fetchall()
    looks = iter(seen)
    size, at = next(looks)
    lags = []
    for position, recorded in rows:
        while size < position:
            size, at = next(looks)
        lags.append(1000 * (at - recorded))
    return lags, written


def _watch(database: str, seen: list[tuple[int, float]], over: threading.Event) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        while not over.wait(_LOOK_SECONDS):
            row = connection.execute(_LOOK.encode()).fetchone()
            assert row is not None
            seen.append((int(row[0]), float(row[1])))
