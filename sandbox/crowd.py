"""Many buyers at once: each pays, and the card company posts the event until it is thanked for it."""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from events.payments import order_id
from events.products import CATALOGUE
from sandbox.purchase import checkout_completed, post
from sandbox.system import System

_BUYERS = 8
_AGAIN_SECONDS = 0.5
_PATIENCE_SECONDS = 120.0
# At least once, says Stripe: so often an event is posted again although it was answered.
_TWICE = 0.1

# Of so many orders one is of that product; all others are the small one that most people buy.
SMALL = "life_clarity"
ONE_IN = {"bundle": 200, "personal_blueprint": 50, "document_analysis": 20}


def assortment(orders: int) -> list[str]:
    """What so many buyers want, the large ones first, because they take longest."""
    large = [name for name, each in ONE_IN.items() for _ in range(orders // each)]
    return large + [SMALL] * (orders - len(large))


def buy_all(system: System, wanted: Sequence[str], chance: random.Random) -> dict[str, str]:
    """Pay for all of them; return the orders' ids, each with its product, once all have been answered 200.

    Raises ``TimeoutError`` if the shop does not take one within two minutes.
    """
    events = [
        checkout_completed(CATALOGUE[product], email=f"buyer.{number}@example.com")
        for number, product in enumerate(wanted, start=1)
    ]
    posted = list(_posted(events, chance))
    with httpx.Client(timeout=30) as line, ThreadPoolExecutor(_BUYERS) as pool:
        list(pool.map(lambda event: _thanked(system, event, line), posted))
    return {
        order_id("default", event["data"]["object"]["id"]): product
        for event, product in zip(events, wanted, strict=True)
    }


def _posted(events: Sequence[dict[str, Any]], chance: random.Random) -> Iterator[dict[str, Any]]:
    for event in events:
        yield event
        if chance.random() < _TWICE:
            yield event


def _thanked(system: System, event: dict[str, Any], line: httpx.Client) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            answer = post(event, url=system.url, secret=system.webhook_secret, line=line)
        except httpx.TransportError:
            pass  # the shop is being started anew
        else:
            if answer.status_code == httpx.codes.OK:
                return
        time.sleep(_AGAIN_SECONDS)
    message = f"the shop did not take a payment within {_PATIENCE_SECONDS:.0f} s"
    raise TimeoutError(message)
