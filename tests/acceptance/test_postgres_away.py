"""While Postgres is away payments are taken all the same, and their orders are made when it is back."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from events.payments import order_id
from events.products import find
from sandbox.proxy import Proxy, proxied
from sandbox.purchase import checkout_completed
from sandbox.system import System, standing
from tests.acceptance.buying import Bought, buy, post
from tests.conftest import needed
from tests.running import only

pytestmark = pytest.mark.acceptance


@pytest.fixture
def cut_off(database: str, tmp_path: Path) -> Iterator[tuple[System, Proxy]]:
    """A running system and its line to Postgres."""
    with proxied(database) as proxy:
        settings = {
            "DATABASE_URL": proxy.url,
            "DATABASE_OWNER_URL": database,
            "RABBITMQ_URL": needed("RABBITMQ_URL"),
            "OPENAI_API_KEY": "",
        }
        copies = only("life_clarity")
        with standing(tmp_path, speed=100, latency=10, settings=settings, copies=copies) as system:
            yield system, proxy


@pytest.mark.parametrize("how", ["cut", "black_hole"])
def test_what_is_paid_meanwhile_is_made_afterwards(cut_off: tuple[System, Proxy], how: str) -> None:
    system, proxy = cut_off
    before = buy(system)
    event = checkout_completed(find("life_clarity"), email="canary.bird@example.com")

    getattr(proxy, how)()
    began = time.monotonic()
    answers = [post(system, event) for _ in range(2)]
    seconds = time.monotonic() - began
    time.sleep(3)
    proxy.cut()
    proxy.restore()
    after = Bought(system, order_id("default", event["data"]["object"]["id"]), "")

    assert [answer.json()["verdict"] for answer in answers] == ["queued", "queued"]
    assert seconds < 10
    until_known(after)
    for order in (before, after):
        order.delivered()
        assert len(order.mails()) == 1


def until_known(order: Bought) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            order.ask()
        except httpx.HTTPStatusError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return
