"""``ledgerpress product``: what is sold."""

from api.cli._answer import Answer, Rows
from api.cli._ending import FAILURE, OK
from api.cli._word import Word
from events.products import CATALOGUE, faults

word = Word("What is sold.")


@word.verb("list")
def show() -> Answer:
    """Show the catalogue."""
    products = CATALOGUE.values()
    data = [
        {
            "product": product.name,
            "title": product.title,
            "sections": len(product.sections),
            "parts": list(product.parts),
            "prices": [
                {"amount": each.amount, "currency": each.currency} for each in product.prices
            ],
            "promise_seconds": product.promise,
        }
        for product in products
    ]
    rows = [
        (
            product.name,
            product.title,
            len(product.sections) or ", ".join(product.parts),
            ", ".join(map(str, product.prices)),
            f"{product.promise:.0f} s",
        )
        for product in products
    ]
    head = ("product", "title", "sections", "prices", "promise")
    return Answer(data=data, shown=Rows(head, rows))


@word.verb("check")
def check() -> Answer:
    """Look for mistakes in the catalogue; exit code 1 if there are any."""
    found = {name: faults(product, CATALOGUE) for name, product in CATALOGUE.items()}
    wrong = {name: list(each) for name, each in found.items() if each}
    return Answer(
        data=wrong,
        shown=[f"{name}: {fault}" for name, each in wrong.items() for fault in each],
        talk=f"{len(CATALOGUE)} products, {len(wrong)} with mistakes",
        code=FAILURE if wrong else OK,
        next_="mend the product's file in events/products/, then: ledgerpress product check"
        if wrong
        else "",
    )
