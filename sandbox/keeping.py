"""Keeps processes running: starts them anew when they end, and ends each with its whole group."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_LOOK_SECONDS = 0.2
_GRACE_SECONDS = 60.0


class Kept:
    """Processes of ours by name, as ``ledgerpress run ...`` starts them."""

    def __init__(
        self, commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], logs: Path
    ) -> None:
        self._commands = commands
        self._environment = dict(environment)
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._frozen: dict[str, subprocess.Popen[bytes]] = {}
        self._wanted: set[str] = set()
        self._lock = threading.RLock()

    def copies(self, name: str) -> list[str]:
        """The processes called so, or so and a number."""
        return [each for each in self._commands if each.partition(".")[0] == name]

    def pid(self, name: str) -> int:
        """The process id it has now."""
        with self._lock:
            return self._running[name].pid

    def log(self, name: str) -> Path:
        """The file that its output goes to."""
        return self._logs / f"{name}.log"

    def start(self, name: str) -> None:
        """Start it, and keep it running from now on."""
        with self._lock:
            self._wanted.add(name)
            with self.log(name).open("ab") as log:
                self._running[name] = subprocess.Popen(
                    [sys.executable, "-m", "api.cli", "run", *self._commands[name]],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def kill(self, name: str) -> int:
        """SIGKILL it with all its children; return the process id it had. It is started anew if it is kept."""
        with self._lock:
            process = self._running[name]
            _signal_group(process, signal.SIGKILL)
            return process.pid

    def freeze(self, name: str) -> int:
        """SIGSTOP it with all its children; return the process id it has."""
        with self._lock:
            process = self._frozen[name] = self._running[name]
            _signal_group(process, signal.SIGSTOP)
            return process.pid

    def thaw(self, *names: str) -> None:
        """SIGCONT these, if they are still the processes that were frozen."""
        with self._lock:
            for name in names:
                process = self._frozen.pop(name, None)
                if process is not None and process.poll() is None:
                    _signal_group(process, signal.SIGCONT)

    def stop(self, *names: str) -> dict[str, int]:
        """SIGTERM these, wait for them, and kill what does not end; return how each ended."""
        with self._lock:
            self._wanted -= set(names)
            ending = [self._running[name] for name in names if name in self._running]
        for process in ending:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + _GRACE_SECONDS
        for process in ending:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            _signal_group(process, signal.SIGKILL)
            process.wait()
        return {name: self._running[name].returncode for name in names if name in self._running}

    def restart_dead(self) -> None:
        """Start anew what has ended and should run."""
        with self._lock:
            for name in self._wanted:
                if self._running[name].poll() is not None:
                    _signal_group(self._running[name], signal.SIGKILL)
                    self.start(name)


@contextmanager
def keep_running(
    commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], logs: Path
) -> Iterator[Kept]:
    """Start them all, keep them running inside the block, stop them on leaving it."""
    logs.mkdir(parents=True, exist_ok=True)
    kept = Kept(commands, environment, logs)
    leaving = threading.Event()

    def look_after() -> None:
        while not leaving.wait(_LOOK_SECONDS):
            kept.restart_dead()

    watch = threading.Thread(target=look_after, name="keeping", daemon=True)
    try:
        for name in commands:
            kept.start(name)
        watch.start()
        yield kept
    finally:
        leaving.set()
        if watch.is_alive():
            watch.join()
        kept.stop(*commands)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
