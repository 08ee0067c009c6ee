"""What a tenant's orders spend in a month, reckoned from their status rows."""

from datetime import timedelta

from sqlalchemy import Engine, func, literal, select

from storage.database import connected
from storage.tables import orders

# An order that was placed longer ago than this spends nothing any more.
_LONGEST_LIFE = timedelta(days=40)


def this_month(engine: Engine, tenant: str) -> int:
    """The most that this month's calls can have cost, those in flight included, in millionths of a dollar.

    An order counts in the month in which it last moved (UTC), with all that it has spent.
    """
    month = func.date_trunc("month", func.clock_timestamp(), "UTC")
    spent = select(func.coalesce(func.sum(orders.c.spent + orders.c.reserved), 0)).where(
        orders.c.tenant == tenant,
        orders.c.placed_at > month - literal(_LONGEST_LIFE),
        orders.c.updated_at >= month,
    )
    with connected(engine) as connection:
        return int(connection.execute(spent).scalar_one())
