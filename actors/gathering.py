"""A bundle's parts, gathered when they have finished."""

from collections.abc import Generator

from actors.tools import Tools
from events.order import PartFinished


def gather(parts: tuple[tuple[str, str], ...], tools: Tools) -> Generator[PartFinished]:
    """Yield those parts whose documents are ready by now."""
    for product, order_id in parts:
        part = tools.log.read(order_id).order
        if part.delivered and part.document:
            yield PartFinished(product=product, order=order_id, document=part.document)
