"""The press: HTML in, PDF out, in processes of their own that may fail without harm."""

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from actors.press.turns import Turns
from events.errors import Refused, Unavailable

HERE = Path(__file__).parent
FONTS = HERE / "fonts"
SHEET = HERE / "templates" / "report.css"

# What the warm process adds after a chunk's own answer: the status of its child as ``os.waitpid`` gives it.
VERDICT = struct.Struct("!4si")
VERDICT_MARK = b"LPv1"
# How a chunk's answer begins: its number of pages.
PAGES = struct.Struct("!I")

# ``os._exit`` codes of a child that could not render.
TOO_MUCH_MEMORY = 3
TOO_DEEP = 4
BROKEN = 5
FAILURES = {
    TOO_MUCH_MEMORY: "this chunk needs more memory than a chunk may have",
    TOO_DEEP: "this chunk is nested too deeply",
    BROKEN: "this chunk breaks the engine",
}

# How often a chunk is begun anew because the warm process died under it.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one chunk may take: bytes of address space, seconds of processor, seconds in all."""

    memory: int = 400 * 1024 * 1024
    processor: int = 60
    time: int = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A chunk as it left the press."""

    pdf: bytes
    pages: int


class PressFailed(Refused):
    """This HTML cannot be rendered within the limits; the press itself is well."""

    reason = "unrenderable"


class Press:
    """A warm process that has everything loaded and forks for each chunk.

    Nothing is started before the first chunk. Several threads may call ``render``; at most
    ``children`` chunks are in work at once, the others wait: those of this process, or those of all
    processes that share the folder ``turns``. It runs on ``processors``, or where this process
    does. If it dies it is started again. Not to be carried across a fork: a forked one starts its own.
    """

    def __init__(
        self,
        *,
        children: int = 1,
        turns: Path | None = None,
        limits: Limits | None = None,
        processors: Collection[int] = (),
    ) -> None:
        self._limits = limits or Limits()
        self._processors = processors
        self._turns = Turns(children, turns)
        self._lock = Lock()
        self._room: _Room | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the warm process and whatever it is rendering. The press may be used again afterwards."""
        with self._lock:
            if self._room is not None:
                self._room.close()
            self._room = None

    def render(self, html: str) -> Rendered:
        """Render one document. The same HTML and ``recipe`` always give the same bytes.

        Raises ``PressFailed`` if this HTML takes too much memory or time or breaks the engine, and
        ``Unavailable`` if the press itself was interrupted or cannot be started.
        """
        page = html.encode("utf-8", "replace")
        with self._turns.taken():
            for _ in range(ATTEMPTS):
                room = self._open()
                if answer := room.print(page):
                    return _read(answer)
                room.mourn()
        msg = "the press was interrupted again and again"
        raise Unavailable(msg, reason="press-interrupted", retry_after=5.0)

    def recipe(self) -> str:
        """A fingerprint of what decides the bytes besides the HTML: style sheet, fonts, versions."""
        return self._open().recipe

    def _open(self) -> "_Room":
        with self._lock:
            room = self._room
            if room is not None and room.owner == os.getpid() and room.alive():
                return room
            if room is not None and room.owner == os.getpid():
                room.close()
            self._room = _Room(self._limits, self._processors)
            return self._room


class _Room:
    """The warm process as its owner sees it: a socket that takes one connection per chunk."""

    def __init__(self, limits: Limits, processors: Collection[int]) -> None:
        self.owner = os.getpid()
        self._patience = limits.time + 15.0
        self._scratch = tempfile.mkdtemp(prefix="ledgerpress-press-")
        self._door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "actors.press.pressroom", str(theirs.fileno())],
                cwd=HERE.parent.parent,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what libraries have to say when they cannot be loaded is nobody's answer
                start_new_session=True,  # a worker told to stop still finishes its chunk
                env=self._environment(limits, processors),
            )
        self._door.settimeout(60.0)
        try:
            self.recipe = self._door.recv(64).decode()
        except TimeoutError:
            self.recipe = ""
        if not self.recipe:
            self.close()
            msg = "the press could not be started: are pango, harfbuzz-subset and fontconfig there?"
            raise Unavailable(msg, reason="press-not-ready", retry_after=30.0)

    def _environment(self, limits: Limits, processors: Collection[int]) -> dict[str, str]:
        kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "VIRTUAL_ENV")
        return {name: os.environ[name] for name in kept if name in os.environ} | {
            "PYTHONHASHSEED": "0",
            "LANG": "C.UTF-8",
            "FONTCONFIG_FILE": str(FONTS / "fonts.conf"),
            "XDG_CACHE_HOME": self._scratch,
            "HOME": self._scratch,
            "TMPDIR": self._scratch,
            "PRESS_PROCESSORS": ",".join(str(each) for each in processors),
            **{f"PRESS_{name.upper()}": str(value) for name, value in asdict(limits).items()},
        }

    def alive(self) -> bool:
        return self._process.poll() is None

    def mourn(self) -> None:
        """Give a warm process that is about to die the time to do so."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)

    def print(self, page: bytes) -> bytes:
        """The raw answer; empty if the warm process died before it could give one."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours:
            ours.settimeout(self._patience)
            try:
                with theirs:
                    socket.send_fds(self._door, [b"."], [theirs.fileno()])
                ours.sendall(page)
                ours.shutdown(socket.SHUT_WR)
            except OSError:
                # Died already, or has stopped reading: its verdict says which.
                pass
            answer = _read_all(ours)
        return answer if answer[-VERDICT.size :].startswith(VERDICT_MARK) else b""

    def close(self) -> None:
        self._door.close()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)


def _read_all(connection: socket.socket) -> bytes:
    pieces: list[bytes] = []
    while True:
        try:
            piece = connection.recv(1 << 16)
        except TimeoutError:
            msg = "this chunk did not end in time"
            raise PressFailed(msg) from None
        except ConnectionResetError:
            # The child left before it had read everything. Said once; what was written to us follows.
            continue
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def _read(answer: bytes) -> Rendered:
    _, status = VERDICT.unpack(answer[-VERDICT.size :])
    if os.WIFSIGNALED(status):
        raise _killed(os.WTERMSIG(status))
    if code := os.WEXITSTATUS(status):
        raise PressFailed(FAILURES.get(code, FAILURES[BROKEN]))
    (pages,) = PAGES.unpack(answer[: PAGES.size])
    return Rendered(pdf=answer[PAGES.size : -VERDICT.size], pages=pages)


def _killed(number: int) -> PressFailed | Unavailable:
    match number:
        case signal.SIGALRM | signal.SIGXCPU:
            return PressFailed("this chunk takes more time than a chunk may have")
        case signal.SIGKILL | signal.SIGTERM:
            msg = "someone ended the process that rendered this chunk"
            return Unavailable(msg, reason="press-interrupted", retry_after=5.0)
        case _:
            return PressFailed(FAILURES[BROKEN])
