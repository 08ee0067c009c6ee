"""The machine: what processes may open and use here, and whether the world finds the way."""

import json
import os
import resource
import shutil
import socket
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

from storage.checks.settings import HERE
from storage.findings import Finding, failure, warning, well
from storage.settings import Settings

# An API with all its threads, connections and streams; a worker takes less.
_FILES = (256, 1024)
_SHARED_MEMORY = 64 * 1024**2
_SCRATCH = 256 * 1024**2
_MEMORY = 768 * 1024


def look() -> Iterator[Finding]:
    """All of it."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    few, some = _FILES
    if soft != resource.RLIM_INFINITY and soft < some:
        yield (failure if soft < few else warning)(
            "machine.files",
            f"a process may open {soft} files",
            why="connections count as files: beyond it, customers and Stripe are refused",
            do=f"ulimit -n {some} or more; LimitNOFILE= for systemd",
        )
    else:
        yield well("machine.files", f"a process may open {soft}")
    scratch = Path(tempfile.gettempdir())
    if not os.access(scratch, os.W_OK) or shutil.disk_usage(scratch).free < _SCRATCH:
        yield failure(
            "machine.scratch",
            f"{scratch} cannot be written to, or has less than {_SCRATCH // 1024**2} MB",
            why="the press works there: no report can be set",
            do="make room, or set TMPDIR",
        )
    else:
        yield well("machine.scratch", f"{scratch} has room")
    yield from _shared_memory()
    yield from _memory()


def look_from_outside(settings: Settings) -> Iterator[Finding]:
    """Whether PUBLIC_URL leads to an API of ours. From here, which is not quite outside."""
    request = urllib.request.Request(settings.public_url.rstrip("/") + "/livez")  # noqa: S310 - checked
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - the same
            alive = json.loads(answer.read(1000)).get("alive") is True
            found = "" if alive else "something else answers"
    except HTTPError as error:
        found = f"something answers {error.code}"
    except (OSError, ValueError, AttributeError) as error:
        reason = getattr(error, "reason", error)
        known = {
            socket.gaierror: "its name is not known here",
            ConnectionRefusedError: "nobody listens there",
            TimeoutError: "it does not answer",
        }
        words = (text for kind, text in known.items() if isinstance(reason, kind))
        found = next(words, "no API of ours answers (certificate, or another server?)")
    if found:
        yield warning(
            "public-url",
            found,
            why="every mail links there, and Stripe sends payments there",
            do="run the API behind it (ledgerpress run api), and see to DNS, the certificate and the proxy",
        )
    else:
        here = "; from this machine only" if _is_here(settings.public_url) else ""
        yield well("public-url", f"leads to an API of ours{here}")


def _is_here(url: str) -> bool:
    return any(f"//{host}" in url for host in HERE)


def _shared_memory() -> Iterator[Finding]:
    folder = Path("/dev/shm")  # noqa: S108 - looked at only
    if folder.exists() and shutil.disk_usage(folder).total < _SHARED_MEMORY:
        yield warning(
            "machine.shared-memory",
            f"{folder} has {shutil.disk_usage(folder).total // 1024**2} MB",
            why="if Postgres runs in here, its parallel queries fail",
            do="shm_size: 128m for the container",
        )


def _memory() -> Iterator[Finding]:
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return
    found = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    if (free := found.get("MemAvailable", _MEMORY)) < _MEMORY:
        yield warning(
            "machine.memory",
            f"{free // 1024} MB of memory are free",
            why="a worker with its press takes 210 MB, and one piece of a report may take 400 MB",
            do="add memory, or run fewer workers here",
        )
    else:
        yield well("machine.memory", f"{free / 1024**2:.1f} GB are free")
