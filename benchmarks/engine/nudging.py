"""From commit to actor: how long a paid order waits when nobody else does."""

import time
from collections.abc import Iterable
from contextlib import ExitStack

from benchmarks.catalogue import SHORT
from benchmarks.engine.ground import Ground, wait_for
from benchmarks.engine.peers import install, peers, read_starts
from benchmarks.engine.sizes import Sizes
from benchmarks.figures import Figure, Report, at_most, percentile
from benchmarks.machine import say
from storage.publisher import Letter

# Between two orders, so that each finds the worker idle.
_PAUSE_SECONDS = 0.05
_WARM_UP = 5


_LOGGED = """
    select substr(p.stream, 7), extract(epoch from a.recorded_at - p.recorded_at)::float8
    from ledgerpress.events p join ledgerpress.events a using (stream)
    where p.type = 'payment-received' and a.type = 'attempt-started' and p.stream = any (%s)
"""


def measure(ground: Ground, sizes: Sizes, report: Report) -> None:
    """Place orders one by one; compare the moment of their commit with the actor's start."""
    starts = ground.folder / "starts"
    theirs = ground.folder / "peer-starts"
    with ExitStack() as stack:
        stack.enter_context(
            ground.worker(SHORT.name, threads=sizes.threads, BENCH_STARTS=str(starts))
        )
        if ground.with_peers:
            report.peers = dict(install())
        plain = stack.enter_context(peers(ground)).get("dramatiq")
        if plain:
            stack.enter_context(plain.worker(sizes.threads, BENCH_STARTS=str(theirs)))
            done = plain.finished() + _WARM_UP
            plain.place(_WARM_UP)
            wait_for(lambda: plain.finished() >= done, 30, "plain Dramatiq did not start")
        _place(ground, _WARM_UP)
        ours_p95, ours_p50, plain_p95, log_p95 = [], [], [], []
        for turn in range(sizes.rounds):
            say(f"placing {sizes.nudged} orders one by one, turn {turn + 1} of {sizes.rounds}")
            waited = _place(ground, sizes.nudged)
            begun = read_starts(starts)
            delays = [1000 * (begun[order] - at) for order, (at, _) in waited.items()]
            ours_p95.append(percentile(delays, 0.95))
            ours_p50.append(percentile(delays, 0.5))
            log_p95.append(percentile([1000 * took for _, took in waited.values()], 0.95))
            if plain:
                done = plain.finished() + sizes.nudged
                committed = plain.place(sizes.nudged, _PAUSE_SECONDS)
                wait_for(lambda: plain.finished() >= done, 30, "plain Dramatiq")  # noqa: B023 - at once
                began = read_starts(theirs)
                plain_p95.append(
                    percentile([1000 * (began[each] - at) for each, at in committed.items()], 0.95)
                )
    to_log = Figure(name="payment to attempt in the log, p95", unit="ms", runs=tuple(log_p95))
    ours = Figure(name="commit to actor start, p95", unit="ms", runs=tuple(ours_p95))
    middle = Figure(name="commit to actor start, p50", unit="ms", runs=tuple(ours_p50))
    name = "plain Dramatiq with confirms: commit to actor start, p95"
    baseline = Figure(name=name, unit="ms", runs=tuple(plain_p95)) if plain else middle
    report.add(
        at_most("commit to actor start p95 at most 10 ms, with confirms", ours, baseline, 10)
    )
    report.add(middle, to_log)


def _place(ground: Ground, number: int) -> dict[str, tuple[float, float]]:
    """Each order's time of commit, and how long after its payment its attempt stood in the log."""
    committed: dict[str, float] = {}
    wanted = ground.delivered(SHORT) + number
    publish = ground.log.publisher.publish

    def noted(letters: Iterable[Letter]) -> None:
        # The transaction's answer is here, and nothing has been sent yet.
        now, each = time.time(), list(letters)
        committed.update((letter.order, now) for letter in each)
        publish(each)

    setattr(ground.log.publisher, "publish", noted)  # noqa: B010 - so that the type checker looks away
    for _ in range(number):
        ground.place(SHORT)
        time.sleep(_PAUSE_SECONDS)
    setattr(ground.log.publisher, "publish", publish)  # noqa: B010 - the same
    wait_for(lambda: ground.delivered(SHORT) >= wanted, 60, "an order was not finished")
    rows = ground.ask.execute(_LOGGED, ([f"order-{each}" for each in committed],))
    return {order: (committed[order], took) for order, took in rows}
