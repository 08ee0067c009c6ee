"""What a projection across orders is: sums, and what must be remembered of each order to go on adding to them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import msgspec

from events.facts import OrderCorrected, OrderPlaced

# What is counted under, from the general to the particular: ("acme", "2026-11", "life_clarity", "calls").
Key = tuple[str, ...]
Additions = Sequence[tuple[Key, int]]
# An event as projections read it, without personal fields, and when it was recorded.
Told = tuple[Any, datetime]
# Events by their stream, each stream's in order.
Seen = Mapping[str, Sequence[Told]]

NOTHING: Additions = ()


class Memory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of an order. Kept in its written form: raise the projection's version to change it."""


# What is to be remembered of an order from now on, and what is added.
Folded = tuple[Any, Additions]


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A fold of the whole log into sums.

    ``begin`` is given an order's first event and when it was recorded. The step for an event's type is given what is
    remembered of the order, the event, and when. Each returns what to remember, and what to add to which sums. They are
    told of no other stream, and of none that begins otherwise: the result is the same however the streams' events lie
    among each other, and however they are divided into batches. A sum exists once anything was added to it, be it 0.
    ``key`` names the parts of the sums' keys.
    """

    name: str
    version: int
    about: str
    key: tuple[str, ...]
    memory: type[Memory]
    begin: Callable[[OrderPlaced, datetime], Folded]
    steps: Mapping[type, Callable[[Any, Any, datetime], Folded]]

    @property
    def events(self) -> tuple[type, ...]:
        """The types of the events that it must be told."""
        return OrderPlaced, *self.steps


def corrected(order: Any, event: OrderCorrected, _at: datetime) -> Folded:
    """The step of all that count by product: what follows is counted under the one that is right."""
    return msgspec.structs.replace(order, product=event.product or order.product), NOTHING


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
) -> tuple[dict[Key, int], dict[str, Any]]:
    """What these events add to which sums, and what is remembered otherwise than before.

    Events that are not the projection's are passed over: among them those of later releases, whose shape is unknown.
    """
    sums: dict[Key, int] = {}
    changed: dict[str, Any] = {}
    begin, step_for, so_far = projection.begin, projection.steps.get, sums.get
    for stream, events in seen.items():
        before = after = memories.get(stream)
        for event, at in events:
            kind = type(event)
            if after is None:
                if kind is not OrderPlaced:
                    continue
                after, additions = begin(event, at)
            elif (step := step_for(kind)) is not None:
                after, additions = step(after, event, at)
            else:
                continue
            for key, amount in additions:
                sums[key] = so_far(key, 0) + amount
        if after is not before:
            changed[stream] = after
    return sums, changed
