"""The pages that need no order, in a real browser: whole on every screen, and readable."""

import pytest

from tests.browser.looking import LOOKS, Look, Looking, overflow

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

PAGES = {"shop": "/", "docs": "/docs", "problems": "/problems", "nothing": "/nowhere"}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_every_screen(looking: Looking, name: str, look: Look) -> None:
    page = looking.begin(look)

    page.goto(PAGES[name])

    looking.photograph(page, name, look)
    assert overflow(page) <= 0
    assert page.locator("h1").count() == 1
