"""How much is measured: enough for figures, or just enough to see that it works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Counts, and seconds. ``rounds`` is how often whatever is compared takes turns."""

    rounds: int
    writers: int
    append_seconds: float
    folded: int
    seal_seconds: float
    verified: int


FULL = Sizes(
    rounds=3, writers=8, append_seconds=4.0, folded=100, seal_seconds=10.0, verified=1_000_000
)
QUICK = Sizes(rounds=1, writers=2, append_seconds=0.5, folded=5, seal_seconds=1.0, verified=2_000)
