"""The ledger of what orders have used, for those who pay for it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.access import Overseer, own_tenant
from api.desk import OnDesk
from api.shapes import Cost, Time
from storage.ledger import Used, used
from storage.sums import Reach

router = APIRouter(prefix="/v1/usage", tags=["usage"])


class Line(BaseModel):
    """What a tenant's orders for a product have used in a month (UTC).

    ``orders`` were placed in it; calls, tokens and cost are of the calls that ended in it. ``lost_calls`` are calls of
    the model of which nobody knows whether they were answered; ``lost_cost`` is the most that they can have cost, and
    comes on top of ``cost``.
    """

    tenant: str = Field(examples=["acme"])
    month: str = Field(examples=["2026-11"])
    product: str = Field(examples=["document_analysis"])
    orders: int = Field(examples=[412])
    calls: int = Field(examples=[415])
    tokens: int = Field(examples=[1_204_113])
    cost: Cost
    lost_calls: int = Field(examples=[1])
    lost_cost: Cost


class UpTo(BaseModel):
    """How far something has been reckoned from the log: usually to within a second.

    ``position`` is the last event that is counted, and ``time`` when it was recorded, missing before the first;
    ``behind`` events more have a position already.
    """

    position: str = Field(examples=["316"])
    time: Time | None = None
    behind: int = Field(examples=[0])


class Usage(BaseModel):
    """The ledger, the latest month first, reckoned from the log up to a certain event."""

    data: list[Line]
    up_to: UpTo


@router.get("", operation_id="getUsage", summary="What orders have used")
def get_usage(
    *,
    asker: Overseer,
    desk: OnDesk,
    response: Response,
    tenant: Annotated[
        str, Query(description="Of this tenant; for operators and auditors.", examples=["acme"])
    ] = "",
    month: Annotated[
        str,
        Query(
            pattern=r"^([0-9]{4}-[0-9]{2})?$", description="Of this month.", examples=["2026-11"]
        ),
    ] = "",
) -> Usage:
    """Orders, calls, tokens and cost by month and product: a tenant's own, or for operators and auditors anybody's."""
    response.headers.update({"Cache-Control": "private, no-cache", "Vary": "Authorization"})
    ledger = used(desk.log.engine, tenant=own_tenant(asker, tenant), month=month)
    return Usage(data=[_line(each) for each in ledger.lines], up_to=_up_to(ledger.reach))


def _line(each: Used) -> Line:
    return Line(
        tenant=each.tenant,
        month=each.month,
        product=each.product,
        orders=each.orders,
        calls=each.calls,
        tokens=each.tokens,
        cost=Cost(amount=each.cost),
        lost_calls=each.lost,
        lost_cost=Cost(amount=each.lost_cost),
    )


def _up_to(reach: Reach) -> UpTo:
    return UpTo(position=str(reach.position), time=reach.time, behind=reach.behind)
