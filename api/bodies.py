"""Reads the bodies of requests, as far as they may be read."""

from fastapi import Request

from api.problems import Problem

LARGEST_BYTES = 1_000_000


async def body(request: Request) -> bytes:
    """The raw body; too large a one is refused unread if it says so, otherwise as soon as it shows."""
    if int(request.headers.get("content-length", 0)) > LARGEST_BYTES:
        raise Problem("too-large")
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > LARGEST_BYTES:
            raise Problem("too-large")
    return bytes(found)
