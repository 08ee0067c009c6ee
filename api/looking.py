"""Gathers what is asked at the same time: one statement answers all of it, and no request waits for a thread."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from storage.glances import Glance, Look

# More than so many are not asked for at once.
_MOST = 100


class Looking:
    """One for each process, used on its event loop alone."""

    def __init__(self, ask: Callable[[Sequence[Look]], list[Glance]]) -> None:
        self._ask = ask
        self._waiting: list[tuple[Look, asyncio.Future[Glance]]] = []
        self._asking: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="looking")

    async def at(self, look: Look) -> Glance:
        """What is seen there, read after it was asked for. Raises ``Unavailable``."""
        answer: asyncio.Future[Glance] = asyncio.get_running_loop().create_future()
        self._waiting.append((look, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._answer())
        return await answer

    def close(self) -> None:
        """Ask nothing more."""
        self._thread.shutdown(wait=False)

    async def _answer(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            now, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                found = await loop.run_in_executor(
                    self._thread, self._ask, [look for look, _ in now]
                )
            except Exception as error:  # noqa: BLE001 - it belongs to those who asked
                for _, answer in now:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for (_, answer), glance in zip(now, found, strict=True):
                    if not answer.done():
                        answer.set_result(glance)
        self._asking = None
