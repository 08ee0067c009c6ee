"""How long orders will take, as everybody who tells it sees it: at most half a minute old."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from events.errors import Unavailable
from events.estimates import Estimate, estimates, since
from events.projections.durations import READY, SECTION, STAGE, projection
from storage.kept import Kept
from storage.sums import sums

_SECONDS = 30.0
_UNKNOWN = Estimate()


class Estimates:
    """The estimates of all products, kept for half a minute, and there while Postgres is away."""

    def __init__(
        self, engine: Engine, clock: Callable[[], datetime], *, seconds: float = _SECONDS
    ) -> None:
        self._kept = Kept(lambda: read(engine, clock()), seconds=seconds)

    def of(self, product: str) -> Estimate:
        """The product's estimate: an empty one if nothing of it is known, or nothing can be read."""
        try:
            return self._kept.get().get(product, _UNKNOWN)
        except Unavailable:
            return _UNKNOWN

    def close(self) -> None:
        """Wait a moment for a reading under way."""
        self._kept.close()


def read(engine: Engine, now: datetime) -> dict[str, Estimate]:
    """The estimates of all products of which anything is known. Raises ``Unavailable`` if they cannot be read."""
    today = now.date()
    day, month = since(today)
    found = {
        **sums(engine, projection.name, [READY], day).amounts,
        **sums(engine, projection.name, [STAGE], month).amounts,
        **sums(engine, projection.name, [SECTION], month).amounts,
    }
    return estimates(found, today)
