"""Payments taken in, beside a route that verifies the signature and writes one row."""

from benchmarks.api.house import House, fine
from benchmarks.api.line import rate
from benchmarks.api.sizes import Sizes
from benchmarks.figures import Figure, Report, times


async def measure(house: House, sizes: Sizes, report: Report) -> None:
    """How many payments a second are recorded; ours and the bare route take turns."""
    number = sizes.requests // 4
    ours, theirs = [], []
    for turn in range(sizes.turns + 1):
        bare = await rate(house.bare, house.bare_payments(number), sizes.lines, fine)
        taken = await rate(house.port, house.payments(number), sizes.lines, fine)
        if turn or sizes.turns == 1:  # the first one warms up
            ours.append(taken)
            theirs.append(bare)
    report.add(
        times(
            "webhooks accepted at least 0.7 times as fast as a bare route with one INSERT",
            Figure(name="payments recorded", unit="payments/s", runs=tuple(ours)),
            Figure(name="bare: verified, one INSERT", unit="payments/s", runs=tuple(theirs)),
            0.7,
            at_least=True,
        )
    )
