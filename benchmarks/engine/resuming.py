"""A worker is killed in the middle of an order: how long until another has taken it up."""

import signal
import time
from contextlib import ExitStack

from benchmarks.catalogue import SHORT
from benchmarks.engine.ground import Ground, Process, wait_for
from benchmarks.engine.sizes import Sizes
from benchmarks.figures import Figure, Report, at_most
from benchmarks.machine import say

_MODEL_SECONDS = 0.6
_HELD = "select count(*) from ledgerpress.events where stream = %s and type = 'sections-asked'"
_TAKEN = """
    select extract(epoch from recorded_at)::float8 from ledgerpress.events
    where stream = %s and type = 'attempt-started' order by version desc limit 1
"""
_LEFT = "select count(*) from ledgerpress.orders where order_id = %s and word <> 'delivered'"
_WHO = "select data ->> 'worker' from ledgerpress.events where stream = %s and type = 'attempt-started'"


def measure(ground: Ground, sizes: Sizes, report: Report) -> None:
    """Two workers share the queue; whichever has the order gets SIGKILL while its calls are in flight."""
    after_kill, idle = [], []
    with ExitStack() as stack:
        workers = [_start(ground, stack) for _ in range(2)]
        warm = ground.delivered(SHORT) + len(workers)
        ground.place(SHORT, len(workers))
        wait_for(lambda: ground.delivered(SHORT) >= warm, 30, "the workers did not start")
        for turn in range(sizes.killed * sizes.rounds):
            say(f"killing a worker, {turn + 1} of {sizes.killed * sizes.rounds}")
            (order,) = ground.place(SHORT)
            placed = time.time()
            stream = f"order-{order}"
            wait_for(lambda: ground.number(_HELD, stream) > 0, 30, "nobody took the order")  # noqa: B023 - at once
            idle.append(ground.number(_TAKEN, stream) - placed)
            who = ground.ask.execute(_WHO, (stream,)).fetchone()
            assert who is not None
            pid = int(who[0].rpartition(":")[2])
            victim = next(each for each in workers if each.popen.pid == pid)
            killed = time.time()
            victim.signal(signal.SIGKILL)
            victim.popen.wait()
            wait_for(lambda: ground.number(_TAKEN, stream) > killed, 30, "nobody took it up")  # noqa: B023 - at once
            after_kill.append(ground.number(_TAKEN, stream) - killed)
            workers.remove(victim)
            workers.append(_start(ground, stack))
            wait_for(lambda: ground.number(_LEFT, order) == 0, 30, "it was not finished")  # noqa: B023 - at once
    ours = Figure(name="SIGKILL to the next attempt", unit="s", runs=tuple(after_kill))
    usual = Figure(name="order placed to its first attempt", unit="s", runs=tuple(idle))
    report.add(at_most("work resumes at most 1 s after SIGKILL", ours, usual, 1.0))
    worst = Figure(name="SIGKILL to the next attempt, worst", unit="s", runs=(max(after_kill),))
    report.add(at_most("work resumes at most 1 s after SIGKILL, each time", worst, usual, 1.0))


def _start(ground: Ground, stack: ExitStack) -> Process:
    worker = ground.worker(SHORT.name, threads=1, BENCH_MODEL_SECONDS=str(_MODEL_SECONDS))
    return stack.enter_context(worker)
