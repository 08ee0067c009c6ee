"""The system libraries that WeasyPrint draws with."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

from sandbox.machine import debs

_SONAMES = (
    "libgobject-2.0.so.0",
    "libpango-1.0.so.0",
    "libpangoft2-1.0.so.0",
    "libharfbuzz.so.0",
    "libharfbuzz-subset.so.0",
    "libfontconfig.so.1",
)
_PACKAGES = ["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"]
_LOAD = "import ctypes, sys; [ctypes.CDLL(name) for name in sys.argv[1:]]"


def environment() -> dict[str, str]:
    """Return what to add to a child's environment so that it can load the libraries: nothing if the system has them."""
    if _loadable():
        return {}
    folder = debs.unpack(
        "libraries",
        _PACKAGES,
        "Is there a network? Else install these packages by hand.",
        _load_from,
    )
    return _paths(folder)


def search_path(folder: Path) -> str:
    """Name the library folders of unpacked packages, before those already searched."""
    found = [
        str(path)
        for top in ("lib", "usr/lib")
        for path in sorted(folder.glob(f"{top}/*-linux-gnu*"))
    ]
    return ":".join([*found, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])


def _paths(folder: Path) -> dict[str, str]:
    return {"LD_LIBRARY_PATH": search_path(folder)}


def _loadable() -> bool:
    try:
        for name in _SONAMES:
            ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _load_from(folder: Path) -> bool:
    command = [sys.executable, "-c", _LOAD, *_SONAMES]
    tried = subprocess.run(
        command, env={**os.environ, **_paths(folder)}, capture_output=True, check=False
    )
    return tried.returncode == 0
