"""How far a long command is: a bar on a terminal, and where nobody looks a plain line now and then."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Told = Callable[[int, int], None]
_TENTHS = 10


@contextmanager
def progress(what: str, *, lines: bool = False) -> Iterator[Told]:
    """What is to be told how many of how many are done. With ``--json`` nothing is shown.

    Without a terminal nothing is shown either, or with ``lines`` a line for each tenth.
    """
    if "--json" in sys.argv[1:]:
        yield lambda _done, _total: None
    elif sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 - only for a terminal
        from rich.progress import Progress  # noqa: PLC0415 - the same

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    else:
        yield _plainly(what) if lines else lambda _done, _total: None


def _plainly(what: str) -> Told:
    told = 0

    def tell(done: int, total: int) -> None:
        nonlocal told
        tenth = _TENTHS * done // total if total else _TENTHS
        if tenth > told:
            told = tenth
            sys.stderr.write(f"{what}: {done} of {total}\n")
            sys.stderr.flush()

    return tell
