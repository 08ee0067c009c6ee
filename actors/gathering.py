"""A bundle's parts, as they stand: finished, held up, or at work again."""

from collections.abc import Generator

from actors.tools import Tools
from events.facts import PartFinished, PartHeld, PartResumed
from events.order import Order


def gather(
    parts: tuple[tuple[str, str], ...], bundle: Order, tools: Tools
) -> Generator[PartFinished | PartHeld | PartResumed]:
    """Yield what ``bundle`` has not noted yet of these of its parts."""
    for product, order_id in parts:
        part = tools.log.read(order_id).order
        held = bundle.held_parts.get(product)
        if part.delivered and part.document:
            yield PartFinished(product=product, order=order_id, document=part.document)
        elif part.attention and (held is None or held.number != part.attentions):
            number, reason = part.attentions, part.attention.reason
            yield PartHeld(product=product, order=order_id, number=number, reason=reason)
        elif held and not part.attention:
            yield PartResumed(product=product, number=held.number)
