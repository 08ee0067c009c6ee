"""What orders have cost, by tenant, month and product: folded from the status rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Engine, Row, column, func, select, true

from storage.database import again_once, connected
from storage.tables import orders

_SUMS = ("calls", "tokens", "cost", "lost", "lost_cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """A line of the ledger. ``month`` is like ``2026-11`` (UTC), the one in which its orders last moved.

    ``cost`` is in millionths of a dollar. ``lost`` are calls of which nobody knows whether they were answered, and
    ``lost_cost`` is the most that they can have cost, not contained in ``cost``.
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


def used(engine: Engine, *, tenant: str = "", month: str = "") -> list[Used]:
    """The ledger of a tenant, or (empty) of all; of one month, or (empty) of all. The latest month first."""
    moved = func.to_char(func.timezone("UTC", orders.c.updated_at), "YYYY-MM").label("month")
    # Taken apart once for each row: a json column is parsed anew for every field that is asked of it.
    spent = (
        func.json_to_record(orders.c.status["spent"])
        .table_valued(*(column(name, BigInteger) for name in _SUMS))
        .render_derived("spent", with_types=True)
        .lateral()
    )
    sums = [
        func.coalesce(func.sum(spent.c[name]), 0).cast(BigInteger).label(name) for name in _SUMS
    ]
    query = (
        select(orders.c.tenant, moved, orders.c.product, func.count().label("orders"), *sums)
        .join_from(orders, spent, true())
        .group_by(orders.c.tenant, moved, orders.c.product)
        .order_by(moved.desc(), orders.c.tenant, orders.c.product)
    )
    if tenant:
        query = query.where(orders.c.tenant == tenant)
    if month:
        query = query.where(moved == month)

    def ask() -> Sequence[Row[Any]]:
        with connected(engine) as connection:
            return connection.execute(query).all()

    return [Used(**row._mapping) for row in again_once(ask)]  # noqa: SLF001 - its public name for a dict
