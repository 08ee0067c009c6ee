"""How much is measured: enough for figures, or just enough to see that it works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Counts. ``rounds`` is how often whatever is compared takes turns."""

    threads: int
    drain_threads: int
    rounds: int
    drained: int
    nudged: int
    killed: int
    crowd: int
    crowd_probes: int
    memory_first: int
    memory_last: int


FULL = Sizes(
    threads=4,
    drain_threads=16,
    rounds=5,
    drained=1_000,
    nudged=60,
    killed=3,
    crowd=100,
    crowd_probes=40,
    memory_first=1_000,
    memory_last=10_000,
)
QUICK = Sizes(
    threads=2,
    drain_threads=2,
    rounds=1,
    drained=20,
    nudged=10,
    killed=1,
    crowd=4,
    crowd_probes=5,
    memory_first=10,
    memory_last=40,
)
