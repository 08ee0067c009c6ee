"""Looks through the sealed log, the newest event first, for what an auditor seeks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from storage import sealed
from storage.bundle.span import SLACK, reached
from storage.database import again_once, connected
from storage.sealed import Sealed

# No index helps with types and actors, so a page looks at so many events at most and says how far it came.
_STEP = 20_000

_FITTING = """
    where s.position >= %(first)s and s.position < %(below)s
        and (%(streams)s::text[] is null or e.stream = any (%(streams)s))
        and (%(type)s = '' or e.type = %(type)s)
        and e.type <> %(without)s
        and (%(actor)s = '' or starts_with(e.meta ->> 'actor', %(actor)s))
        and (%(since)s::timestamptz is null or e.recorded_at >= %(since)s)
        and (%(until)s::timestamptz is null or e.recorded_at < %(until)s)
    order by s.position desc limit %(most)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which events: in one of ``streams``, or (``None``) in any; of one ``type`` or (empty) of any.

    Never of the type ``without``. By an ``actor`` whose name begins like that; recorded at ``since`` or later, and
    before ``until``.
    """

    streams: Sequence[str] | None = None
    type: str = ""
    without: str = ""
    actor: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, each: Sealed) -> bool:
        """Whether this event is sought."""
        link = each.link
        return (
            (self.streams is None or link.stream in self.streams)
            and self.type in ("", link.type)
            and link.type != self.without
            and json.loads(link.meta)["actor"].startswith(self.actor)
            and (self.since is None or link.recorded_at >= self.since)
            and (self.until is None or link.recorded_at < self.until)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Some of the events sought, the newest first. What is older than position ``further`` was not looked at.

    ``further`` is ``None`` once everything was.
    """

    events: list[Sealed]
    further: int | None


def browse(engine: Engine, sought: Sought, *, below: int | None, most: int) -> Found:
    """The newest events sought below position ``below`` (``None``: of all), at most ``most``.

    Looks at a limited number of events, so that it may find none and yet have to go on. Of given streams it looks at
    all. Raises ``Unavailable``.
    """

    def ask() -> Found:
        with connected(engine) as connection:
            return _browsed(connection, sought, below, most)

    return again_once(ask)


def _browsed(connection: Connection, sought: Sought, below: int | None, most: int) -> Found:
    size = sealed.grown_tree(connection).size
    first, end = _ends(connection, sought, size)
    end = min(end, size + 1, below or size + 1)
    lowest = first if sought.streams is not None else max(first, end - _STEP)
    values: dict[str, object] = {
        "first": lowest,
        "below": end,
        "streams": None if sought.streams is None else list(sought.streams),
        "type": sought.type,
        "without": sought.without,
        "actor": sought.actor,
        "since": sought.since,
        "until": sought.until,
        "most": most + 1,
    }
    found = sealed.asked(connection, _FITTING, values)
    if len(found) > most:
        return Found(events=found[:most], further=found[most - 1].position)
    return Found(events=found, further=lowest if lowest > first else None)


def _ends(connection: Connection, sought: Sought, size: int) -> tuple[int, int]:
    """Between which positions everything lies that was recorded at the times sought."""
    first, last = 1, size
    if sought.since is not None and size:
        first = reached(connection, sought.since - SLACK, size)
    if sought.until is not None and size:
        last = reached(connection, sought.until + SLACK, size)
    return first, last + 1
