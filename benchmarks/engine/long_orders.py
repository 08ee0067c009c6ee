"""An order of 161 sections one after another: what the engine itself adds to hours of waiting for the model."""

from contextlib import ExitStack

from benchmarks.catalogue import LONG
from benchmarks.engine.ground import Ground, wait_for
from benchmarks.engine.sizes import Sizes
from benchmarks.figures import Figure, Report, times
from benchmarks.machine import say

# Far quicker than a model writes 450 words, so that the share comes out too large rather than too small.
CALL_SECONDS = 3.0


def measure(ground: Ground, sizes: Sizes, report: Report) -> None:
    """Calls take no time and pauses none; whatever is left is the engine's own."""
    sections = len(LONG.sections)
    waiting = sections * CALL_SECONDS + (sections - 1) * LONG.pacing.pause
    seconds, cpu = [], []
    with ExitStack() as stack:
        worker = stack.enter_context(ground.worker(LONG.name, threads=1, SPEED="1000000"))
        for turn in range(sizes.rounds):
            say(f"an order of {sections} sections, turn {turn + 1} of {sizes.rounds}")
            used = worker.cpu
            done = ground.delivered(LONG) + 1
            ground.place(LONG)
            took = wait_for(lambda: ground.delivered(LONG) >= done, 120, "it took too long", worker)  # noqa: B023 - at once
            seconds.append(took)
            cpu.append(worker.cpu - used)
    engine = Figure(
        name=f"{sections} sections: the engine's own time", unit="s", runs=tuple(seconds)
    )
    says = (
        f"the engine's own share of a {sections}-section order at most 1 %"
        f" (calls of {CALL_SECONDS:g} s, pauses of {LONG.pacing.pause:g} s)"
    )
    name = "model calls and pauses of the same order, computed"
    whole = Figure(
        name=f"{name}, and the engine", unit="s", runs=tuple(waiting + each for each in seconds)
    )
    report.add(times(says, engine, whole, 0.01))
    report.add(Figure(name=f"{sections} sections: worker CPU", unit="s", runs=tuple(cpu)))
    report.notes.append(
        f"The {sections}-section order was run with instant calls and no pauses. Its share is engine / (engine +"
        f" {sections} x {CALL_SECONDS:g} s + {sections - 1} x {LONG.pacing.pause:g} s = {waiting:g} s). The product's"
        f" promise is {LONG.promise:g} s."
    )
