"""Products that nobody sells: an order's way without the press and the mail, which have benchmarks of their own."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from events.plan import Delivery, DocumentKind, Pacing, Product
from events.products.life_clarity import PRODUCT as LIFE_CLARITY
from events.products.personal_horoscope import PRODUCT as PERSONAL_HOROSCOPE

# The sold plans, written at once or one after another as they are; what is written becomes a JSON document.
SHORT = replace(
    LIFE_CLARITY,
    name="bench_short",
    pacing=Pacing(),
    delivery=Delivery.API,
    document=DocumentKind.JSON,
)
# Its sections refer to those before, and every pause of two seconds passes at ``SPEED``.
LONG = replace(
    PERSONAL_HOROSCOPE,
    name="bench_long",
    delivery=Delivery.API,
    document=DocumentKind.JSON,
)

CATALOGUE: Mapping[str, Product] = MappingProxyType({each.name: each for each in (SHORT, LONG)})
