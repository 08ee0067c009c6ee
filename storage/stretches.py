"""Reads the sealed log in long stretches, the next one while the one before is being folded."""

from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import Engine

from events.codec import decode_public
from events.folding import Seen, Told
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
        self._ahead: tuple[Stretch, Future[Seen]] | None = None

    def read(self, connection: Connection, stretch: Stretch, goal: int) -> Seen:
        """The events of a stretch, in order. The next is read meanwhile, if there is more up to position ``goal``.

        Sealed events never change: what was read ahead is as good as what is read now.
        """
        ahead, self._ahead = self._ahead, None
        found = ahead[1].result() if ahead and ahead[0] == stretch else _read(connection, stretch)
        after, length = stretch.until, stretch.until - stretch.after
        if after < goal and length >= self._worth:
            following = Stretch(after, min(after + length, goal), stretch.types)
            self._ahead = following, self._reader.submit(self._read_ahead, following)
        return found

    def _read_ahead(self, stretch: Stretch) -> Seen:
        with directly(self._engine) as connection:
            return _read(connection, stretch)


def _read(connection: Connection, stretch: Stretch) -> Seen:
    between = {"after": stretch.after, "until": stretch.until}
    first, last = connection.execute(_WHERE, between).fetchone() or (0, 0)
    read = {**between, "types": sorted(stretch.types), "first": first, "last": last}
    rows = connection.cursor(binary=True).execute(_READ, read).fetchall()
    seen: dict[str, list[Told]] = defaultdict(list)
    for stream, name, schema, at, data in rows:
        seen[stream].append((decode_public(name, schema, data), at))
    return seen
