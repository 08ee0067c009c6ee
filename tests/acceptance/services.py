"""A Postgres and a RabbitMQ of a test's own, to be killed, emptied and started again while nobody else needs them."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sandbox.machine import rabbitmq
from sandbox.machine.nodes import MARK
from sandbox.machine.places import RUN
from sandbox.machine.processes import marked
from sandbox.machine.sharing import shared
from tests.conftest import PROCESS


class Service:
    """A ``postgres``, or a ``rabbitmq`` that begins empty. It keeps its address, whatever happens to it."""

    def __init__(self, name: str) -> None:
        self.home = RUN / "own" / PROCESS / name
        self._name = name
        self._held = ExitStack()
        self.url = ""
        rabbitmq.forget_everything(self.home)
        self.start()

    def start(self) -> None:
        """Start it on the data that it has."""
        url = self._held.enter_context(shared(self._name, self.home))
        assert self.url in ("", url)
        self.url = url

    def stop(self) -> None:
        """Stop it in good order; it is gone on return."""
        self._held.close()

    def crash(self) -> None:
        """Stop it at once: Postgres as ``pg_ctl -m immediate`` does, RabbitMQ with SIGKILL; it is gone on return."""
        if self._name == "postgres":
            process = (self.home / "cluster" / "data" / "postmaster.pid").read_text().split()[0]
            os.kill(int(process), signal.SIGQUIT)
        else:
            for each in marked(f"{MARK}={self.home}"):
                os.kill(each, signal.SIGKILL)
        self._held.close()


@contextmanager
def own(name: str) -> Iterator[Service]:
    """A service that is stopped at the end."""
    service = Service(name)
    try:
        yield service
    finally:
        service.stop()
