"""The browser that the tests of the pages drive: the machine's own, or Debian's without a window."""

import ctypes
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.machine import debs
from sandbox.machine.libraries import search_path
from sandbox.machine.places import ROOT, NotReadyError

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_PACKAGES = ["chromium-headless-shell"]
_UNPACKED = "usr/lib/chromium/chromium-headless-shell"
# Playwright drives it with a Node.js that needs this one library.
_DRIVER, _DRIVER_PACKAGES = "libatomic.so.1", ["libatomic1"]
_OTHERWISE = "Is there a network? Else install chromium by hand, or say with CHROMIUM where it is."
# It may be root, have no display and no bus; it must not go anywhere but where it is sent.
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


@dataclass(frozen=True)
class Browser:
    """An executable, and what it needs in its environment beyond what is there."""

    executable: Path
    environment: dict[str, str] = field(default_factory=dict)

    def launching(self) -> dict[str, Any]:
        """How playwright is to start it."""
        return {
            "executable_path": self.executable,
            "args": [*_FLAGS],
            "env": {**os.environ, **self.environment},
        }


def install() -> Browser:
    """Return a browser that runs; raise ``NotReadyError`` if there is none and none can be fetched.

    ``CHROMIUM`` names one before all others.
    """
    if named := os.environ.get("CHROMIUM"):
        found = Browser(Path(named))
        if not _runs(found):
            raise NotReadyError(f"CHROMIUM is {named}, which does not run")
        return found
    for each in filter(None, map(shutil.which, _NAMES)):
        found = Browser(Path(each))
        if _runs(found):
            return found
    folder = debs.unpack("chromium", _PACKAGES, _OTHERWISE, lambda each: _runs(_unpacked(each)))
    found = _unpacked(folder)
    if not _runs(found):
        raise NotReadyError(f"the Chromium in {folder} does not run: {_said(found).stderr.strip()}")
    return found


def driving() -> dict[str, str]:
    """Return what the driver needs in its environment; raise ``NotReadyError`` if that can not be fetched."""
    try:
        ctypes.CDLL(_DRIVER)
    except OSError:
        otherwise = "Is there a network? Else install libatomic1 by hand."
        folder = debs.unpack("driver", _DRIVER_PACKAGES, otherwise, _drives)
        return {"LD_LIBRARY_PATH": search_path(folder)}
    return {}


def _drives(folder: Path) -> bool:
    return any(folder.glob(f"usr/lib/*/{_DRIVER}"))


def _unpacked(folder: Path) -> Browser:
    fonts = ROOT / "actors" / "press" / "fonts" / "fonts.conf"
    # Some libraries keep others in a folder of their own, at an absolute path.
    own = {str(each.parent) for each in folder.glob("usr/lib/*-linux-gnu*/*/lib*.so*")}
    path = ":".join([*sorted(own), search_path(folder)])
    return Browser(folder / _UNPACKED, {"LD_LIBRARY_PATH": path, "FONTCONFIG_FILE": str(fonts)})


def _runs(browser: Browser) -> bool:
    if not browser.executable.exists():
        return False
    try:
        said = _said(browser)
    except (OSError, subprocess.TimeoutExpired):
        return False
    # Ubuntu's placeholder for a snap runs, too, but is none.
    return said.returncode == 0 and "Chrom" in said.stdout


def _said(browser: Browser) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [browser.executable, "--version"], env={**os.environ, **browser.environment},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
