"""What is known of some orders: their log, the mails that the mail server has, the calls that reached the model."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import httpx

from events.envelope import Recorded
from events.errors import NotFound
from events.order import fold
from events.products import CATALOGUE
from sandbox.mailbox import Mailbox
from sandbox.system import System
from sandbox.verdict import Evidence
from storage.history import stream_of
from storage.opening import opened
from storage.record import Log
from storage.settings import read_from

_OK = 200


def gathered(system: System, orders: Iterable[str]) -> Iterator[Evidence]:
    """Everything about each of these orders and, after a bundle, about each of its parts."""
    mails = mails_by_order(
        each.message_id for each in Mailbox(system.folder / "mail").newest_first()
    )
    answer = httpx.get(f"{system.model.removesuffix('/v1')}/_requests", timeout=120)
    calls = calls_by_order(answer.json())

    def evidence(order: str, history: Sequence[Recorded], log: Log) -> Evidence:
        return Evidence(
            stream=stream_of(order),
            history=history,
            links=log.links(order),
            mails=mails.get(order, Counter()),
            calls=calls.get(order, Counter()),
        )

    with opened(read_from(system.environment), CATALOGUE, pool=1) as log:
        for order in orders:
            try:
                history = log.recorded(order)
            except NotFound:
                yield Evidence(stream=stream_of(order), history=(), links=())
                continue
            yield evidence(order, history, log)
            for part in fold(order, (each.event for each in history)).parts.values():
                yield evidence(part, log.recorded(part), log)


def calls_by_order(requests: Iterable[Mapping[str, Any]]) -> dict[str, Counter[str]]:
    """How often each section of each order was asked for. What the model refused to begin (429, 5xx) is no call."""
    found: dict[str, Counter[str]] = {}
    for each in requests:
        if each["status"] in (None, _OK):
            order = str(each["headers"].get("x-ledgerpress-order", ""))
            found.setdefault(order, Counter())[each["section"]] += 1
    return found


def mails_by_order(message_ids: Iterable[str]) -> dict[str, Counter[str]]:
    """How often each Message-ID about each order reached the mail server."""
    found: dict[str, Counter[str]] = {}
    for each in message_ids:
        order = each.strip("<>").partition(".")[0]
        found.setdefault(order, Counter())[each] += 1
    return found
