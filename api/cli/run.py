"""``ledgerpress run``: the processes of the house, each in the foreground until SIGTERM."""

import os
import sys
from typing import NoReturn

from api.cli._word import Word
from events.products import find
from storage.garbage import collect_nothing_yet

word = Word("Run a process in the foreground until SIGTERM.")


@word.verb("api")
def api(host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve the webhooks, the API and the pages."""
    collect_nothing_yet()
    from api.app import create_app  # noqa: PLC0415 - the other commands start without FastAPI
    from api.serving import Server, raise_limits  # noqa: PLC0415 - the same
    from storage.settings import load  # noqa: PLC0415 - the same
    from storage.telemetry import start_logging  # noqa: PLC0415 - the same

    settings = load()
    start_logging(settings.log_format, process="api")
    raise_limits()
    server = Server(create_app(settings), host=host, port=port)
    server.heed_signals()
    server.run()
    if not server.started:
        sys.exit(1)


@word.verb("worker")
def worker(product: str) -> None:
    """Work on the orders of one product."""
    _become("worker", find(product).name)


@word.verb("keeper")
def keeper() -> None:
    """Relay nudges and find forgotten orders. Any number may run."""
    _become("keeper")


def _become(*arguments: str) -> NoReturn:
    # The API's floor does not know the workers': it makes room for them.
    os.execv(sys.executable, [sys.executable, "-m", "actors", *arguments])  # noqa: S606
