"""Ten thousand orders through one worker process: whether it keeps anything of them."""

from contextlib import ExitStack

from benchmarks.catalogue import SHORT
from benchmarks.engine.ground import Ground, wait_for
from benchmarks.engine.sizes import Sizes
from benchmarks.figures import Figure, Report, times
from benchmarks.machine import say

_BATCH = 200


def measure(ground: Ground, sizes: Sizes, report: Report) -> None:
    """Resident memory after the first orders and after the last."""
    first = last = 0.0
    with ExitStack() as stack:
        worker = stack.enter_context(ground.worker(SHORT.name, threads=sizes.threads))
        placed, before = 0, ground.delivered(SHORT)
        while placed < sizes.memory_last:
            batch = min(_BATCH, sizes.memory_first, sizes.memory_last - placed)
            ground.place(SHORT, batch)
            placed += batch
            # Never far behind: a queue in the broker is not what is measured.
            allowed = 0 if placed % sizes.memory_first == 0 else batch
            wanted = before + placed - allowed
            wait_for(lambda: ground.delivered(SHORT) >= wanted, 300, "it fell behind", worker)  # noqa: B023 - at once
            if not allowed:
                last = worker.memory
                first = first or last
                say(f"{placed} orders: {last:.0f} MB")
    ours = Figure(name=f"worker memory after {sizes.memory_last} orders", unit="MB", runs=(last,))
    then = Figure(name=f"worker memory after {sizes.memory_first} orders", unit="MB", runs=(first,))
    report.add(times(f"memory flat over {sizes.memory_last:,} orders", ours, then, 1.05))
