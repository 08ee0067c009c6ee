"""What a projection across orders is: sums, and what must be remembered of each order to go on adding to them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import msgspec

# What is counted under, from the general to the particular: ("acme", "2026-11", "life_clarity", "calls").
Key = tuple[str, ...]
Additions = tuple[tuple[Key, int], ...]
# An event as projections read it, without personal fields, and when it was recorded.
Told = tuple[Any, datetime]
# Events by their stream, each stream's in order.
Seen = Mapping[str, Sequence[Told]]

NOTHING: Additions = ()


class Memory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of an order. Kept in its written form: raise the projection's version to change it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A fold of the whole log into sums.

    ``step`` is given what is remembered of an order (``None`` before its first event), an event of ``events`` that was
    recorded in its stream, and when; it returns what to remember, and what to add to which sums. It is told of no other
    stream: the result is the same however the streams' events lie among each other, and however they are divided into
    batches. A sum exists once anything was added to it, be it 0. ``key`` names the parts of the sums' keys.
    """

    name: str
    version: int
    about: str
    key: tuple[str, ...]
    memory: type[Memory]
    events: tuple[type, ...]
    step: Callable[[Any, Any, datetime], tuple[Any, Additions]]


def day_of(at: datetime) -> str:
    """The day of a time in UTC, as ``2026-11-21``."""
    return _day(at.toordinal())


def month_of(at: datetime) -> str:
    """The month of a time in UTC, as ``2026-11``."""
    return _month(at.toordinal())


# To write a date takes longer than all else that most events call for.
@lru_cache(maxsize=1000)
def _day(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


@lru_cache(maxsize=1000)
def _month(ordinal: int) -> str:
    return _day(ordinal)[:7]


def add_up(
    projection: Projection, memories: Mapping[str, Any], seen: Seen
) -> tuple[Counter[Key], dict[str, Any]]:
    """What these events add to which sums, and what is remembered otherwise than before.

    Events that are not the projection's are passed over: among them those of later releases, whose shape is unknown.
    """
    sums: Counter[Key] = Counter()
    changed: dict[str, Any] = {}
    step, wanted, so_far = projection.step, frozenset(projection.events), sums.get
    for stream, events in seen.items():
        before = after = memories.get(stream)
        for event, at in events:
            if type(event) in wanted:
                after, additions = step(after, event, at)
                for key, amount in additions:
                    sums[key] = so_far(key, 0) + amount  # a Counter's += asks twice
        if after is not before:
            changed[stream] = after
    return sums, changed
