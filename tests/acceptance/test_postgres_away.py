"""While Postgres is away payments are taken all the same, and their orders are made when it is back."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from events.payments import order_id
from events.products import find
from sandbox.proxy import Proxy, proxied
from sandbox.purchase import checkout_completed
from sandbox.system import System, standing
from tests.acceptance.buying import Bought, buy, get, in_flight, post, slowly
from tests.conftest import needed
from tests.running import only
from tests.waiting import until

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
    # Its mail is not on its way when Postgres goes: that might be sent again.
    with slowly(system, 4.0):
        before = buy(system)
        until(lambda: in_flight(system, before.id))
    event = checkout_completed(find("life_clarity"), email="canary.bird@example.com")

    getattr(proxy, how)()
    answers = [post(system, event) for _ in range(2)]
    time.sleep(3)
    proxy.cut()
    proxy.restore()
    after = Bought(system, order_id("default", event["data"]["object"]["id"]), "")

    assert [answer.json()["verdict"] for answer in answers] == ["queued", "queued"]
    until(lambda: known(after))
    for order in (before, after):
        order.delivered()
        assert len(order.mails()) == 1


def known(order: Bought) -> bool:
    return get(order.system, f"/v1/orders/{order.id}").is_success
