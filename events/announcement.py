"""A recorded event as the world is told of it: under the names of CloudEvents 1.0, without personal data. Pure."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from events.chain import Link
from events.codec import decode_public
from events.envelope import Unknown, kind_of

# The durable topic exchange on which every event is announced.
EXCHANGE = "ledgerpress.events"
CONTENT_TYPE = "application/cloudevents+json"
# In the routing key of what happens to a payment, in place of the product.
_PAYMENT = "payment"


class Announcement(Struct, frozen=True, kw_only=True):
    """An event under the names of CloudEvents 1.0. ``subject`` is its stream, and ``version`` its place there.

    ``data`` is in the shape of ``schemaversion``, which ``dataschema`` describes; a type that this release does not
    know is told as it was recorded, and has none. ``hash`` covers all of it, personal fields as ciphertext, and
    ``previous``, the hash before it in its stream.
    """

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str = "application/json"
    dataschema: str | UnsetType = UNSET
    position: str
    version: str
    schemaversion: str
    actor: str
    correlation: str
    causation: str
    code: str
    fence: str | UnsetType = UNSET
    previous: str
    hash: str
    data: Mapping[str, Any]


class _Meta(Struct):
    correlation: str
    causation: str
    actor: str
    code: str


def announce(position: int, link: Link, source: str) -> Announcement:
    """What is told of the event at ``position``. ``source`` is the address of this house."""
    event = decode_public(link.type, link.schema, link.data)
    known = not isinstance(event, Unknown)
    meta = msgspec.json.decode(link.meta, type=_Meta)
    return Announcement(
        id=str(link.id),
        source=source,
        type=link.type,
        subject=link.stream,
        time=link.recorded_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        dataschema=f"{source.rstrip('/')}/schemas/{link.type}.json" if known else UNSET,
        position=str(position),
        version=str(link.version),
        schemaversion=str(kind_of(event).schema if known else link.schema),
        actor=meta.actor,
        correlation=meta.correlation,
        causation=meta.causation,
        code=meta.code,
        fence=UNSET if link.fence is None else str(link.fence),
        previous=link.previous.hex(),
        hash=link.hash.hex(),
        data=public(event),
    )


def public(event: Any) -> dict[str, Any]:
    """An event's fields without the personal ones."""
    if isinstance(event, Unknown):
        return {name: value for name, value in event.data.items() if name != "sealed"}
    data: dict[str, Any] = msgspec.to_builtins(event)
    for name in kind_of(event).personal:
        del data[name]
    return data


def routing_key(product: str | None, event_type: str) -> str:
    """``<product>.<event>``; what happens to a payment is told under ``payment``, and once more of its order."""
    return f"{product or _PAYMENT}.{event_type}"
