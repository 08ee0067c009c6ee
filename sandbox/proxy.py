"""A TCP proxy on this machine that fails on purpose: between any of our processes and what it talks to."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

LOOPBACK = "127.0.0.1"
PORTS = {"postgresql": 5432, "amqp": 5672, "http": 80, "smtp": 25}
_CHUNK = 65536
# Seconds within which the proxy's own thread does what it is told, on a machine that has much else to do.
_PATIENCE = 60
_RESET = struct.pack("ii", 1, 0)

# Says of what the client has sent since the server last spoke whether now is the moment.
Moment = Callable[[bytes], bool]


class Proxy:
    """The way to one server. Each method takes effect before it returns, for old and new connections."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or LOOPBACK, parts.port or PORTS[parts.scheme])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = None
        self._lines: set[_Line] = set()
        self._port = 0
        self.swallows = False
        self.seconds = 0.0
        self.loses: Moment | None = None
        self.hears = True
        self.struck = 0
        self.restore()
        credentials, at, _ = parts.netloc.rpartition("@")
        self.url = urlunsplit(parts._replace(netloc=f"{credentials}{at}{LOOPBACK}:{self._port}"))

    def cut(self) -> None:
        """Refuse new connections and reset those there are."""
        self._do(self._cut())

    def restore(self) -> None:
        """Work properly again. What was swallowed stays lost: its connections are reset."""
        self._do(self._restore())

    def black_hole(self) -> None:
        """Accept everything and answer nothing, like a host that was unplugged."""
        self.swallows = True

    def drop_replies_after(self, moment: int | Moment) -> None:
        """Once, let the server hear ``moment`` but not the client hear the answer: it is reset instead.

        A number means so many bytes sent by the client since the server last spoke; any of its connections may be
        the one that is struck.
        """
        self.hears = True
        self.loses = moment if callable(moment) else lambda sent: len(sent) >= moment

    def drop_request(self, moment: Moment) -> None:
        """Once, reset the connection instead of letting the server hear ``moment``."""
        self.hears = False
        self.loses = moment

    def delay(self, seconds: float) -> None:
        """Let every packet take that much longer, both ways."""
        self.seconds = seconds

    def close(self) -> None:
        """Cut everything and end the thread."""
        self._do(self._cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._hang_up(lambda _: True)

    async def _restore(self) -> None:
        self.swallows, self.seconds, self.loses = False, 0.0, None
        await self._hang_up(lambda line: line.spoilt)
        if self._server is None:
            self._server = await asyncio.start_server(self._welcome, LOOPBACK, self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def _hang_up(self, which: Callable[["_Line"], bool]) -> None:
        tasks = [line.reset() for line in tuple(self._lines) if which(line)]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(self, reader, writer)
        self._lines.add(line)
        try:
            await line.talk(self._target)
        finally:
            self._lines.discard(line)


class _Line:
    """One client's connection, and ours to the server."""

    def __init__(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._client = (reader, writer)
        self._task = asyncio.current_task()
        self._said = bytearray()
        self._loses_next_reply = False
        self.spoilt = False

    async def talk(self, target: tuple[str, int]) -> None:
        reader, writer = self._client
        try:
            server, to_server = await asyncio.open_connection(*target)
        except OSError:
            _reset(writer)
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, to_server))
                both.create_task(self._answer(server, writer))
        except* _OverError:
            pass
        except* (_StruckError, OSError, asyncio.CancelledError):
            _reset(writer)
        finally:
            to_server.close()
            writer.close()

    def reset(self) -> "asyncio.Task[Any]":
        """End it without a word to either side; done when the task is."""
        assert self._task is not None
        self._task.cancel()
        return self._task

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await asyncio.sleep(self._proxy.seconds)
            if self._swallowed():
                continue
            self._said += data
            loses = self._proxy.loses
            if loses is not None and loses(bytes(self._said)):
                self._proxy.loses = None
                self._proxy.struck += 1
                if not self._proxy.hears:
                    raise _StruckError
                self._loses_next_reply = True
            writer.write(data)
            await writer.drain()
        if not self.spoilt:
            with suppress(OSError):
                writer.write_eof()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await asyncio.sleep(self._proxy.seconds)
            if self._loses_next_reply:
                raise _StruckError
            if self._swallowed():
                continue
            self._said.clear()
            writer.write(data)
            await writer.drain()
        if self.spoilt:
            await asyncio.Event().wait()  # the server has hung up, but nobody may notice
        raise _StruckError if self._loses_next_reply else _OverError

    def _swallowed(self) -> bool:
        self.spoilt = self.spoilt or self._proxy.swallows
        return self.spoilt


class _OverError(Exception):
    """The server has said all it had to say."""


class _StruckError(Exception):
    """The reply is lost now."""


def _reset(writer: asyncio.StreamWriter) -> None:
    plug: socket.socket | None = writer.get_extra_info("socket")
    if plug is not None:
        with suppress(OSError):
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


@contextmanager
def proxied(url: str) -> Iterator[Proxy]:
    """A proxy to the server at ``url``, which may be of any scheme; it listens on loopback only."""
    proxy = Proxy(url)
    try:
        yield proxy
    finally:
        proxy.close()
