"""The announcements described as AsyncAPI 3.0, generated from the events and the catalogue. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from events.announcement import CONTENT_TYPE, EXCHANGE, Announcement
from events.envelope import Kind, all_kinds
from events.plan import Product
from events.shapes import public_shape

_ABOUT = (
    "Every recorded event is announced at least once, each stream's in order, without personal data. Positions have no"
    " holes: who is bound to everything and misses one, or has lost a queue, reads it from GET /v1/events?after=."
)


def asyncapi(catalogue: Iterable[Product], version: str) -> dict[str, Any]:
    """The document. Payloads are CloudEvents whose ``data`` is in the shape of ``/schemas/<type>.json``."""
    kinds = all_kinds()
    products = [product.name for product in catalogue]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Ledgerpress", "version": version, "description": _ABOUT},
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            "events": {
                "address": "{product}.{event}",
                "description": f"The durable topic exchange {EXCHANGE}; the address is the routing key.",
                "parameters": {
                    "product": {
                        "description": "The order's product, or payment for what is known of a payment alone.",
                        "examples": [*products, "payment"],
                    },
                    "event": {
                        "description": "The type of the event; a later release may announce others.",
                        "examples": [kind.name for kind in kinds],
                    },
                },
                "messages": {
                    kind.name: {"$ref": f"#/components/messages/{kind.name}"} for kind in kinds
                },
                "bindings": {
                    "amqp": {
                        "is": "routingKey",
                        "exchange": {
                            "name": EXCHANGE,
                            "type": "topic",
                            "durable": True,
                            "autoDelete": False,
                        },
                        "bindingVersion": "0.3.0",
                    }
                },
            }
        },
        "operations": {
            "announce": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "summary": "Something was recorded.",
            }
        },
        "components": {
            "messages": {kind.name: _message(kind) for kind in kinds},
            "schemas": {"announcement": envelope(), **{k.name: _inside(k) for k in kinds}},
        },
    }


def envelope() -> dict[str, Any]:
    """The JSON Schema of an announcement, whatever it announces."""
    schema = msgspec.json.schema(Announcement)
    found: dict[str, Any] = schema["$defs"]["Announcement"]
    about = " ".join((Announcement.__doc__ or "").split())
    return {**found, "title": "announcement", "description": about}


def _message(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind.name,
        "title": kind.name,
        "summary": " ".join((kind.cls.__doc__ or "").split("\n\n")[0].split()),
        "contentType": CONTENT_TYPE,
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/announcement"},
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": kind.name},
                        "data": {"$ref": f"#/components/schemas/{kind.name}"},
                    },
                },
            ]
        },
    }


def _inside(kind: Kind) -> dict[str, Any]:
    """An event's schema with its references as they are inside of this document."""
    place = f"#/components/schemas/{kind.name}/$defs/"
    shape = public_shape(kind)
    return {name: _moved(each, place) for name, each in shape.items() if name != "$schema"}


def _moved(value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        return {
            name: each.replace("#/$defs/", place) if name == "$ref" else _moved(each, place)
            for name, each in value.items()
        }
    return [_moved(each, place) for each in value] if isinstance(value, list) else value
