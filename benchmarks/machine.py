"""What it was measured on: said without names or paths, so that it can be shown to anyone."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.machine.places import say

__all__ = ["Machine", "describe", "say"]


@dataclass(slots=True, kw_only=True)
class Machine:
    """The machine, and how busy it was with other things. Loads are of the last minute, before and after."""

    at: str
    cores: int
    system: str
    python: str
    postgres: str = ""
    load_before: float = 0.0
    load_after: float = 0.0

    @property
    def sentence(self) -> str:
        """All of it in a line."""
        beside = f", Postgres {self.postgres}" if self.postgres else ""
        return (
            f"{self.cores} cores, {self.system}, Python {self.python}{beside}; load"
            f" {self.load_before:.1f} before and {self.load_after:.1f} after; {self.at}"
        )


def describe() -> Machine:
    """This machine, now."""
    return Machine(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        cores=len(os.sched_getaffinity(0)),
        system=_system(),
        python=platform.python_version(),
        load_before=load(),
    )


def load() -> float:
    """How many processes wanted a core during the last minute, on average."""
    return round(os.getloadavg()[0], 2)


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"
