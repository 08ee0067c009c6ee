"""What an auditor is shown of a moment: the state, what changed, the event and what led to it; nothing personal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import msgspec

from events.announcement import public
from events.envelope import Recorded, Unknown
from events.plan import Product
from events.state import Change, Personal, State, Value, diff, personal_in
from events.why import chain
from storage.past import Past

_SEALED, _ERASED = "sealed", "erased"
# Fields in millionths of a dollar.
_MONEY = frozenset({"cost", "spent", "most", "most_each"})
# What says in a word what an event is about, the best first.
_TELLING = ("section", "chunk", "mail", "reason", "why", "by", "product", "number")
_OF_ORDERS = frozenset({"order", "parent"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as it is shown. ``kind`` is empty, or ``sealed``, ``erased`` or ``none``; ``order`` an id to look up."""

    text: str
    kind: str = ""
    order: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Fields whose paths begin alike, without that beginning. The first group has no title: it is the whole."""

    title: str
    fields: tuple[tuple[str, Shown], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A field before and after."""

    path: str
    before: Shown
    after: Shown


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in the list of an order's events."""

    version: int
    type: str
    about: str
    actor: str
    at: datetime


def groups(fields: State, erased_at: datetime | None) -> tuple[Group, ...]:
    """The state for reading: what is said of the whole order first, then what it consists of."""
    flat = [(path, show(path, value, erased_at)) for path, value in fields.items()]
    whole = Group("", tuple(each for each in flat if "." not in each[0]))
    deep = [each for each in flat if "." in each[0]]
    return (
        whole,
        *(
            Group(title, tuple((path.partition(".")[2], shown) for path, shown in members))
            for title, members in groupby(deep, key=lambda each: each[0].partition(".")[0])
        ),
    )


def steps(before: State, after: State, erased_at: datetime | None) -> tuple[Step, ...]:
    """What changed between two states."""

    def step(each: Change) -> Step:
        return Step(
            path=each.path,
            before=show(each.path, each.before, erased_at),
            after=show(each.path, each.after, erased_at),
        )

    return tuple(step(each) for each in diff(before, after))


def event_fields(event: Any, erased_at: datetime | None) -> tuple[tuple[str, Shown], ...]:
    """What an event says, its personal fields by name only."""
    hidden = (
        Shown(_erased(erased_at), _ERASED) if erased_at else Shown("sealed, hash kept", _SEALED)
    )
    flat = [(path, show(path, value, erased_at)) for path, value in _leaves(public(event).items())]
    return (*flat, *((name, hidden) for name in sorted(personal_in(event))))


def timeline(history: Past) -> tuple[Entry, ...]:
    """All of an order's events, oldest first, in a few words each."""
    product = history.catalogue.get(history.row.status.product)
    return tuple(
        Entry(
            version=each.version,
            type=each.type,
            about=about(each.event, product),
            actor=each.cause.actor,
            at=each.recorded_at,
        )
        for each in history.recorded
    )


def led_to(history: Past, version: int) -> tuple[tuple[Recorded, str], ...]:
    """The events that led to that version, the first first, each with what it is about."""
    product = history.catalogue.get(history.row.status.product)
    return tuple((each, about(each.event, product)) for each in chain(history.recorded, version))


def about(event: Any, product: Product | None) -> str:
    """In a few words, what the event is about."""
    if isinstance(event, Unknown):
        return str(event.data.get("what", ""))
    if asked := getattr(event, "sections", ()):
        return f"{len(asked)} section{'s' if len(asked) > 1 else ''}"
    found = next((str(value) for name in _TELLING if (value := getattr(event, name, ""))), "")
    titles = {each.name: each.title for each in product.sections} if product else {}
    return titles.get(found, found)


def show(path: str, value: Value, erased_at: datetime | None) -> Shown:
    """A value of a state for reading."""
    match value:
        case Personal() if erased_at:
            return Shown(_erased(erased_at), _ERASED)
        case Personal(value=inner) if inner:
            return Shown("sealed", _SEALED)
        case None | Personal() | "":
            return Shown("none", "none")
        case bool():
            return Shown("yes" if value else "no")
        case int() if path.rpartition(".")[2] in _MONEY:
            return Shown(f"${value / 1_000_000:.6f}")
    named = {path.partition(".")[0], path.rpartition(".")[2]} & {*_OF_ORDERS, "parts"}
    return Shown(str(value), order=str(value) if named else "")


def exact(at: datetime) -> str:
    """A time for reading, to the millisecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _erased(at: datetime) -> str:
    return f"erased on {at:%-d %B %Y}, hash kept"


def _leaves(fields: Iterable[tuple[str, Any]], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in fields:
        if isinstance(value, Mapping):
            yield from _leaves(value.items(), f"{before}{name}.")
        elif isinstance(value, list | tuple):
            yield before + name, ", ".join(map(str, value))
        elif isinstance(value, str | int | bool | None):
            yield before + name, value
        else:
            yield before + name, msgspec.json.encode(value).decode()
