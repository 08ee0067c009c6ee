"""Runs one of our processes and kills it at a chosen moment.

``python -m sandbox.crashing MOMENT NUMBER [--queue QUEUE] [--leg SECONDS] -- worker PRODUCT | keeper | api --port N``

``MOMENT`` is ``before-`` or ``after-`` and one of the crossings below, or the name of an event: at the ``NUMBER``-th of
them, or when the ``NUMBER``-th event of that name is committed, the process gets SIGKILL from itself. What it runs
knows nothing of that. ``--queue`` lets a worker consume another queue than its product's, ``--leg`` keep an order for
another time.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel

from actors.__main__ import main as run_actor
from actors.model import Model
from actors.post import Post
from api.cli import main as run_command
from events.envelope import all_kinds
from events.plan import Pacing, Product
from storage import event_log
from storage.event_log import Writing, Written
from storage.publisher import Publisher

# Where a process does something that others can see: a message out, a message settled, a call to the model, a mail, a
# line to the mail server and its answer.
CROSSINGS = ("publish", "ack", "call", "mail", "command", "reply")


class Crash:
    """Counts the crossings of one kind, and ends the process at one of them."""

    def __init__(self, moment: str, number: int) -> None:
        self._when, _, self._what = moment.partition("-")
        self._number = number
        self._counted = {"before": 0, "after": 0}
        self._lock = threading.Lock()

    def crossed(self, when: str, times: int = 1) -> None:
        """One more crossing begins or has ended, or several at once."""
        with self._lock:
            before = self._counted[when]
            self._counted[when] += times
            if when == self._when and before < self._number <= before + times:
                os.kill(os.getpid(), signal.SIGKILL)

    def guard(self, owner: object, name: str, what: str) -> None:
        """Watch the function ``name`` of ``owner``, if it is of the kind that counts."""
        if what == self._what:
            setattr(owner, name, self._watched(getattr(owner, name)))

    def guard_async(self, owner: object, name: str, what: str) -> None:
        """The same, for a coroutine function."""
        if what == self._what:
            setattr(owner, name, self._awaited(getattr(owner, name)))

    def guard_commits(self) -> None:
        """Watch what the log commits, if what counts is an event."""
        commit = event_log.write

        def watched(connection: Any, writings: Sequence[Writing], **how: Any) -> list[Written]:
            facts = [fact for writing in writings for fact in writing.facts]
            times = sum(fact.type == self._what for fact in facts)
            self.crossed("before", times)
            result = commit(connection, writings, **how)
            self.crossed("after", times)
            return result

        if self._what not in CROSSINGS:
            setattr(event_log, "write", watched)  # noqa: B010 - so that the type checker looks away

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def watched(*given: Any, **named: Any) -> Any:
            self.crossed("before")
            result = function(*given, **named)
            self.crossed("after")
            return result

        return watched

    def _awaited(self, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @wraps(function)
        async def awaited(*given: Any, **named: Any) -> Any:
            self.crossed("before")
            result = await function(*given, **named)
            self.crossed("after")
            return result

        return awaited


def lay(crash: Crash) -> None:
    """Put the trap where the process will step on it."""
    crash.guard_commits()
    crash.guard(Publisher, "_send", "publish")
    crash.guard_async(Model, "_ask", "call")
    crash.guard(Post, "_hand_over", "mail")
    crash.guard(BlockingChannel, "basic_ack", "ack")
    connect = Post._connect  # noqa: SLF001 - the same

    def connected(post: Post, seconds: float) -> Any:
        server = connect(post, seconds)
        crash.guard(server, "send", "command")
        crash.guard(server, "getreply", "reply")
        return server

    setattr(Post, "_connect", connected)  # noqa: B010 - the same


def forked(environment: Mapping[str, str], log: Path, arguments: Sequence[str]) -> None:
    """``main`` in a fresh fork of a process that has imported this module: many start faster so."""
    os.setsid()
    os.environ.update(environment)
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.exit(main(arguments))


def main(arguments: Sequence[str] | None = None) -> int:
    """Lay the trap, then be that process."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.crashing", description=__doc__)
    named = [*CROSSINGS, *(kind.name for kind in all_kinds())]
    moments = [f"{when}-{what}" for when in ("before", "after") for what in named]
    parser.add_argument("moment", choices=moments)
    parser.add_argument("number", type=int)
    parser.add_argument("--queue")
    parser.add_argument("--leg", type=float)
    parser.add_argument(
        "process", nargs="+", help="worker PRODUCT, keeper, or api with its options"
    )
    given = parser.parse_args(arguments)
    lay(Crash(given.moment, given.number))
    if given.queue:
        setattr(Product, "queue", property(lambda _: given.queue))  # noqa: B010 - the same
    if given.leg:
        setattr(Pacing, "leg", property(lambda _: given.leg))  # noqa: B010 - the same
    if given.process[0] == "api":
        sys.argv = ["ledgerpress", "run", *given.process]
        run_command()
        return 0
    return run_actor(*given.process)


if __name__ == "__main__":
    sys.exit(main())
