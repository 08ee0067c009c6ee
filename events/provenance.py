"""Where a report comes from, as a file that goes with it: every section, who wrote it, and the hash of its words."""

import hashlib
import json

from events.order import Order
from events.plan import Product

FILENAME = "provenance.json"


def provenance(order: Order, product: Product) -> bytes:
    """JSON about the written sections of ``order``, without a word of them or of the customer's.

    Follows from the log alone and not from who worked on it how often: the same before and after a crash.
    """
    assert order.placed is not None
    sections = [
        {
            "section": each.name,
            "model": written.model,
            "words": len(written.text.split()),
            "tokens": {"prompt": written.tokens.prompt, "completion": written.tokens.completion},
            "sha256": hashlib.sha256(written.text.encode("utf-8", "replace")).hexdigest(),
        }
        for each in product.sections
        if (written := order.sections.get(each.name))
    ]
    content = {
        "order": order.id,
        "product": order.placed.product,
        "ordered_at": order.placed.at,
        "sections": sections,
    }
    return json.dumps(content, indent=1).encode() + b"\n"


def fingerprint(papers: bytes) -> str:
    """SHA-256 of what ``provenance`` gave, as it is printed on the last page."""
    return hashlib.sha256(papers).hexdigest()
