"""The bare parts of ``./dev``: remembered ports and secrets, children, locks."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.machine import postgres, processes, sharing
from sandbox.machine.nodes import MARK, remembered_ports, remembered_secret
from sandbox.machine.places import ROOT, NotReadyError


def test_a_port_is_the_same_at_the_next_start(tmp_path: Path) -> None:
    first = remembered_ports(tmp_path / "ports", ["amqp", "epmd"])

    assert remembered_ports(tmp_path / "ports", ["amqp", "epmd"]) == first


def test_a_port_that_somebody_took_is_replaced(tmp_path: Path) -> None:
    first = remembered_ports(tmp_path / "ports", ["postgres"])["postgres"]

    with socket.create_server(("127.0.0.1", first)):
        assert remembered_ports(tmp_path / "ports", ["postgres"])["postgres"] != first


def test_a_secret_is_kept_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    first = remembered_secret(tmp_path / "password")

    assert remembered_secret(tmp_path / "password") == first
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600


def test_data_below_a_private_home_are_out_of_reach_for_another_user(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "checkout").mkdir(parents=True)

    home.chmod(0o700)

    assert not postgres.reachable(home / "checkout")


def test_a_failed_step_says_what_failed_and_what_it_said() -> None:
    with pytest.raises(NotReadyError, match=r"(?s)fetching failed.*no such thing"):
        processes.run(["sh", "-c", "echo no such thing; exit 3"], "fetching")


def test_a_node_is_in_use_until_the_last_user_leaves(tmp_path: Path) -> None:
    with sharing.using(tmp_path):
        with sharing.using(tmp_path):
            assert sharing.in_use(tmp_path)
        assert sharing.in_use(tmp_path)

    assert not sharing.in_use(tmp_path)


def test_what_a_killed_guard_left_behind_is_found_by_its_mark(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    environment = {**os.environ, MARK: str(tmp_path)}
    with subprocess.Popen(command, env=environment) as left_behind:
        found: list[int] = []
        until = time.monotonic() + 60
        # A process that has only just begun may not show its environment yet.
        while not found and time.monotonic() < until:
            found = [*processes.marked(f"{MARK}={tmp_path}")]
        left_behind.kill()

    assert found == [left_behind.pid]


def test_a_child_does_not_outlive_a_killed_parent() -> None:
    script = (
        "import signal, subprocess; from sandbox.machine.processes import die_with_parent as die;"
        "child = subprocess.Popen(['sleep', '60'], preexec_fn=die(signal.SIGTERM));"
        "print(child.pid, flush=True); child.wait()"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())

        parent.send_signal(signal.SIGKILL)

    assert ended(child)


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("dance", 2), ("", 2)])
def test_dev_explains_itself(argument: str, code: int) -> None:
    command = [str(ROOT / "dev"), argument]
    told = subprocess.run(command, capture_output=True, text=True, check=False)

    assert told.returncode == code
    assert "usage: ./dev COMMAND" in told.stdout + told.stderr


def ended(pid: int, patience: float = 60.0) -> bool:
    """Whether the process ends in time; one that nobody has collected counts as ended."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False
