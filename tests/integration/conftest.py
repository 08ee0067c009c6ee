"""A real API server on a socket, for tests that speak HTTP to it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api import checkout, limits
from api.app import create_app
from api.serving import Server
from sandbox.starting import started
from storage.settings import Settings
from tests.stripe_events import body, sign

Deliver = Callable[[dict[str, Any]], httpx.Response]

OPERATOR = {"Authorization": "Bearer operator-secret"}

# No test fails for being slow: httpx left to itself waits for 5 s, and on a busy machine they pass.
PATIENCE = 60
for name in ("connect", "read", "write", "pool"):
    setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, name, PATIENCE)


@contextmanager
def serving(
    settings: Settings, adapt: Callable[[FastAPI], object] = lambda _: None
) -> Iterator[str]:
    """The address of an API with these settings, while it runs; ``adapt`` may add to it first."""
    app = create_app(settings)
    adapt(app)
    listening = socket.create_server(("127.0.0.1", 0))
    server = Server(app)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listening.close()
    assert not thread.is_alive()


def sockets() -> int:
    """How many of them this process has open."""
    found = 0
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that by which the folder itself is read
            found += str(each.readlink()).startswith("socket:")
    return found


@pytest.fixture
def api_url(settings: Settings) -> Iterator[str]:
    """The address of an API over the test's own database."""
    with serving(settings) as url:
        yield url


@pytest.fixture
def http(api_url: str) -> Iterator[httpx.Client]:
    """A client of that API."""
    with httpx.Client(base_url=api_url) as client:
        yield client


@pytest.fixture
def deliver(http: httpx.Client) -> Deliver:
    """Delivers an event as Stripe does: signed, with its exact bytes."""

    def post(event: dict[str, Any]) -> httpx.Response:
        payload = body(event)
        headers = {"Stripe-Signature": sign(payload)}
        return http.post("/webhooks/stripe", content=payload, headers=headers)

    return post


@pytest.fixture
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where requests are counted, so that none is allowed once more for coming late."""
    clock = SimpleNamespace(monotonic=lambda: 1000.0)
    for module in (limits, checkout):
        monkeypatch.setattr(module, "time", clock)


@pytest.fixture(scope="module")
def stripe_account() -> Iterator[str]:
    """The address of a Stripe of our own."""
    with started("sandbox.stripe_server") as url:
        yield url


@pytest.fixture
def stripe_books(stripe_account: str) -> Iterator[httpx.Client]:
    """Tells that Stripe what to know, and how to fail; what it knew is forgotten afterwards."""
    with httpx.Client(base_url=stripe_account) as client:
        yield client
        client.put("/_fault", json={})
        client.delete("/_sessions")
        client.delete("/_events")
