"""An order's state as fields that can be read one by one, and what is different between two of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from events.envelope import Unknown, kind_of
from events.money import Money
from events.order import Order
from events.plan import Product
from events.views import status

# What the version and the id say is said beside the state.
_LEFT_OUT = frozenset({"id", "version"})
_SUMMED_UP = ("word", "reason", "detail", "advice", "retry_at")


@dataclass(frozen=True, slots=True)
class Personal:
    """A value that only those may see who may see the customer's data. It does not print itself."""

    value: Any

    def __repr__(self) -> str:
        return "Personal(...)"


Plain = str | int | bool | None
Value = Plain | Personal
State = Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A field that is not the same in two states; ``None`` where there is no such field."""

    path: str
    before: Value
    after: Value


def state(order: Order, product: Product | None) -> State:
    """Every field of the order by its path, like ``sections.section-001.model``, and its status in front.

    What is empty is left out, unless it is personal: somebody's data may be gone, and that it was there still shows.
    """
    summary = status(order, product)
    found: dict[str, Value] = {
        name: value for name in _SUMMED_UP if (value := str(getattr(summary, name)))
    }
    found["percent"] = summary.progress.percent
    found["done"] = f"{summary.progress.done} of {summary.progress.total} {summary.progress.unit}"
    if order.spent:
        found["cost"], found["spent"] = order.cost, order.spent
    for name in order.__struct_fields__:
        if name not in _LEFT_OUT:
            found.update(_flat(name, getattr(order, name)))
    return found


def diff(before: State, after: State) -> tuple[Change, ...]:
    """What is different: first what ``after`` has, in its order, then what it no longer has."""
    paths = [*after, *(path for path in before if path not in after)]
    return tuple(
        Change(path=path, before=before.get(path), after=after.get(path))
        for path in paths
        if before.get(path) != after.get(path)
    )


def personal_in(event: Any) -> frozenset[str]:
    """The names of an event's personal fields."""
    if isinstance(event, Unknown):
        return frozenset({"sealed"} & set(event.data))
    return kind_of(event).personal


def _flat(path: str, value: Any) -> Iterator[tuple[str, Value]]:
    match value:
        case Personal():
            yield path, value
        case Money():
            yield path, str(value)
        case tuple() if all(isinstance(each, str) for each in value):
            yield from _flat(path, ", ".join(value))
        case Mapping() | tuple():
            for name, each in _members(value):
                yield from _flat(f"{path}.{name}", each)
        case _ if is_dataclass(value) and not isinstance(value, type):
            personal = _personal(value)
            for field in fields(value):
                inner = getattr(value, field.name)
                kept = Personal(inner) if field.name in personal else inner
                yield from _flat(f"{path}.{field.name}", kept)
        case _ if value:
            yield path, value


def _members(value: Mapping[str, Any] | tuple[Any, ...]) -> Iterable[tuple[object, Any]]:
    return value.items() if isinstance(value, Mapping) else enumerate(value, start=1)


def _personal(value: Any) -> frozenset[str]:
    try:
        return kind_of(value).personal
    except KeyError:
        return frozenset()
