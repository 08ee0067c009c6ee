"""A bar on a terminal, for answers that say how far something is; it appears with the first of them."""

import sys
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from api.cli._answer import Answer


class Bar(AbstractContextManager["Bar"]):
    """Where nobody looks, or programs do, answers are lines."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._drawn: Any = None
        self._task: Any = None

    def say(self, answer: Answer) -> int:
        """Show the answer; return its exit code."""
        if self._as_json or answer.percent is None or not sys.stdout.isatty():
            return answer.say(as_json=self._as_json)
        if self._drawn is None:
            self._begin()
        (line,) = answer.shown if isinstance(answer.shown, list) else ("",)
        self._drawn.update(self._task, completed=answer.percent, description=line)
        return answer.code

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._drawn is not None:
            self._drawn.stop()

    def _begin(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only for a terminal
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - the same

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        self._drawn = Progress(*columns, console=Console())
        self._task = self._drawn.add_task("", total=100)
        self._drawn.start()
