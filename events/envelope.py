"""How an event is declared, and what the log adds to it once it is recorded."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar, dataclass_transform, get_type_hints

T = TypeVar("T")

# Marks a field that only the holder of the customer's key may read. The codec seals it; to everybody else, and once the
# key is destroyed, it reads as its default.
PERSONAL: Final = "personal"
PersonalText = Annotated[str, PERSONAL]
PersonalFields = Annotated[Mapping[str, str], PERSONAL]

# All event ids live below this namespace. Changing it would make retried appends write twice.
NAMESPACE: Final = uuid.UUID("6f1d2a52-7a43-5d0e-9c58-3f1f0b7e5a11")


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of an event type: its written name, schema version, natural key and personal fields.

    An ``intent`` announces what is about to be spent or settled: it may only be recorded if nothing else has happened
    since it was decided. Everything else is true whatever else happened, and is recorded all the same.
    """

    name: str
    schema: int
    cls: type
    key: tuple[str, ...]
    intent: bool
    personal: frozenset[str]


_BY_NAME: dict[str, Kind] = {}
_BY_CLASS: dict[type, Kind] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def event(
    name: str, *, version: int = 1, key: tuple[str, ...] = (), intent: bool = False
) -> Callable[[type[T]], type[T]]:
    """Declare an event under a name written out, so that a class can be renamed without touching history.

    ``key`` names the fields that make this fact unlike any other of its type in the same stream; together they give
    the event its id. An event without a key can happen once in a stream's life: the database refuses a second one.
    """

    def declare(cls: type[T]) -> type[T]:
        declared = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        hints = get_type_hints(declared, include_extras=True)
        kind = Kind(
            name=name,
            schema=version,
            cls=declared,
            key=key,
            intent=intent,
            personal=frozenset(
                field.name
                for field in fields(declared)  # type: ignore[arg-type]
                if PERSONAL in getattr(hints[field.name], "__metadata__", ())
            ),
        )
        if name in _BY_NAME:
            message = f"two events are called {name!r}"
            raise TypeError(message)
        if bare := kind.personal & {field.name for field in fields(declared) if _bare(field)}:  # type: ignore[arg-type]
            message = f"{name!r} has personal fields without a default: {', '.join(sorted(bare))}"
            raise TypeError(message)
        _BY_NAME[name] = _BY_CLASS[declared] = kind
        return declared

    return declare


def _bare(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def kind_of(event_or_class: object) -> Kind:
    """The declaration of an event or of its class; ``KeyError`` if it is none."""
    cls = event_or_class if isinstance(event_or_class, type) else type(event_or_class)
    return _BY_CLASS[cls]


def kind_named(name: str) -> Kind | None:
    """The declaration under that name, or ``None``: perhaps a newer release wrote it."""
    return _BY_NAME.get(name)


def all_kinds() -> tuple[Kind, ...]:
    """Every declared event, by name."""
    return tuple(_BY_NAME[name] for name in sorted(_BY_NAME))


def event_id(stream: str, event: object) -> uuid.UUID:
    """The id of this fact in this stream: the same fact has the same id, whoever records it and how often."""
    kind = kind_of(event)
    parts = [stream, kind.name, *(str(getattr(event, name)) for name in kind.key)]
    return uuid.uuid5(NAMESPACE, "/".join(parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Who did it and why: travels in the metadata of every event.

    ``correlation`` is the request it all came from, ``causation`` the event or message just before, ``actor`` the
    process or the person's role, ``trace`` the W3C traceparent that it continues, if any. None is personal data.
    """

    correlation: str
    causation: str
    actor: str
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event of a type this release does not know: kept, shown, and skipped by folds."""

    name: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event with its place in the log. ``hash`` covers everything here and ``previous``."""

    event: Any
    id: uuid.UUID
    stream: str
    version: int
    type: str
    schema: int
    recorded_at: datetime
    fence: int | None
    cause: Cause
    code: str
    previous: bytes
    hash: bytes
