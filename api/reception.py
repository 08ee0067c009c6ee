"""Takes in what Stripe says: records it, or leaves it in the inbox when Postgres takes too long."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from events.errors import Unavailable
from events.plan import Product
from storage.inbox import Inbox
from storage.payments import Heard, Signed, hear
from storage.record import Log
from storage.telemetry import log

# How long Postgres is waited for, in seconds. With the 2 s of the inbox, Stripe has its answer within 5 s.
_PATIENCE = 3.0
# As many may be stuck on a Postgres that does not answer; whoever comes then goes on to the inbox.
_AT_ONCE = 16
# So many are laid into the inbox at once, whatever else hangs in this process.
_INTO_INBOX = 32


class Reception:
    """One for the whole process."""

    def __init__(self, log: Log, inbox: Inbox, catalogue: Mapping[str, Product]) -> None:
        self._log = log
        self._inbox = inbox
        self._catalogue = catalogue
        self._recording = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="recording")
        self._laying = ThreadPoolExecutor(_INTO_INBOX, thread_name_prefix="inbox")

    async def take(self, signed: Signed) -> Heard | None:
        """What became of it, or ``None`` if it waits in the inbox. Durable either way.

        Raises ``Unavailable`` if neither Postgres nor RabbitMQ takes it, and ``Refused`` like ``hear``. What was not
        recorded in time may yet be, besides lying in the inbox: to record it twice changes nothing.
        """
        recording = self._recording.submit(hear, signed, self._log, self._catalogue)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(recording), _PATIENCE)
        except (Unavailable, TimeoutError) as error:
            await asyncio.wrap_future(self._laying.submit(self._inbox.put, signed))
            reason = error.reason if isinstance(error, Unavailable) else "slow"
            log.warning("payment queued", reason=reason, correlation=signed.correlation)
            return None

    def close(self) -> None:
        """Take in nothing more; what is being recorded may still end."""
        for threads in (self._recording, self._laying):
            threads.shutdown(wait=False, cancel_futures=True)
