"""A state is read field by field; what is personal is marked, and never prints itself."""

from hypothesis import given

from events.facts import OrderCorrected
from events.money import Money
from events.order import fold
from events.products import find
from events.state import Change, Personal, diff, state
from tests.examples import ORDER, asked, order, paid, placed, started, written
from tests.strategies import histories

PRODUCT = find("life_clarity")


def test_the_state_says_where_the_order_stands_and_why() -> None:
    found = state(order(placed(), paid(), started(), asked("section-001")), PRODUCT)

    assert found["word"] == "writing"
    assert found["done"] == "0 of 4 sections"
    assert found["paid"] == "49.00 USD"
    assert found["placed.product"] == "life_clarity"
    assert found["asked"] == "section-001"
    assert found["running"] is True
    assert "delivered.by" not in found


def test_what_is_personal_is_there_and_says_nothing() -> None:
    found = state(order(placed(), written("section-001", text="canary")), PRODUCT)

    assert found["placed.email"] == Personal("jenny.rosen@example.com")
    assert found["sections.section-001.text"] == Personal("canary")
    for secret in ("jenny", "canary", "1990"):
        assert secret not in repr(found)


def test_a_diff_names_each_field_that_is_not_the_same() -> None:
    before = order(placed(), paid(), started(), asked("section-001"))
    after = fold(ORDER, [placed(), paid(), started(), asked("section-001"), written("section-001")])

    changes = {
        each.path: (each.before, each.after)
        for each in diff(state(before, PRODUCT), state(after, PRODUCT))
    }

    assert changes["done"] == ("0 of 4 sections", "1 of 4 sections")
    assert changes["asked"] == ("section-001", None)
    assert changes["sections.section-001.cost"] == (None, 1280)
    assert "placed.email" not in changes
    assert "paid" not in changes


def test_that_something_personal_changed_is_told_and_not_what() -> None:
    events = [placed(), paid()]
    corrected = [*events, OrderCorrected(number=1, email="j.rosen@example.com")]

    (email,) = [
        each
        for each in diff(state(order(*events), PRODUCT), state(order(*corrected), PRODUCT))
        if isinstance(each.after, Personal)
    ]

    assert email == Change(
        path="placed.email",
        before=Personal("jenny.rosen@example.com"),
        after=Personal("j.rosen@example.com"),
    )
    assert "rosen" not in str(email)


def test_an_order_of_a_product_that_is_no_longer_sold_has_a_state_as_well() -> None:
    found = state(order(placed("gone", price=Money(1, "usd"))), None)

    assert found["placed.price"] == "0.01 USD"


@given(histories)
def test_a_state_does_not_differ_from_itself_and_holds_nothing_personal(
    history: list[object],
) -> None:
    found = state(order(*history), PRODUCT)

    assert diff(found, found) == ()
    for path, value in found.items():
        assert isinstance(value, Personal) == path.endswith((".email", ".fields", ".text"))
