"""Waits for what will come true, on a machine that may have much else to do."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(reached: Callable[[], T | None], seconds: float = 120) -> T:
    """What ``reached`` says once that counts as true; an ``AssertionError`` if it takes longer."""
    deadline = time.monotonic() + seconds
    while not (found := reached()):
        assert time.monotonic() < deadline, f"still {found!r} after {seconds:g} s"
        time.sleep(0.05)
    return found
