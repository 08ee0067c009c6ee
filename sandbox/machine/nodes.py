"""What the private Postgres and RabbitMQ have in common: a process, an address, remembered ports."""

import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.machine.places import NotReadyError
from sandbox.machine.processes import die_with_parent

# Every process of a node carries this in its environment, so that those a killed guard left behind can be found.
MARK = "LEDGERPRESS_NODE"


@dataclass(frozen=True)
class Node:
    """A server that runs, how to reach it, and the signal that makes it stop in good order."""

    url: str
    process: subprocess.Popen[bytes]
    stop: signal.Signals


def launch(
    command: Sequence[str | Path],
    home: Path,
    env: Mapping[str, str],
    stop: signal.Signals,
    user: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server that writes to ``home/log`` and gets ``stop`` when we die."""
    with (home / "log").open("ab") as log:
        return subprocess.Popen(
            command, cwd="/", env={**env, MARK: str(home)}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            user=user, group=user, extra_groups=None if user is None else [],
            preexec_fn=die_with_parent(stop),  # noqa: PLW1509 - a guard has one thread
        )  # fmt: skip


def await_answer(
    node: str, server: "subprocess.Popen[bytes]", home: Path, answers: Callable[[], bool]
) -> None:
    """Wait until the server answers; raise ``NotReadyError`` when it ends before, or after 90 s."""
    deadline = time.monotonic() + 90
    while not answers():
        if server.poll() is not None or time.monotonic() > deadline:
            said = (home / "log").read_text(errors="replace").strip().splitlines()[-8:]
            raise NotReadyError("\n".join([f"the private {node} did not start:", *said]))
        time.sleep(0.05)


def remembered_ports(file: Path, names: Sequence[str]) -> dict[str, int]:
    """Return a free loopback port for each name: the one it had last time, unless somebody has taken it."""
    known: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    ports = {name: _free_port(known.get(name, 0)) for name in names}
    file.write_text(json.dumps(ports))
    return ports


def remembered_secret(file: Path) -> str:
    """Return the secret in the file, made at first and readable by its owner only."""
    if not file.exists():
        write_secret(file, secrets.token_hex(16))
    return file.read_text()


def write_secret(file: Path, text: str) -> None:
    """Put the text into a file that only its owner can read, all or nothing."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as opened:
        opened.write(text)
    new.replace(file)


def _free_port(wish: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wish))
        except OSError:
            return _free_port(0)
        port: int = probe.getsockname()[1]
        return port
