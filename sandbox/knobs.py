"""Knobs that tests and demos turn while a stand-in runs: how slow it is, and which faults strike when."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import msgspec


class When(Protocol):
    """When a fault strikes. Every condition that is given must hold; with none it strikes always."""

    @property
    def next(self) -> int | None:
        """So many times, and then never again."""

    @property
    def every(self) -> int | None:
        """On every so manieth occasion."""

    @property
    def probability(self) -> float | None:
        """By a coin that falls the same in every run."""


F = TypeVar("F", bound=When)


@dataclass(slots=True)
class Armed(Generic[F]):
    """A fault with its counters: how often its conditions matched, and how often it struck."""

    fault: F
    matched: int = 0
    struck: int = 0

    def strikes(self) -> bool:
        """Count one occasion on which the fault applies, and say whether it strikes."""
        self.matched += 1
        fault = self.fault
        if fault.next is not None and self.struck >= fault.next:
            return False
        if fault.every is not None and self.matched % fault.every:
            return False
        if fault.probability is not None and not likely(fault.probability, self.matched):
            return False
        self.struck += 1
        return True


def likely(probability: float, occasion: int) -> bool:
    """A coin that falls the same way on the same occasion in every process."""
    digest = hashlib.sha256(f"occasion {occasion}".encode()).digest()
    return int.from_bytes(digest[:6]) < probability * 2**48


def arm(faults: Iterable[F]) -> list[Armed[F]]:
    """Fresh counters for faults."""
    return [Armed(fault) for fault in faults]


def striking(armed: Iterable[Armed[F]], applies: Callable[[F], bool]) -> F | None:
    """The first fault that applies and strikes now, if any."""
    return next((one.fault for one in armed if applies(one.fault) and one.strikes()), None)


def shown(armed: Iterable[Armed[F]]) -> list[dict[str, object]]:
    """The faults as JSON, each with how often it has struck."""
    return [{**msgspec.to_builtins(one.fault), "struck": one.struck} for one in armed]


K = TypeVar("K", bound=msgspec.Struct)


def turned(knobs: K, body: bytes) -> K:
    """The knobs with those named in ``body`` (a JSON object) turned; ``ValueError`` says what is wrong."""
    kind = type(knobs)
    named = msgspec.json.decode(body or b"{}", type=dict[str, object])
    given = msgspec.json.decode(body or b"{}", type=kind)
    if unknown := sorted(set(named) - set(kind.__struct_fields__)):
        message = (
            f"no such knob: {', '.join(unknown)}; there are {', '.join(kind.__struct_fields__)}"
        )
        raise ValueError(message)
    return msgspec.structs.replace(knobs, **{name: getattr(given, name) for name in named})
