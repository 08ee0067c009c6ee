"""The pages that need no order, in a real browser: whole on every screen, and readable."""

import pytest

from tests.browser.looking import LOOKS, Look, Looking, faint, overflow

pytestmark = pytest.mark.acceptance

PAGES = {
    "shop": "/",
    "docs": "/docs",
    "problems": "/problems",
    "nothing": "/nowhere",
    "form": "/buy/personal_horoscope",
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_every_screen(looking: Looking, name: str, look: Look) -> None:
    page = looking.begin(look)

    page.goto(PAGES[name])

    looking.photograph(page, name, look)
    assert overflow(page) <= 0
    assert page.locator("h1").count() == 1
    assert faint(page) == []


def test_the_shop_is_walked_through_with_the_keyboard_alone(looking: Looking) -> None:
    page = looking.begin()
    page.goto("/")
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")

    reached = []
    for _ in range(7):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim()"))
    ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")

    assert first == "To the content"
    assert "Order Life Clarity" in reached
    assert "Ledgerpress" not in reached
    assert ring == "solid"
