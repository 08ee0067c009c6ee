"""Server-sent events as they travel: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from collections.abc import AsyncIterator

from fastapi.responses import StreamingResponse

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


def streaming(events: AsyncIterator[bytes]) -> StreamingResponse:
    """The answer that these events make. It begins at once, so that the reader knows that it is connected."""

    async def all_of_it() -> AsyncIterator[bytes]:
        yield f"retry: {_RETRY}\n\n".encode()
        async for each in events:
            yield each

    return StreamingResponse(all_of_it(), media_type="text/event-stream", headers=_HEADERS)
