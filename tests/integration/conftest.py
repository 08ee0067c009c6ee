"""A real API server on a socket, for tests that speak HTTP to it."""

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest
import uvicorn

from api.app import create_app
from storage.settings import Settings


@pytest.fixture
def api_url(settings: Settings) -> Iterator[str]:
    """The address of an API over the test's own database."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(settings), log_config=None, access_log=False, server_header=False, lifespan="on"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    yield url
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def http(api_url: str) -> Iterator[httpx.Client]:
    """A client of that API."""
    with httpx.Client(base_url=api_url, timeout=20) as client:
        yield client
