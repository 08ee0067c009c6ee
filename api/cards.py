"""What the customer is told of finished documents, and of each report of a bundle."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from api.reports import available
from events.order import Order
from events.plan import Product
from events.views import Word
from storage.orders import OrderRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A finished document. ``size`` is in bytes, ``digest`` its SHA-256 if it is known here."""

    url: str
    pages: int
    size: int
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A report of a bundle."""

    name: str
    title: str
    tagline: str
    state: str
    percent: int
    download: Download | None


def cards(
    bundle: Product, parts: Sequence[OrderRow], catalogue: Mapping[str, Product], link: str
) -> Iterable[Card]:
    """One for each report of the bundle, in its order. ``link`` is the address of its page."""
    rows = {row.status.product: row for row in parts}
    for name in bundle.parts:
        product, row = catalogue[name], rows.get(name)
        yield Card(
            name=name,
            title=product.title,
            tagline=product.tagline,
            state=_CARD_STATES.get(row.status.word, "Being written") if row else "Begins soon",
            percent=row.status.progress.percent if row else 0,
            download=download(row, f"{link}/parts/{name}") if row else None,
        )


_CARD_STATES = {
    Word.QUEUED: "Begins soon",
    Word.PRESSING: "On the press",
    Word.DELIVERING: "Ready",
    Word.DELIVERED: "Ready",
    Word.RETRYING: "A short pause",
    Word.ATTENTION: "A person is looking at it",
    Word.CANCELLED: "Cancelled",
}


def download(row: OrderRow, link: str, order: Order | None = None) -> Download | None:
    """Where the report is had, below ``link``, the address of a page; ``None`` while there is none."""
    status = row.status
    if not available(status):
        return None
    digest = order.document.blob if order and order.document else ""
    return Download(url=f"{link}/report", pages=status.pages, size=status.size, digest=digest)


def together(
    row: OrderRow, bundle: Product, parts: Sequence[OrderRow], catalogue: Mapping[str, Product]
) -> int:
    """A bundle's progress: that of its parts, by their number of sections; 100 only when all is delivered."""
    if row.status.word is Word.DELIVERED:
        return row.status.progress.percent
    weights = {name: len(catalogue[name].sections) for name in bundle.parts}
    done = sum(weights[part.status.product] * part.status.progress.percent for part in parts)
    return min(99, done // sum(weights.values()))
