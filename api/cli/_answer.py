"""What a verb answers, and how it is shown: data on stdout, talk on stderr."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from api.cli._ending import OK


@dataclass(frozen=True, slots=True)
class Rows:
    """A table. On a terminal it has a head and columns; otherwise each row is a line of values between tabs."""

    head: Sequence[str]
    rows: Sequence[Sequence[object]]

    def lines(self) -> list[str]:
        """The rows as plain lines, as ``gh`` prints them where nobody looks."""
        return ["\t".join(_flat(str(value)) for value in row) for row in self.rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a verb found.

    ``data`` is what ``--json`` prints, one line of JSON: names, never prose to be parsed; an empty list is ``[]``.
    ``shown`` is what people read of it instead. ``talk`` goes to stderr, for people only; ``next_`` is what to try
    next, where ``code`` is not 0. ``percent`` is how far something is that is being followed: on a terminal, a bar.
    """

    data: Any
    shown: Rows | Sequence[str] = field(default_factory=tuple)
    talk: str = ""
    code: int = OK
    next_: str = ""
    percent: int | None = None

    def say(self, *, as_json: bool) -> int:
        """Print it; return the exit code."""
        if as_json:
            sys.stdout.write(msgspec.json.encode(self.data).decode() + "\n")
        else:
            _show(self.shown)
        sys.stdout.flush()
        if not as_json:
            talk = [self.talk] if self.talk else []
            talk += [f"next: {self.next_}"] if self.next_ else []
            sys.stderr.write("".join(f"{line}\n" for line in talk))
        return self.code


def _show(shown: Rows | Sequence[str]) -> None:
    if not isinstance(shown, Rows):
        sys.stdout.write("".join(f"{line}\n" for line in shown))
    elif not sys.stdout.isatty():
        sys.stdout.write("".join(f"{line}\n" for line in shown.lines()))
    elif shown.rows:
        from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - only for a terminal
        from rich.console import Console  # noqa: PLC0415 - the same
        from rich.table import Table  # noqa: PLC0415 - the same
        from rich.text import Text  # noqa: PLC0415 - the same

        table = Table(*shown.head, box=SIMPLE_HEAD, pad_edge=False)
        for row in shown.rows:
            # Text, not markup: what is shown may hold brackets.
            table.add_row(*(Text(str(value)) for value in row))
        Console().print(table)


def _flat(value: str) -> str:
    return " ".join(value.split())
