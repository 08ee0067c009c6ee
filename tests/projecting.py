"""Seals and projects what a test has recorded, as the keeper would."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from storage.database import PROJECTOR_ROLE, connect
from storage.projector import Projector
from storage.sealer import seal_all


@contextmanager
def projector(database: str) -> Iterator[Projector]:
    """A projector in its own role."""
    engine = connect(database, role=PROJECTOR_ROLE, pool=2)
    try:
        yield Projector(engine)
    finally:
        engine.dispose()


def feed_all(engine: Engine, database: str, most: int = 20_000) -> None:
    """Seal all that is committed, and feed the live projections with it."""
    seal_all(engine)
    with projector(database) as ours:
        while ours.feed(most):
            pass
