"""How a stand-in is started as a process, says that it is ready, and stops when it is told to."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue

ROOT = Path(__file__).resolve().parent.parent


class NotStartedError(RuntimeError):
    """A stand-in ended, or said nothing, before it was ready."""


@dataclass(frozen=True, slots=True)
class MailSink:
    """Where a started mail sink listens. ``smtp`` and ``http`` are URLs."""

    smtp: str
    http: str


@contextlib.contextmanager
def started(
    module: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    patience: float = 60.0,
) -> Iterator[str]:
    """Run ``python -m module`` and yield the one line it prints when it is ready.

    It is told to stop (SIGTERM) on leaving, and stops by itself should this process die first. Waits
    at most ``patience`` seconds for the line; ``NotStartedError`` if it does not come.
    """
    with subprocess.Popen(
        [sys.executable, "-m", module, "--tethered", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
    ) as process:
        try:
            yield _first_line(process, patience)
        finally:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def started_mail_sink(*arguments: str) -> Iterator[MailSink]:
    """Run a mail sink and yield its two addresses."""
    with started("sandbox.mail_sink", *arguments) as line:
        yield MailSink(**json.loads(line))


def announce(line: str) -> None:
    """Say that connections are accepted now: the only line a stand-in ever prints."""
    print(line, flush=True)  # noqa: T201 - this line is the agreement


def told_to_stop(*, tethered: bool) -> asyncio.Event:
    """From now on, what is set by SIGTERM or SIGINT, or, when ``tethered``, once standard input closes.

    Ask for it before ``announce``: whoever reads that line may say stop at once.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if tethered:
        loop.add_reader(0, _stop_at_end_of_input, stop)
    return stop


def _stop_at_end_of_input(stop: asyncio.Event) -> None:
    if not os.read(0, 4096):
        asyncio.get_running_loop().remove_reader(0)
        stop.set()


def _first_line(process: subprocess.Popen[str], patience: float) -> str:
    lines: Queue[str] = Queue()
    output = process.stdout
    if output is None:
        message = "the stand-in has no standard output"
        raise NotStartedError(message)
    threading.Thread(target=lambda: lines.put(output.readline()), daemon=True).start()
    try:
        line = lines.get(timeout=patience).strip()
    except Empty:
        line = ""
    if not line:
        message = f"{process.args!r} was not ready within {patience:g} s (exit: {process.poll()})"
        raise NotStartedError(message)
    return line
