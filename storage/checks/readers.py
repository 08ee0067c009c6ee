"""Who reads the sealed log: whether projections and announcements go on, and are of this log."""

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Engine

from events.projections import PROJECTIONS
from storage import announcer
from storage.database import connect, connected
from storage.findings import Finding, failure, warning, well
from storage.settings import Settings
from storage.sums import standings

# Far longer than a keeper takes, and than it rests after something went wrong.
_LATE_SECONDS = 120


def look(settings: Settings) -> Iterator[Finding]:
    """Both, unless the schema is not there: its own check says so."""
    engine = connect(settings.database_url.get_secret_value(), pool=1)
    try:
        with connected(engine) as connection:
            if connection.exec_driver_sql("select to_regclass('announced')").scalar() is None:
                return
        yield from _projections(engine, datetime.now(UTC))
        yield _announcements(engine)
    finally:
        engine.dispose()


def _projections(engine: Engine, now: datetime) -> Iterator[Finding]:
    found = standings(engine)
    foreign = sorted(each.projection for each in found if each.foreign)
    late = sorted(
        each.projection
        for each in found
        if each.reach.behind
        and each.reach.time
        and (now - each.reach.time).total_seconds() > _LATE_SECONDS
    )
    if foreign:
        yield failure(
            "readers.projections",
            f"{', '.join(foreign)} were folded from another log",
            why="the ledger and what products promise are not told, because they would be wrong",
            do="ledgerpress projection rebuild",
        )
    if late:
        yield warning(
            "readers.projections",
            f"{', '.join(late)} have not read what was recorded more than {_LATE_SECONDS} s ago",
            why="the ledger and what products promise are old",
            do="ledgerpress run keeper; if one runs, its log says what the projector waits for",
        )
    if not foreign and not late:
        yield well("readers.projections", f"{len(found)} of {len(PROJECTIONS)} are fed")


def _announcements(engine: Engine) -> Finding:
    found = announcer.standing(engine)
    if found.foreign:
        return failure(
            "readers.announcements",
            "the bookmark is of another log",
            why="other systems are told of nothing more",
            do="ledgerpress announcements again --after the last position they know",
        )
    return well("readers.announcements", f"{found.behind} events are not announced yet")
