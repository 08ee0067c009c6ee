"""The catalogue, for programs."""

import hashlib

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api.caching import unchanged
from api.desk import OnDesk
from events.estimates import Estimate
from events.money import Money
from events.plan import Product

router = APIRouter(prefix="/v1/products", tags=["products"])


class Price(BaseModel):
    """An amount in the currency's minor unit."""

    amount: int = Field(examples=[4900])
    currency: str = Field(examples=["usd"])


class ProductField(BaseModel):
    """One thing the buyer fills in: a key of the checkout session's metadata. ``longest`` is in characters."""

    name: str = Field(examples=["birth_date"])
    label: str
    kind: str = Field(examples=["date"])
    required: bool
    longest: int
    example: str
    hint: str


class Measured(BaseModel):
    """How long the product's orders of the last 30 days took from payment to delivery, in seconds, right to 3 %."""

    orders: int = Field(examples=[412])
    p50: float = Field(description="Half took no longer.", examples=[11.2])
    p90: float = Field(description="Nine in ten took no longer.", examples=[17.9])


class Kept(BaseModel):
    """Of ``promised`` orders, so many were there within what nine in ten had needed before them."""

    promised: int = Field(examples=[380])
    held: int = Field(examples=[346])


class ProductShape(BaseModel):
    """Something that is sold. ``promise`` is how soon it is usually ready, in seconds.

    ``measured`` and ``kept`` are missing until enough orders have been delivered.
    """

    name: str = Field(examples=["life_clarity"])
    title: str
    tagline: str
    description: str
    promise: float = Field(examples=[20.0])
    delivery: str = Field(examples=["mail"])
    document: str = Field(examples=["pdf"])
    prices: list[Price]
    fields: list[ProductField]
    parts: list[str]
    sections: int = Field(examples=[4])
    measured: Measured | None = None
    kept: Kept | None = None


class Products(BaseModel):
    """The catalogue."""

    data: list[ProductShape]


@router.get(
    "",
    operation_id="listProducts",
    response_model=Products,
    responses={304: {"description": "Nothing new."}},
    summary="What is sold",
)
def list_products(desk: OnDesk, request: Request) -> Response:
    """Every product with its fields, its prices, how soon it is usually ready, and how soon it has been of late."""
    products = [_shape(each, desk.estimates.of(each.name)) for each in desk.catalogue.values()]
    body = Products(data=products).model_dump_json(exclude_none=True)
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:24]}"'
    headers = {"ETag": etag, "Cache-Control": "public, max-age=60"}
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def _shape(each: Product, estimate: Estimate) -> ProductShape:
    ready, kept = estimate.ready, estimate.kept
    return ProductShape(
        name=each.name,
        title=each.title,
        tagline=each.tagline,
        description=each.description,
        promise=each.promise,
        delivery=each.delivery,
        document=each.document,
        prices=[_price(money) for money in each.prices],
        fields=[
            ProductField(
                name=field.name,
                label=field.label,
                kind=field.kind,
                required=field.required,
                longest=field.longest,
                example=field.example,
                hint=field.hint,
            )
            for field in each.fields
        ],
        parts=list(each.parts),
        sections=len(each.sections),
        measured=(
            Measured(orders=ready.number, p50=ready.p50 / 1000, p90=ready.p90 / 1000)
            if ready
            else None
        ),
        kept=Kept(promised=kept.promised, held=kept.held) if kept.promised else None,
    )


def _price(money: Money) -> Price:
    return Price(amount=money.amount, currency=money.currency)
