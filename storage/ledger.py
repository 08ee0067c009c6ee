"""What orders have used, by tenant, month and product: read from the projection ``usage``."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Engine

from events.folding import Key
from events.projections.usage import projection
from storage.sums import Reach, sums

_SUMS = ("orders", "calls", "tokens", "cost", "lost", "lost_cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """A line of the ledger. ``month`` is like ``2026-11`` (UTC): the one in which it was placed, called and paid for.

    ``orders`` were placed in it. ``cost`` is in millionths of a dollar. ``lost`` are calls of which nobody knows
    whether they were answered, and ``lost_cost`` is the most that they can have cost, not contained in ``cost``.
    """

    tenant: str
    month: str
    product: str
    orders: int
    calls: int
    tokens: int
    cost: int
    lost: int
    lost_cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Its lines, the latest month first, and up to which event they have been reckoned."""

    lines: tuple[Used, ...]
    reach: Reach


def used(engine: Engine, *, tenant: str = "", month: str = "") -> Ledger:
    """The ledger of a tenant, or (empty) of all; of one month, or (empty) of all."""
    found = sums(engine, projection.name, [tenant] if tenant else [])
    lines: dict[Key, Counter[str]] = {}
    for (*line, measure), amount in found.amounts.items():
        lines.setdefault(tuple(line), Counter())[measure] = amount
    shown = [
        Used(tenant=whose, month=when, product=what, **{name: amounts[name] for name in _SUMS})
        for (whose, when, what), amounts in lines.items()
        if not month or when == month
    ]
    shown.sort(key=lambda line: (line.tenant, line.product))
    shown.sort(key=lambda line: line.month, reverse=True)
    return Ledger(lines=tuple(shown), reach=found.reach)
