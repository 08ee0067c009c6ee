"""The catalogue, for programs."""

import hashlib

from fastapi import APIRouter, Request, Response

from api import shapes
from api.caching import unchanged
from api.desk import OnDesk

router = APIRouter(prefix="/v1/products", tags=["products"])


@router.get(
    "",
    operation_id="listProducts",
    response_model=shapes.Products,
    responses={304: {"description": "Nothing new."}},
    summary="What is sold",
)
def list_products(desk: OnDesk, request: Request) -> Response:
    """Every product with its fields, its prices, how soon it is usually ready, and how soon it has been of late."""
    products = [
        shapes.product(each, desk.estimates.of(each.name)) for each in desk.catalogue.values()
    ]
    body = shapes.Products(data=products).model_dump_json(exclude_none=True)
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:24]}"'
    headers = {"ETag": etag, "Cache-Control": "public, max-age=60"}
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
