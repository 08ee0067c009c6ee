"""A short order among a hundred long ones: whether the fast product stays fast."""

import time
from contextlib import ExitStack

from benchmarks.catalogue import LONG, SHORT
from benchmarks.engine.ground import Ground, wait_for
from benchmarks.engine.sizes import Sizes
from benchmarks.figures import Figure, Report, percentile, times
from benchmarks.machine import say

# A life_clarity whose four calls take half a second, beside a worker that writes long orders twenty times as fast as
# it would.
_MODEL_SECONDS = 0.5
_LONG_SPEED = 20
_PAUSE_SECONDS = 0.05
_TOOK = """
    select extract(epoch from d.recorded_at - p.recorded_at)::float8
    from ledgerpress.events p join ledgerpress.events d using (stream)
    where p.type = 'order-placed' and d.type = 'order-delivered' and p.stream = any (%s)
"""
_WRITTEN = "select count(*) from ledgerpress.events where type = 'section-written'"


def measure(ground: Ground, sizes: Sizes, report: Report) -> None:
    """In turns: alone, and with the long orders queued and their worker at work."""
    alone, crowded, pace = [], [], []
    with ExitStack() as stack:
        stack.enter_context(
            ground.worker(
                SHORT.name, threads=sizes.threads, BENCH_MODEL_SECONDS=str(_MODEL_SECONDS)
            )
        )
        _probe(ground, 2)
        for turn in range(sizes.rounds):
            say(f"{sizes.crowd_probes} short orders, turn {turn + 1} of {sizes.rounds}")
            alone.append(_probe(ground, sizes.crowd_probes))
            if turn == 0:
                ground.place(LONG, sizes.crowd)
            long_worker = ground.worker(
                LONG.name,
                threads=sizes.threads,
                BENCH_MODEL_SECONDS=str(_MODEL_SECONDS / 5),
                SPEED=str(_LONG_SPEED),
            )
            with long_worker:
                time.sleep(1.0)
                before, began = ground.number(_WRITTEN), time.monotonic()
                crowded.append(_probe(ground, sizes.crowd_probes))
                written = ground.number(_WRITTEN) - before - 4 * sizes.crowd_probes
                pace.append(written / (time.monotonic() - began))
    says = f"the fast product's p95 at most 1.1 times idle with {sizes.crowd} long orders queued"
    idle = Figure(name="short order, alone, p95", unit="s", runs=tuple(alone))
    busy = Figure(name="short order, long ones queued, p95", unit="s", runs=tuple(crowded))
    report.add(times(says, busy, idle, 1.1))
    report.add(Figure(name="long sections written meanwhile", unit="sections/s", runs=tuple(pace)))


def _probe(ground: Ground, number: int) -> float:
    """The p95 of short orders that come one after another, in seconds from placed to delivered."""
    wanted = ground.delivered(SHORT) + number
    placed: list[str] = []
    for _ in range(number):
        placed += ground.place(SHORT)
        time.sleep(2 * _MODEL_SECONDS / 4 + _PAUSE_SECONDS)
    wait_for(lambda: ground.delivered(SHORT) >= wanted, 60, "short orders were not finished")
    rows = ground.ask.execute(_TOOK, ([f"order-{each}" for each in placed],)).fetchall()
    return percentile([took for (took,) in rows], 0.95)
