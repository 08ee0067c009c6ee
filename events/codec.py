"""Events to the exact bytes the log keeps, and back. Personal fields are sealed on the way in.

The stored form is a JSON object of the public fields, with all personal fields of an event together in one ciphertext
under ``"sealed"`` (base64). Hashes are taken over these bytes, so that erasing a key changes no hash.
"""

import base64
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import msgspec

import events.facts  # noqa: F401 - declares the events: without it, each would be unknown
from events.envelope import Unknown, kind_named, kind_of
from events.upcast import upcast

# What encrypts and decrypts: bytes to bytes. ``Open`` answers None when the key has been destroyed.
Seal = Callable[[bytes], bytes]
Open = Callable[[bytes], bytes | None]

_encoder = msgspec.json.Encoder(order="deterministic")


def encode(event: Any, seal: Seal) -> str:
    """The bytes to store, as text. The same event always gives the same public part."""
    kind = kind_of(event)
    data: dict[str, Any] = msgspec.to_builtins(event)
    if kind.personal:
        personal = {name: data.pop(name) for name in sorted(kind.personal)}
        data["sealed"] = seal(_encoder.encode(personal))  # bytes are written in base64
    return _encoder.encode(data).decode()


def decode(name: str, schema: int, data: str | bytes, unseal: Open) -> Any:
    """The event, in its current shape.

    An unknown type, or a known one of a later schema version, comes back as ``Unknown``. Personal fields whose key is
    gone read as their defaults.
    """
    kind = kind_named(name)
    if kind is not None and schema == kind.schema and not kind.personal:
        return _reader(kind.cls).decode(data)
    fields: dict[str, Any] = msgspec.json.decode(data)
    if kind is None or schema > kind.schema:
        return Unknown(name, fields)
    sealed = fields.pop("sealed", None)
    opened = unseal(base64.b64decode(sealed)) if sealed is not None else None
    personal = msgspec.json.decode(opened) if opened is not None else {}
    return msgspec.convert(upcast(name, schema, kind.schema, {**fields, **personal}), kind.cls)


def decode_public(name: str, schema: int, data: str | bytes) -> Any:
    """The event without what is personal, for readers of many streams: several times faster than ``decode``.

    What cannot be read as what it says it is comes back as ``Unknown``, too: somebody else's mistake, or a forger's,
    must not stop those who read everything.
    """
    try:
        return _public(name, schema)(data)
    except (msgspec.ValidationError, KeyError):
        return Unknown(name, msgspec.json.decode(data))


@lru_cache(maxsize=1000)
def _public(name: str, schema: int) -> Callable[[str | bytes], Any]:
    """What reads events of that type and schema version."""
    kind = kind_named(name)
    if kind is not None and schema == kind.schema:
        return _reader(kind.cls).decode
    return lambda data: decode(name, schema, data, lambda _: None)


@cache
def _reader(cls: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cls)
