"""What a check of the set-up finds, and how checks are run: side by side, each with its own patience."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from events.errors import LedgerpressError, Unavailable
from storage.telemetry import where


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    ``check`` is its stable name. ``found`` says what there is, ``why`` what that leads to, ``do`` what to do; the last
    two are empty where all is well. None of them holds a secret, a person's data or another system's words. ``away``
    marks what a dependency that is down has caused: the same look may end well later.
    """

    check: str
    level: Level
    found: str
    why: str = ""
    do: str = ""
    away: bool = False


def well(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check=check, level=Level.OK, found=found)


def warning(check: str, found: str, *, why: str, do: str) -> Finding:
    """It works, and may not for long, or not for everybody."""
    return Finding(check=check, level=Level.WARNING, found=found, why=why, do=do)


def failure(check: str, found: str, *, why: str, do: str) -> Finding:
    """It does not work, or breaks the promise."""
    return Finding(check=check, level=Level.FAILURE, found=found, why=why, do=do)


def away(check: str, found: str, *, why: str, do: str) -> Finding:
    """A dependency is down."""
    return Finding(check=check, level=Level.FAILURE, found=found, why=why, do=do, away=True)


@dataclass(frozen=True, slots=True)
class Check:
    """A look at one part. ``look`` gives findings as it makes them; ``seconds`` is how long it may take in all.

    ``needs`` are the settings that it cannot do without.
    """

    name: str
    look: Callable[[], Iterable[Finding]]
    needs: Sequence[str] = ()
    seconds: float = 15.0


def look_all(checks: Sequence[Check], broken: Iterable[str] = ()) -> Iterator[Finding]:
    """All findings, in the order of the checks, which run side by side.

    One that breaks, or hangs, becomes a finding itself and keeps what it found before; none hides the next. What needs
    a setting that is ``broken`` is not looked at.
    """
    unusable = set(broken)
    looking = [_Looking(check, unusable).start() for check in checks]
    for each in looking:
        yield from each.found()


@dataclass(slots=True)
class _Looking:
    check: Check
    unusable: set[str]
    began: float = field(default_factory=time.monotonic)
    findings: list[Finding] = field(default_factory=list)
    thread: threading.Thread | None = None

    def start(self) -> "_Looking":
        lacking = sorted(self.unusable & set(self.check.needs))
        if lacking:
            self.findings.append(
                warning(
                    self.check.name,
                    f"not looked at: {', '.join(lacking)}",
                    why="without these settings nothing can be known of it",
                    do="mend the settings named above, then: ledgerpress doctor",
                )
            )
            return self
        # A daemon: one that hangs must not keep the process from ending.
        self.thread = threading.Thread(target=self._look, name=self.check.name, daemon=True)
        self.thread.start()
        return self

    def found(self) -> Iterator[Finding]:
        if self.thread is not None:
            self.thread.join(max(0.0, self.began + self.check.seconds - time.monotonic()))
        yield from tuple(self.findings)
        if self.thread is not None and self.thread.is_alive():
            yield away(
                self.check.name,
                f"no answer within {self.check.seconds:.0f} s",
                why="whoever waits for it waits as long",
                do="see whether it hangs, or something between here and there swallows packets",
            )

    def _look(self) -> None:
        for finding in attempt(self.check.name, self.check.look):
            self.findings.append(finding)


def attempt(name: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What ``look`` finds; where it breaks, that is the last finding, so that others can still look."""
    try:
        yield from look()
    except Unavailable as error:
        yield away(name, str(error), why="nothing works without it", do="start it")
    except LedgerpressError as error:
        yield failure(name, str(error), why="it was refused", do="see docs/settings.md")
    except Exception as error:  # noqa: BLE001 - one broken look must not hide the others
        place = where(error)
        yield failure(
            name,
            f"could not be looked at: {place['error']} at {place['where']}",
            why="what is wrong here stays unknown",
            do="report this line; it holds no secret",
        )
