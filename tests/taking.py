"""Takes orders up as a worker does."""

from events.envelope import Cause
from events.facts import AttemptStarted
from storage.leases import Lease
from storage.record import Log
from tests.examples import ORDER

CAUSE = Cause(correlation="c-1", causation="m-1", actor="test")


def take_up(
    log: Log, order: str = ORDER, *, holder: str = "m-1", redelivered: bool = False
) -> Lease | None:
    """Begin an attempt at the order as it stands; ``None`` if it is not to be had."""
    history = log.read(order)
    began = AttemptStarted(number=history.order.attempt + 1, worker="w")
    taken = log.take_up(history, [began], CAUSE, holder=holder, redelivered=redelivered)
    return taken[1] if taken else None
