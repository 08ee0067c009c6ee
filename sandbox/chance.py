"""Choices that look free and are the same on every machine and in every Python."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """An endless sequence of choices that follows from its seed alone."""

    def __init__(self, *seed: str) -> None:
        self._seed = "\0".join(seed).encode("utf-8", "surrogatepass")
        self._drawn = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 up to, not including, ``limit``."""
        self._drawn += 1
        digest = hashlib.sha256(self._seed + b"\0" + str(self._drawn).encode()).digest()
        return int.from_bytes(digest[:8], "big") % limit

    def unit(self) -> float:
        """A number from 0 up to, not including, 1."""
        return self.below(1_000_000) / 1_000_000

    def one_of(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[self.below(len(choices))]

    def shuffled(self, choices: Sequence[T]) -> list[T]:
        """All of them, in some order."""
        left = list(choices)
        return [left.pop(self.below(len(left))) for _ in choices]
