"""Runs one private node for as long as anyone uses it: ``python -m sandbox.machine.guard postgres|rabbitmq HOME``.

Every user holds a shared lock on ``HOME/users``. The guard waits for an exclusive one, which the kernel gives
it when the last user has left, in whatever way; then it stops the node and ends.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

from sandbox.machine import postgres, rabbitmq
from sandbox.machine.nodes import MARK, Node, write_secret
from sandbox.machine.places import NotReadyError
from sandbox.machine.processes import marked

_START = {"postgres": postgres.start, "rabbitmq": rabbitmq.start}


def main(name: str, home: Path) -> None:
    """Start the node, write its URL to ``HOME/url`` and standard output, and guard it.

    Does nothing when another guard does.
    """
    # Nobody's child: the run that needs the node first may end first.
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    # Never closed: it comes free when this process is gone, for which the last user waits.
    alive = os.open(home / "guard", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    _clear(home)
    try:
        node = _START[name](home)
    except NotReadyError as error:
        sys.exit(f"{error}\nMore may be in {home}.")
    try:
        _tell(node, home)
        _wait_for_users_to_leave(node, home)
    finally:
        (home / "url").unlink(missing_ok=True)
        _stop(node, home)


def _tell(node: Node, home: Path) -> None:
    write_secret(home / "url", node.url)
    with suppress(BrokenPipeError):
        sys.stdout.write(f"{node.url}\n")
        sys.stdout.flush()
    # Whoever started us reads until the end of the file.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _wait_for_users_to_leave(node: Node, home: Path) -> None:
    def child_ended(_signum: int, _frame: FrameType | None) -> None:
        if node.process.poll() is not None:
            sys.exit(f"{home.name} ended by itself with {node.process.returncode}")

    signal.signal(signal.SIGCHLD, child_ended)
    child_ended(signal.SIGCHLD, None)
    with (home / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        (home / "url").unlink()
        # Kept locked until the node is down: a newcomer waits, then starts it again.
        _stop(node, home)


def _stop(node: Node, home: Path, patience: float = 30.0) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if node.process.poll() is None:
        node.process.send_signal(node.stop)
        with suppress(subprocess.TimeoutExpired):
            node.process.wait(patience)
        node.process.kill()
    _clear(home, patience=0)
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _clear(home: Path, patience: float = 30.0) -> None:
    """Wait ``patience`` seconds for processes of the node to end, then kill what is left.

    The kernel has told those that a killed guard left behind to stop.
    """
    deadline = time.monotonic() + patience
    while left := [*marked(f"{MARK}={home}")]:
        for pid in left if time.monotonic() > deadline else []:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
