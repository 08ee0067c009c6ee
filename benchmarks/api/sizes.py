"""How much is measured: enough to say something, or just enough to see that it works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """``turns`` of ``requests`` over ``lines`` connections; ``clients`` wait for ``orders`` while ``events`` happen."""

    turns: int
    requests: int
    lines: int
    clients: int
    orders: int
    events: int


FULL = Sizes(turns=7, requests=2000, lines=16, clients=2000, orders=200, events=500)
QUICK = Sizes(turns=1, requests=100, lines=4, clients=40, orders=4, events=20)
