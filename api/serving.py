"""The web server: whoever waits for news is sent home when it is told to stop, so that nobody holds it up."""

import resource
import signal
import socket

import uvicorn
from fastapi import FastAPI

from storage.garbage import collect_seldom

# What is still going on after this many seconds is cut off.
_GRACE = 10


class Server(uvicorn.Server):
    """Serves the application until it is told to stop."""

    def __init__(self, app: FastAPI, *, host: str = "127.0.0.1", port: int = 8000) -> None:
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE,
            )
        )

    def heed_signals(self) -> None:
        """Stop at SIGTERM and SIGINT, and then return. From the main thread, before it runs.

        Left to itself, uvicorn raises the signal again once it has stopped, and the process ends by it.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, and see that no collection of garbage keeps everybody waiting."""
        await super().startup(sockets)
        collect_seldom()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End those that wait, then the rest."""
        self._app.state.desk.news.close()
        await super().shutdown(sockets)


def raise_limits() -> None:
    """As many descriptors as this process may have: each client that waits needs one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
