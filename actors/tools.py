"""What a worker has at hand: every way out of the process, opened once when it boots."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from actors.limits import HardLimits
from actors.model import Model
from actors.post import Post
from actors.press.rendering import Press
from events.plan import Product
from storage.blobs import Blobs
from storage.endpoints import Endpoints
from storage.leases import Leases
from storage.record import Log
from storage.tenants import Tenants


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The world, as far as a worker touches it. ``name`` is who it says it is in the log.

    ``asks_in_doubt``: a report's mail that may have gone out already is not sent again before a person has said so.
    ``models`` are the one to ask, and those to fall back on; what an endpoint allows in a minute is for each of them.
    """

    name: str
    log: Log
    leases: Leases
    blobs: Blobs
    models: tuple[Model, ...]
    endpoints: Endpoints
    tenants: Tenants
    press: Press
    post: Post
    limits: HardLimits
    catalogue: Mapping[str, Product]
    stopping: threading.Event
    clock: Callable[[], datetime]
    speed: float = 1.0
    asks_in_doubt: bool = False
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def rest(self, seconds: float) -> None:
        """Pause, shorter when time runs faster, and not at all once the process is to stop."""
        self.stopping.wait(seconds / self.speed)
