"""Watches an order through the status endpoint, as any program would, and may kill its worker on the way."""

import time
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from events.plan import Product
from events.views import SETTLED, Word
from sandbox.system import System

_POLL_SECONDS = 0.2
# No product takes longer, however slowly the model answers.
_PATIENCE_SECONDS = 5 * 3600.0


class NotFinishedError(Exception):
    """The order ended without its report being delivered."""


class Watch:
    """One order, as seen from outside."""

    def __init__(self, system: System, product: Product, order_id: str, console: Console) -> None:
        self._system = system
        self._product = product
        self._console = console
        self._order_id = order_id
        token = system.environment["OPERATOR_TOKEN"]
        self._http = httpx.Client(
            base_url=system.url, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )

    def until_settled(self, *, kill_worker: bool) -> str:
        """Show the progress until the order is delivered; return what was killed on the way, or "".

        Raises ``NotFinishedError`` if it ends in any other way.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        killed = ""
        with self._bar() as bar:
            row = bar.add_task("", total=100)
            last = ""
            while time.monotonic() < deadline:
                status = self._status()
                line = _line(status)
                bar.update(row, completed=status["progress"]["percent"], description=line)
                if not self._console.is_terminal and line != last:
                    self._console.print(f"{status['progress']['percent']:3} %  {line}")
                last = line
                if status["status"] in SETTLED or status["status"] == Word.ATTENTION:
                    break
                if kill_worker and not killed and status["progress"]["done"] > 0:
                    killed = self._kill()
                time.sleep(_POLL_SECONDS)
        if status["status"] != Word.DELIVERED:
            message = f"the order ended as {status['status']}: {status.get('attention') or ''}"
            raise NotFinishedError(message)
        return killed

    def _kill(self) -> str:
        busy = self._product.name
        if self._product.parts:
            busy = self._product.parts[-1]
        pid = self._system.processes.kill(busy)
        self._console.print(f"[red]SIGKILL[/red] to the worker of {busy} (process {pid})")
        return f"{busy} (process {pid})"

    def _status(self) -> dict[str, Any]:
        while True:
            answer = self._http.get(f"/v1/orders/{self._order_id}")
            if answer.status_code == httpx.codes.OK:
                found: dict[str, Any] = answer.json()
                return found
            if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                answer.raise_for_status()
            time.sleep(_POLL_SECONDS)

    def _bar(self) -> Progress:
        return Progress(
            BarColumn(30),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )


def _line(status: dict[str, Any]) -> str:
    progress = status["progress"]
    done = f"{progress['done']} of {progress['total']} {progress['unit']}"
    now = f"  now: {progress['now'][0]}" if progress["now"] else ""
    return f"{status['status']}  {done}{now}"
