"""What a tenant's program orders, as pure facts."""

from dataclasses import replace

from events.facts import OrderPlaced
from events.order import fold
from events.products import CATALOGUE
from events.request import Fault, Request, faults, order_id, place, same

ORDER = "0b9d1c52-6a1e-5c3f-9a55-1f0a4a3f7c11"
WANTED = Request(product="document_analysis", fields={"text": "A text."})


def placed(wanted: Request = WANTED) -> OrderPlaced:
    facts = place(
        fold(ORDER, []),
        wanted,
        product=CATALOGUE[wanted.product],
        tenant="acme",
        live=False,
        at="2026-11-21T12:00:00+00:00",
    )
    (first, _) = facts
    assert isinstance(first, OrderPlaced)
    return first


def test_an_orders_name_is_made_of_the_tenant_and_its_key() -> None:
    names = {order_id(tenant, key) for tenant in ("a", "b") for key in ("1", "2")}

    assert len(names) == 4
    assert order_id("a", "1") in names


def test_what_was_placed_is_not_placed_again() -> None:
    order = fold(ORDER, [placed()])

    assert (
        place(order, WANTED, product=CATALOGUE[WANTED.product], tenant="acme", live=False, at="")
        == []
    )


def test_the_same_request_is_known_by_all_of_it() -> None:
    assert same(placed(), WANTED)
    assert not same(placed(), replace(WANTED, email="a@example.com"))
    assert not same(placed(), replace(WANTED, fields={"text": "Another text."}))
    assert not same(placed(), replace(WANTED, product="life_clarity"))


def test_every_product_can_be_ordered_with_what_it_gives_as_examples() -> None:
    for product in CATALOGUE.values():
        fields = {each.name: each.example for each in product.fields if each.example}
        wanted = Request(product=product.name, fields=fields, email="ada@example.com")

        assert faults(wanted, CATALOGUE) == [], product.name


def test_faults_are_not_listed_without_end() -> None:
    wanted = replace(WANTED, fields={"text": "A text.", **{f"x{n}": "" for n in range(1000)}})

    found = faults(wanted, CATALOGUE)

    assert len(found) == 50
    assert found[0] == Fault("/fields/x0", "Document Analysis has no such field.")
