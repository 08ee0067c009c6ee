"""Records what Stripe says: the same way for the webhook and for the inbox, in any order and any number.

What becomes of a payment is written to a stream of the payment's own first, and added to its order from there. Whoever
places the order looks into that stream afterwards, and whoever writes to it looks for the order afterwards: whichever
comes second sees the other, and nobody else has to.
"""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

from sqlalchemy import select

from events.chain import Link
from events.codec import decode, encode
from events.envelope import Cause, event_id, kind_of
from events.order import Order, evolve
from events.payments import Ignored, Reversed, event_name, order_id, read
from events.place import Purchase, place
from events.plan import Product
from events.reversal import reverse
from storage import event_log
from storage.adding import add
from storage.database import again_once, connected, directly
from storage.event_log import Fact
from storage.metrics import HEARD
from storage.parts import tell
from storage.record import Log
from storage.tables import orders
from storage.telemetry import log


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The body of an event that is certain to come from Stripe. ``at`` is when we learned of it, RFC 3339."""

    tenant: str
    live: bool
    at: str
    correlation: str
    body: str
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What became of an event: the ``order`` it led to, or the ``reason`` why it led to none."""

    verdict: Literal["recorded", "duplicate", "ignored"]
    order: str | None = None
    reason: str | None = None


def hear(signed: Signed, orders_log: Log, catalogue: Mapping[str, Product]) -> Heard:
    """Record what the event says and the log does not.

    Safe to repeat, also after a crash anywhere in it: once it returns, all of it is recorded. Raises ``Unavailable``
    if Postgres is away, and ``Refused`` if something here is set up wrongly.
    """
    heard = _heard(json.loads(signed.body), signed, orders_log, catalogue)
    HEARD.labels(heard.verdict).inc()
    return heard


def _heard(
    event: Mapping[str, Any], signed: Signed, orders_log: Log, catalogue: Mapping[str, Product]
) -> Heard:
    said = read(event, tenant=signed.tenant, live=signed.live, at=signed.at)
    if isinstance(said, Ignored):
        return Heard(verdict="ignored", reason=said.reason)
    name = said.intent if isinstance(said, Reversed) else said.session
    cause = Cause(
        correlation=signed.correlation,
        causation=event_name(event) or name,
        actor="stripe",
        trace=signed.trace,
    )
    if isinstance(said, Reversed):
        return _reversed(said, cause, orders_log)
    return _bought(said, cause, orders_log, catalogue)


def payment_stream(tenant: str, intent: str) -> str:
    """The name of the stream of what became of a payment."""
    return f"payment-{tenant}/{intent}"


def _bought(
    purchase: Purchase, cause: Cause, orders_log: Log, catalogue: Mapping[str, Product]
) -> Heard:
    name = order_id(purchase.tenant, purchase.session)

    def wanted(order: Order) -> list[Any]:
        facts = place(order, purchase, name, catalogue)
        after = reduce(evolve, facts, order)
        if after.placed is None:
            return []
        return [*facts, *reverse(after, _kept(orders_log, purchase.tenant, purchase.intent))]

    history, wrote = add(wanted, lambda: orders_log.begin(name, uuid.UUID(name)), cause, orders_log)
    if history.order.placed is None:
        return Heard(verdict="ignored", reason="never-placed")
    wrote |= tell(history.order, cause, orders_log)
    wrote = wrote or _written_by(cause, orders_log.links(name))
    return Heard(verdict="recorded" if wrote else "duplicate", order=name)


def _reversed(said: Reversed, cause: Cause, orders_log: Log) -> Heard:
    new = _keep(said, cause, orders_log)
    name = _order_of(said, orders_log)
    if name is None:
        verdict: Literal["recorded", "duplicate"] = "recorded" if new else "duplicate"
        return Heard(verdict=verdict, reason="no-order-yet")
    history, wrote = add(
        lambda order: reverse(order, _kept(orders_log, said.tenant, said.intent)),
        lambda: orders_log.read(name),
        cause,
        orders_log,
    )
    wrote |= tell(history.order, cause, orders_log)
    return Heard(verdict="recorded" if new or wrote else "duplicate", order=name)


def _keep(said: Reversed, cause: Cause, orders_log: Log) -> bool:
    """Write the fact to the payment's own stream; return whether it is new there."""
    stream, kind = payment_stream(said.tenant, said.intent), kind_of(said.fact)
    fact = Fact(
        id=event_id(stream, said.fact),
        type=kind.name,
        schema=kind.schema,
        data=encode(said.fact, lambda plain: plain),
    )
    meta = event_log.metadata(cause, orders_log.code)

    def write() -> bool:
        with connected(orders_log.engine) as connection:
            return event_log.append(connection, stream, [fact], meta)

    new = again_once(write)
    if not new:
        with directly(orders_log.engine) as connection:
            return _written_by(cause, event_log.read(connection, stream))
    log.info(kind.name, payment=said.intent, correlation=cause.correlation)
    return True


def _written_by(cause: Cause, links: Iterable[Link]) -> bool:
    """Whether this very request wrote one of them: it lost the answer to its first try, and found its own events."""
    return any(json.loads(each.meta)["correlation"] == cause.correlation for each in links)


def _kept(orders_log: Log, tenant: str, intent: str) -> list[Any]:
    """What has become of the payment so far, oldest first."""
    if not intent:
        return []

    def ask() -> list[Any]:
        with directly(orders_log.engine) as connection:
            stored = event_log.read(connection, payment_stream(tenant, intent))
        return [decode(each.type, each.schema, each.data, lambda _: None) for each in stored]

    return again_once(ask)


def _order_of(said: Reversed, orders_log: Log) -> str | None:
    query = select(orders.c.order_id).where(
        orders.c.intent == said.intent, orders.c.intent != "", orders.c.tenant == said.tenant
    )
    with connected(orders_log.engine) as connection:
        found = connection.execute(query.order_by(orders.c.placed_at)).scalars().first()
    return str(found) if found else None
