"""What every request finds on the desk: the log, the blobs, the catalogue and the settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from api.limits import Meter
from api.looking import Looking
from api.news import News
from api.reception import Reception
from events.expecting import Usual, promised
from events.plan import Product
from storage.blobs import Blobs
from storage.estimates import Estimates
from storage.levels import Levels
from storage.record import Log
from storage.settings import Settings
from storage.stripe_api import StripeApi
from storage.stripe_secrets import StripeSecrets
from storage.tenants import DEFAULT, Tenants

# Whose orders the pages sell.
TENANT = DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The rest of the house, as routes see it."""

    settings: Settings
    catalogue: Mapping[str, Product]
    log: Log
    reception: Reception
    news: News
    asking: Meter
    searching: Meter
    looking: Looking
    reconciling: Meter
    returning: Meter
    stripe: StripeApi | None
    blobs: Blobs
    tenants: Tenants
    estimates: Estimates
    stripe_secrets: StripeSecrets
    levels: Levels
    clock: Callable[[], datetime]

    def usual(self, product: Product) -> Usual:
        """How long the product takes: measured, once enough of it have been made."""
        known = self.estimates.of(product.name)
        if known.ready is None:
            return promised(product.promise / self.settings.speed)
        return Usual(
            half=known.ready.p50 / 1000,
            most=known.ready.p90 / 1000,
            measured=True,
            kept=known.kept.held / known.kept.promised if known.kept.promised else None,
        )


async def _desk(request: Request) -> Desk:
    found: Desk = request.app.state.desk
    return found


async def _request_id(request: Request) -> str:
    found: str = request.state.request_id
    return found


async def _trace(request: Request) -> str:
    found: str = request.state.trace
    return found


OnDesk = Annotated[Desk, Depends(_desk)]
RequestId = Annotated[str, Depends(_request_id)]
# What continues the request's trace, if there is one.
Trace = Annotated[str, Depends(_trace)]
