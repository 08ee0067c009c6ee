"""What programs are told about orders, as JSON."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, Field, PlainSerializer

from api.reports import available
from api.saying import order_number
from events.views import Word
from storage.orders import OrderRow

Time = Annotated[
    datetime,
    PlainSerializer(lambda moment: moment.astimezone(UTC).isoformat().replace("+00:00", "Z")),
]


class Cost(BaseModel):
    """What the model's calls cost, in millionths of the currency."""

    amount: int = Field(examples=[18_240])
    currency: str = "usd"
    unit: str = "millionths"


class Progress(BaseModel):
    """How far it is. ``percent`` never falls and is 100 only when delivered."""

    done: int = Field(examples=[7])
    total: int = Field(examples=[52])
    unit: str = Field(examples=["sections"])
    percent: int = Field(examples=[13])
    now: list[str] = Field(description="What is being written.", examples=[["Reading the ground"]])


class Attention(BaseModel):
    """Why nothing more happens by itself, and what a person can do."""

    reason: str = Field(examples=["unusable-payment"])
    detail: str = Field(examples=["The field name is missing."])
    advice: str = Field(examples=["Correct the order, or refund it in Stripe."])


class Part(BaseModel):
    """A report of a bundle, which is an order of its own."""

    product: str = Field(examples=["life_clarity"])
    order: str
    url: str


class Lost(BaseModel):
    """Calls of which nobody knows whether they were answered: what crashes have cost, at most."""

    calls: int = Field(examples=[2])
    at_most: Cost


class Spent(BaseModel):
    """What the model has done so far; for operators and auditors."""

    calls: int
    tokens: int
    cost: Cost
    lost: Lost


class Report(BaseModel):
    """The finished document. ``size`` is in bytes."""

    filename: str = Field(examples=["life-clarity.pdf"])
    pages: int = Field(examples=[16])
    size: int = Field(examples=[182_044])
    url: str


class Order(BaseModel):
    """An order's status."""

    id: str = Field(examples=["0b9d1c52-6a1e-5c3f-9a55-1f0a4a3f7c11"])
    number: str = Field(description="The id as people say it.", examples=["1FEH-RMKA"])
    product: str = Field(examples=["life_clarity"])
    status: Word
    version: str = Field(description="Moves with every event.", examples=["37"])
    progress: Progress
    placed_at: Time
    updated_at: Time
    retry_at: str | None = None
    attention: Attention | None = None
    parts: list[Part] | None = None
    spent: Spent | None = None
    report: Report | None = None


class Orders(BaseModel):
    """Some orders."""

    data: list[Order]


def order(row: OrderRow, *, costs: bool) -> Order:
    """The status as JSON; with what was spent if ``costs``."""
    status, progress = row.status, row.status.progress
    here = f"/v1/orders/{status.order}"
    attention = Attention(reason=status.reason, detail=status.detail, advice=status.advice)
    spent = Spent(
        calls=status.spent.calls,
        tokens=status.spent.tokens,
        cost=Cost(amount=status.spent.cost),
        lost=Lost(calls=status.spent.lost, at_most=Cost(amount=status.spent.lost_cost)),
    )
    report = Report(
        filename=status.document, pages=status.pages, size=status.size, url=f"{here}/report"
    )
    return Order(
        id=status.order,
        number=order_number(status.order),
        product=status.product,
        status=status.word,
        version=str(status.version),
        progress=Progress(
            done=progress.done,
            total=progress.total,
            unit=progress.unit,
            percent=progress.percent,
            now=list(progress.now),
        ),
        placed_at=row.placed_at,
        updated_at=row.updated_at,
        retry_at=status.retry_at or None,
        attention=attention if status.word is Word.ATTENTION else None,
        parts=[
            Part(product=name, order=part, url=f"/v1/orders/{part}") for name, part in status.parts
        ]
        or None,
        spent=spent if costs else None,
        report=report if available(status) else None,
    )


def as_json(row: OrderRow, *, costs: bool) -> str:
    """The same, as it travels."""
    return order(row, costs=costs).model_dump_json(exclude_none=True)
