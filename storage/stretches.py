"""Reads the sealed log in long stretches, the next one while the one before is being folded."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import psycopg
from sqlalchemy import Engine

from events.codec import decode_public
from events.folding import Seen
from storage.database import directly
from storage.generations import Connection

# Where to look in the table is asked first: positions go up with seq but for some neighbours.
_WHERE = """
    select min(seq), max(seq) from (
        select seq from sealed where position > %(after)s and position <= %(until)s offset 0) s
"""
_READ = """
    select e.stream, e.type, e.schema, e.recorded_at, e.data::text
    from sealed s join events e on e.seq = s.seq
    where s.position > %(after)s and s.position <= %(until)s and e.type = any (%(types)s)
        and e.seq between %(first)s and %(last)s
    order by s.position
"""
# Who reads so many at once goes on reading.
_WORTH_READING_AHEAD = 5_000
# The events of so many orders stay in the processor's own memory until every projection has folded them.
AT_HAND = 100

# An event as it is stored: its stream, type and schema, when it was recorded, and its data.
Row = tuple[str, str, int, datetime, str]
# By their stream, each stream's in order.
Rows = Mapping[str, Sequence[Row]]
# What Postgres has answered, as it came.
_Answer = psycopg.Cursor[Any]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The events of these types behind position ``after`` and up to ``until``, all of which are sealed."""

    after: int
    until: int
    types: frozenset[str]


class Stretches:
    """Reads one stretch after another. Not for several threads at once."""

    def __init__(self, engine: Engine, *, worth: int = _WORTH_READING_AHEAD) -> None:
        self._engine = engine
        self._worth = worth
        self._reader = ThreadPoolExecutor(1, "reading-ahead")
        self._ahead: tuple[Stretch, Future[_Answer]] | None = None

    def read(self, connection: Connection, stretch: Stretch, goal: int) -> Rows:
        """The events of a stretch, in order. The next is asked for then, if there is more up to position ``goal``.

        Sealed events never change: what was read ahead is as good as what is read now.
        """
        ahead, self._ahead = self._ahead, None
        found = ahead[1].result() if ahead and ahead[0] == stretch else _ask(connection, stretch)
        after, length = stretch.until, stretch.until - stretch.after
        if after < goal and length >= self._worth:
            following = Stretch(after, min(after + length, goal), stretch.types)
            self._ahead = following, self._reader.submit(self._ask_ahead, following)
        streams: dict[str, list[Row]] = defaultdict(list)
        for row in found.fetchall():
            streams[row[0]].append(row)
        return streams

    def _ask_ahead(self, stretch: Stretch) -> _Answer:
        """Wait for the answer, and leave the rest to who folds: two threads of Python only hinder each other."""
        with directly(self._engine) as connection:
            return _ask(connection, stretch)


def decoded(rows: Rows) -> Iterator[Seen]:
    """The events themselves, of a few streams at a time, just before they are folded."""
    streams = iter(rows.items())
    while some := list(islice(streams, AT_HAND)):
        yield {
            stream: [(decode_public(name, schema, data), at) for _, name, schema, at, data in told]
            for stream, told in some
        }


def _ask(connection: Connection, stretch: Stretch) -> _Answer:
    between = {"after": stretch.after, "until": stretch.until}
    first, last = connection.execute(_WHERE, between).fetchone() or (0, 0)
    read = {**between, "types": sorted(stretch.types), "first": first, "last": last}
    return connection.cursor(binary=True).execute(_READ, read)
