"""A small HTTP/1.1 server on asyncio, bare enough that whoever answers may misbehave on purpose."""

import asyncio
import contextlib
import json
import socket
import struct
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

LARGEST_BODY = 64 * 1024 * 1024
CLIENT_LEFT = "the client left"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked. Header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a well-behaved server says back."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class BadRequest(Exception):
    """The bytes on the line are not a request that this server reads."""


class Line:
    """A client's connection: requests come in, and anything at all may go out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ahead = bytearray()
        self.ended = False

    async def request(self) -> Request | None:
        """The next request, or ``None`` once the client has hung up between two of them."""
        head = await self._until(b"\r\n\r\n")
        if head is None:
            return None
        first, *rest = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004
            message = f"not an HTTP/1 request line: {first[:80]!r}"
            raise BadRequest(message)
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in rest)
        }
        target = urlsplit(words[1])
        body = await self._body(headers)
        return Request(words[0], unquote(target.path), dict(parse_qsl(target.query)), headers, body)

    async def left(self) -> None:
        """Return when the client hangs up; what it sends meanwhile is kept for ``request``."""
        while await self._fill():
            pass

    async def send(self, data: bytes) -> None:
        """Put raw bytes on the line, whatever they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def reply(self, reply: Reply) -> None:
        """Answer properly and keep the line open."""
        await self.send(head_of(reply) + reply.body)

    def drop(self) -> None:
        """Hang up without another word."""
        self.ended = True
        self._writer.close()

    def reset(self) -> None:
        """Hang up rudely: the client sees ``connection reset by peer``."""
        self.ended = True
        plug: socket.socket = self._writer.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdigit() or int(length) > LARGEST_BODY:
            message = "only bodies of a declared length up to 64 MB are read here"
            raise BadRequest(message)
        if headers.get("expect", "").lower() == "100-continue":
            await self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        wanted = int(length)
        while len(self._ahead) < wanted:
            if not await self._fill():
                message = "the client left in the middle of its request"
                raise BadRequest(message)
        body = bytes(self._ahead[:wanted])
        del self._ahead[:wanted]
        return body

    async def _until(self, mark: bytes) -> bytes | None:
        while (end := self._ahead.find(mark)) < 0:
            if not await self._fill():
                return None
        found = bytes(self._ahead[:end])
        del self._ahead[: end + len(mark)]
        return found

    async def _fill(self) -> bool:
        data = await self._reader.read(65536)
        self._ahead += data
        return bool(data)


Answer = Callable[[Request, Line], Awaitable[None]]


def head_of(reply: Reply) -> bytes:
    """The status line and headers of a reply."""
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Unusual"
    headers = {
        "Content-Type": reply.kind,
        "Content-Length": str(len(reply.body)),
        **reply.headers,
    }
    lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def as_json(value: object, status: int = 200, **headers: str) -> Reply:
    """A reply in JSON; ``x_request_id="1"`` becomes the header ``x-request-id``."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    body = json.dumps(value, ensure_ascii=False, indent=None).encode("utf-8", "surrogatepass")
    return Reply(status=status, body=body, headers=named)


@contextlib.asynccontextmanager
async def listening(answer: Answer, host: str, port: int) -> AsyncIterator[int]:
    """Answer whoever connects, each in a task of its own. Yields the port; on leaving, cuts all."""
    talks: set[asyncio.Task[None]] = set()

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        talks.add(talk)
        try:
            await _converse(Line(reader, writer), answer)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            talks.discard(talk)
            writer.close()

    server = await asyncio.start_server(welcome, host, port, backlog=1024)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for talk in tuple(talks):
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def _converse(line: Line, answer: Answer) -> None:
    while not line.ended:
        try:
            request = await line.request()
        except BadRequest as problem:
            await line.reply(as_json({"error": {"message": str(problem)}}, 400, connection="close"))
            return
        if request is None:
            return
        await _answer_unless_left(request, line, answer)
        if request.headers.get("connection", "").lower() == "close":
            return


async def _answer_unless_left(request: Request, line: Line, answer: Answer) -> None:
    talking = asyncio.ensure_future(answer(request, line))
    leaving = asyncio.ensure_future(line.left())
    try:
        await asyncio.wait({talking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not talking.done():
            talking.cancel(CLIENT_LEFT)
        await talking
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception:  # noqa: BLE001 - a stand-in reports its own faults and stays up
        traceback.print_exc(file=sys.stderr)
        line.drop()
    finally:
        talking.cancel()
        leaving.cancel()
        await asyncio.gather(talking, leaving, return_exceptions=True)
