"""News of orders for whoever waits for them: one look at all of them every tenth of a second, however many wait."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from events.errors import Unavailable
from storage.orders import OrderRow
from storage.telemetry import log, where

Ask = Callable[[Mapping[str, int]], Iterable[OrderRow]]
Waiter = asyncio.Future[OrderRow | None]

# Between two looks, in seconds; and at least as long as the last one took: however many orders are waited for, looking
# takes no more than half of one connection's time.
_EVERY = 0.1
# After a look that failed.
_AWAY = 1.0


class _Watched:
    """An order that somebody waits for: the version to be asked for, and which one each of them has seen."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.waiting: dict[Waiter, int] = {}


class News:
    """One for each process, used on its event loop alone. Nothing is asked while nobody waits.

    ``ask`` names the orders that are not at the version given. More than ``most`` should not wait at the same time, and
    not more than ``share`` of them for one order: nobody who has a token to it can keep all others out.
    """

    def __init__(self, ask: Ask, *, most: int, share: int) -> None:
        self._ask = ask
        self._most = most
        self._share = share
        self._here = 0
        self._at = Counter[str]()
        self._watched: dict[str, _Watched] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="news")

    @property
    def closed(self) -> bool:
        """Whether the process is about to end: whoever waits should come back to another one."""
        return self._closed

    def waiting(self, order: str) -> int:
        """How many wait for it now."""
        return self._at[order]

    def free(self, order: str) -> bool:
        """Whether one more may wait for this order."""
        return not self._closed and self._here < self._most and self._at[order] < self._share

    @contextmanager
    def place(self, order: str) -> Iterator[None]:
        """Counts among those who wait for the order."""
        self._here += 1
        self._at[order] += 1
        try:
            yield
        finally:
            self._here -= 1
            self._at[order] -= 1
            if not self._at[order]:
                del self._at[order]

    async def of(self, seen: Mapping[str, int], seconds: float) -> OrderRow | None:
        """The first of these that has gone beyond the version seen; ``None`` if none does for so long, or we close.

        While Postgres is away there is no news.
        """
        if self._closed:
            return None
        waiter: Waiter = asyncio.get_running_loop().create_future()
        for order, version in seen.items():
            watched = self._watched.setdefault(order, _Watched(version))
            watched.version = min(watched.version, version)
            watched.waiting[waiter] = version
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            return await asyncio.wait_for(waiter, seconds)
        except TimeoutError:
            return None
        finally:
            for order in seen:
                watched = self._watched[order]
                del watched.waiting[waiter]
                if not watched.waiting:
                    del self._watched[order]

    def close(self) -> None:
        """Send everybody home: there is no more news, and no place any more."""
        self._closed = True
        for watched in self._watched.values():
            for waiter in watched.waiting:
                if not waiter.done():
                    waiter.set_result(None)
        self._thread.shutdown(wait=False)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while self._watched and not self._closed:
            began = time.monotonic()
            pause = _EVERY
            seen = {order: watched.version for order, watched in self._watched.items()}
            try:
                for row in await loop.run_in_executor(self._thread, self._ask, seen):
                    self._tell(row)
                pause = max(_EVERY, time.monotonic() - began)
            except Unavailable:
                pause = _AWAY
            except Exception as error:  # noqa: BLE001 - the others' waiting must not end with one bad row
                log.error("news failed", **where(error))
                pause = _AWAY
            await asyncio.sleep(pause)
        self._looking = None

    def _tell(self, row: OrderRow) -> None:
        watched = self._watched.get(row.status.order)
        if watched is None:
            return
        watched.version = max(watched.version, row.status.version)
        for waiter, version in watched.waiting.items():
            if version < row.status.version and not waiter.done():
                waiter.set_result(row)
