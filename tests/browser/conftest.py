"""A running system and a real browser to look at it with, on a phone and a desktop, in light and dark."""

from collections.abc import Iterator
from unittest import mock

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from sandbox.machine import chromium
from sandbox.machine.places import NotReadyError
from sandbox.system import System
from tests.browser.looking import PATIENCE, Looking
from tests.conftest import Server
from tests.running import running

SPEED = 20
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def system(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """Everything, twenty times as fast as the real model and its pauses."""
    folder = tmp_path_factory.mktemp("browser")
    with running(server, template, folder, speed=SPEED) as system:
        yield system


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, or a failed test that says what is missing."""
    try:
        found, driving = chromium.install(), chromium.driving()
    except NotReadyError as error:
        pytest.fail(str(error), pytrace=False)
    with mock.patch.dict("os.environ", driving), sync_playwright() as playwright:
        browser = playwright.chromium.launch(**found.launching())
        yield browser
        browser.close()


@pytest.fixture
def looking(browser: Browser, system: System) -> Iterator[Looking]:
    """Opens pages. A page that complains on its console fails the test."""
    looking = Looking(browser, system.url)
    yield looking
    looking.close()
    assert looking.complaints == []
