"""Server-sent events as they travel: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from collections.abc import AsyncIterator

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.news import News
from api.problems import Problem

# How long a stream may be silent, in seconds: proxies close what says nothing for longer.
SILENCE = 15.0
PING = b": still here\n\n"
# The last event of a stream that has nothing more to tell.
END = b"event: end\ndata: end\n\n"
# How soon to come back after a break, in milliseconds.
_RETRY = 1000
_HEADERS = {
    "Cache-Control": "private, no-store",
    "X-Accel-Buffering": "no",  # nginx hands each event on at once
}


def event(identity: str, data: str) -> bytes:
    """An event that a reader can resume behind."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines())
    return f"id: {identity}\n{lines}\n".encode()


def streaming(
    request: Request, news: News, order: str, events: AsyncIterator[bytes]
) -> StreamingResponse:
    """The answer that these events make. It begins at once, so that the reader knows that it is connected.

    Whoever asks for the head alone waits for nothing.
    """

    async def all_of_it() -> AsyncIterator[bytes]:
        yield f"retry: {_RETRY}\n\n".encode()
        if request.state.head:
            return
        async for each in events:
            yield each

    return _Stream(all_of_it(), news, order)


class _Stream(StreamingResponse):
    """Has a place among those who wait for the order, from before its first byte to its end.

    Sending it raises the problem of one reader too many. That is asked and the place is taken without a pause in
    between, in which others might take it.
    """

    def __init__(self, content: AsyncIterator[bytes], news: News, order: str) -> None:
        super().__init__(content, media_type="text/event-stream", headers=_HEADERS)
        self._news = news
        self._order = order

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if not self._news.free(self._order):
            raise Problem("too-many-streams", headers={"Retry-After": "5"})
        with self._news.place(self._order):
            await super().__call__(scope, receive, send)
