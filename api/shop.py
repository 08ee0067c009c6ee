"""The shop: all that is sold."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.desk import OnDesk
from api.templating import page
from events.plan import Delivery

router = APIRouter(include_in_schema=False)


@router.get("/")
def shop(desk: OnDesk) -> HTMLResponse:
    """What people buy before what programs use, the dearest last."""
    products = sorted(
        desk.catalogue.values(),
        key=lambda each: (each.delivery is Delivery.API, each.prices[0].amount),
    )
    selling = desk.stripe is not None
    return page("shop.html", products=products, catalogue=desk.catalogue, selling=selling)
