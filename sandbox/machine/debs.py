"""Debian packages fetched and unpacked by any user, without installing anything."""

import fcntl
import platform
import shutil
from collections.abc import Callable
from pathlib import Path

from sandbox.machine.places import CACHE, NotReadyError, say
from sandbox.machine.processes import run

# apt with folders of its own and without the hooks that packages of the system hang into it.
_APT_CONF = """\
Dir::State::Lists "{apt}/lists";
Dir::Cache "{apt}/cache";
Dir::Cache::Archives "{apt}/cache/archives";
Dir::Log "{apt}";
Debug::NoLocking "true";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
"""


def unpack(
    name: str,
    packages: list[str],
    otherwise: str,
    works: Callable[[Path], bool],
    settle: Callable[[Path, Path], None] = lambda _now, _later: None,
) -> Path:
    """Return a folder with the packages and those dependencies that the system lacks.

    It is fetched once and found again later as long as it ``works``. ``settle(now, later)`` adapts the unpacked
    files to the folder they will be moved to. ``otherwise`` ends the error: what to do when fetching fails.
    """
    base = CACHE / _release()
    folder = base / name
    if folder.exists() and works(folder):
        return folder
    if not shutil.which("apt-get"):
        raise NotReadyError(
            f"{', '.join(packages)}: not on this machine, and no apt-get to fetch it with. {otherwise}"
        )
    base.mkdir(parents=True, exist_ok=True)
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists() and works(folder):
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        say(f"fetching {', '.join(packages)}")
        try:
            _fetch(packages, base / "apt", base / f"{name}.new")
        except NotReadyError as error:
            raise NotReadyError(f"{error}\n{otherwise}") from None
        settle(base / f"{name}.new", folder)
        (base / f"{name}.new").rename(folder)
    return folder


def _fetch(packages: list[str], apt: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.rmtree(apt, ignore_errors=True)
    target.mkdir()
    archives = apt / "cache" / "archives"
    for folder in (apt / "lists", archives):
        (folder / "partial").mkdir(parents=True)
    (apt / "apt.conf").write_text(_APT_CONF.format(apt=apt))
    get: list[str | Path] = ["apt-get", "-c", apt / "apt.conf", "-qq", "--yes"]
    what = f"fetching {', '.join(packages)}"
    run([*get, "update"], what)
    run([*get, "--download-only", "install", *packages], what)
    for archive in sorted(archives.glob("*.deb")):
        run(["dpkg-deb", "--extract", archive, target], f"unpacking {archive.name}")
    shutil.rmtree(apt)


def _release() -> str:
    try:
        about = platform.freedesktop_os_release()
    except OSError:
        about = {}
    return "-".join(
        (about.get("ID", "unknown"), about.get("VERSION_ID", "rolling"), platform.machine())
    )
