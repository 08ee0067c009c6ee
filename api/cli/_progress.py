"""How far something is that takes long: a bar on a terminal, a line now and then elsewhere, nothing for programs."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Where nobody looks, or somebody reads later.
_LINE_SECONDS = 10.0


@contextmanager
def progress_of(what: str) -> Iterator[Callable[[int, int], None]]:
    """Shown on stderr while the block runs. Tell it how much is done, and of how much."""
    if "--json" in sys.argv[1:]:
        yield lambda _done, _total: None
        return
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    from rich.console import Console  # noqa: PLC0415 - only for a terminal
    from rich.progress import Progress  # noqa: PLC0415 - the same

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(what: str) -> Callable[[int, int], None]:
    told = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told > _LINE_SECONDS:
            told = time.monotonic()
            sys.stderr.write(f"{what}: {done:,} of {total:,}\n")

    return tell
