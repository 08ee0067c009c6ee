"""The project's own Python: ``.venv`` with exactly the locked packages."""

import fcntl
import hashlib
import platform
import subprocess
import sys
from pathlib import Path

from sandbox.machine.places import PYTHON, ROOT, RUN, VENV, NotReadyError, say
from sandbox.machine.processes import run

LOCK = ROOT / "requirements-dev.lock"
# When ./dev runs in the very environment it looks after, this is the Python beneath.
_BASE_PYTHON: str = getattr(sys, "_base_executable", sys.executable)
_VERSION = sys.implementation.cache_tag
_STAMP = VENV / "ledgerpress-stamp"


def install() -> None:
    """Bring ``.venv`` up to date with the locks. Takes milliseconds when it is; safe to run several at once."""
    if _stamp() == _wanted():
        return
    RUN.mkdir(exist_ok=True)
    with (RUN / "venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _stamp() == _wanted():
            return
        # An environment that fits is brought up to date in place: others may be running in it.
        if not _fits():
            say("making .venv")
            make(VENV)
        say("installing locked packages")
        require(VENV, LOCK)
        run(
            [*_pip(VENV), "install", "--no-deps", "--no-build-isolation", "--editable", ROOT],
            "installing the ledgerpress command",
        )
        _STAMP.write_text(_wanted())


def _wanted() -> str:
    """Say which interpreter and place (first line) and which packages (second line) it is for."""
    packages = hashlib.sha256()
    for name in ("requirements.lock", LOCK.name, "pyproject.toml"):
        packages.update((ROOT / name).read_bytes())
    return f"{_VERSION} {platform.machine()} {ROOT}\n{packages.hexdigest()}\n"


def _stamp() -> str:
    return _STAMP.read_text() if _STAMP.exists() and PYTHON.exists() else ""


def _fits() -> bool:
    if stamp := _stamp():
        return stamp.splitlines()[0] == _wanted().splitlines()[0]
    return _runs(PYTHON, f"import sys; assert sys.implementation.cache_tag == {_VERSION!r}")


def make(folder: Path) -> None:
    """Make an empty environment in ``folder``, whatever was there before."""
    if folder.is_symlink():
        raise NotReadyError(
            f"{folder.name} is a link to another checkout's: remove the link and run again"
        )
    # It needs no pip of its own: the one outside can install into it. So Debian's python3-venv,
    # without which venv cannot provide a pip, is not needed either.
    has_pip = _runs(_BASE_PYTHON, "import pip")
    if not has_pip and not _runs(_BASE_PYTHON, "import ensurepip"):
        raise NotReadyError(
            "This Python has no pip: install it (Debian: apt-get install python3-pip)."
        )
    without = ["--without-pip"] if has_pip else []
    run([_BASE_PYTHON, "-m", "venv", "--clear", *without, folder], f"making {folder.name}")


def require(folder: Path, lock: Path) -> None:
    """Install exactly what ``lock`` names into the environment in ``folder``."""
    command = [*_pip(folder), "install", "--require-hashes", "-r", lock]
    run(command, "installing the locked packages")


def _pip(folder: Path) -> list[str | Path]:
    python = folder / "bin" / "python"
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    if _runs(_BASE_PYTHON, "import pip"):
        return [_BASE_PYTHON, "-m", "pip", "--python", python, *quiet]
    return [python, "-m", "pip", *quiet]


def _runs(python: str | Path, code: str) -> bool:
    if not Path(python).exists():
        return False
    return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
