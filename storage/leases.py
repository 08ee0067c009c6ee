"""One worker per order: the lease, its fencing token, and the heartbeat that keeps it."""

import threading
from dataclasses import dataclass

from sqlalchemy import Engine, text

from storage.database import connected
from storage.telemetry import log

# A worker that has not been heard of for this long has lost its order.
LEASE_SECONDS = 7.0
_BEAT_SECONDS = 0.25
# A holder whose message is delivered again, and that has not been heard of for this long, is gone: its connection is
# lost and its heart has stopped. Either alone is not enough, or a restart of the broker would repeat calls in flight.
SILENT_SECONDS = 0.7


_TURN = text("select turn(:product, cast(:order as uuid))")


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a stream. ``fence`` is the attempt's number: appends carry it, and fail once it is stale."""

    stream: str
    fence: int


class Leases:
    """The leases this process holds, kept alive by one thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._held: set[Lease] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> "Leases":
        """Start the heartbeat."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the heartbeat; what is still held runs out by itself."""
        self._stopping.set()

    def keep(self, lease: Lease) -> None:
        """Keep it alive from now on, with a heartbeat."""
        with self._lock:
            self._held.add(lease)

    def turn(self, product: str, order_id: str) -> str | None:
        """The order that a worker of ``product`` should take up first when it is told of ``order_id``, if any.

        The rules stand beside the function ``turn`` of the schema.
        """
        values = {"product": product, "order": order_id}
        with connected(self._engine) as connection:
            found = connection.execute(_TURN, values).scalar()
        return str(found) if found else None

    def forget(self, lease: Lease) -> None:
        """Stop keeping it alive: its attempt has ended, or it has passed to somebody else."""
        with self._lock:
            self._held.discard(lease)

    def _beat(self) -> None:
        query = text("select * from beat(:streams, :fences, :seconds)")
        while not self._stopping.wait(_BEAT_SECONDS):
            with self._lock:
                held = tuple(self._held)
            if not held:
                continue
            values = {
                "streams": [lease.stream for lease in held],
                "fences": [lease.fence for lease in held],
                "seconds": LEASE_SECONDS,
            }
            try:
                with connected(self._engine) as connection:
                    connection.execute(query, values)
            except Exception as error:  # noqa: BLE001 - this thread must outlive whatever Postgres does
                log.warning("heartbeat missed", leases=len(held), error=type(error).__name__)
