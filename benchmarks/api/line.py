"""A connection that is kept open, with nothing between it and the bytes: asking must cost less than answering."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_MOST = 2**20


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """A header's value, or nothing."""
        for line in self.head.split(b"\r\n"):
            key, _, value = line.partition(b":")
            if key.lower() == name.encode():
                return value.strip().decode()
        return ""


class Line:
    """One connection to a server on this machine."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Line":
        """Connect."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_MOST)
        return cls(reader, writer)

    async def ask(self, request: bytes) -> Answer:
        """Send a request and read all of its answer."""
        head = await self.head(request)
        length = int(head.header("content-length") or 0)
        body = await self.reader.readexactly(length) if length else b""
        return Answer(head.status, head.head, body)

    async def head(self, request: bytes) -> Answer:
        """Send a request and read how its answer begins."""
        self._writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        return Answer(int(head[9:12]), head, b"")

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request as it travels; underscores in header names stand for hyphens."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def rate(
    port: int, requests: Iterable[bytes], lines: int, wanted: Callable[[Answer], bool]
) -> float:
    """How many of these requests a second are answered over so many connections. Raises if one is not as ``wanted``."""
    left = iter(requests)
    opened = await asyncio.gather(*(Line.open(port) for _ in range(lines)))
    count = 0

    async def work(line: Line) -> None:
        nonlocal count
        for each in left:
            answer = await line.ask(each)
            if not wanted(answer):
                message = f"answered {answer.status}: {answer.body[:500]!r}"
                raise RuntimeError(message)
            count += 1

    began = time.monotonic()
    await asyncio.gather(*(work(line) for line in opened))
    seconds = time.monotonic() - began
    await asyncio.gather(*(line.close() for line in opened))
    return count / seconds
