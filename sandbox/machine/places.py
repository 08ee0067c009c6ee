"""Where things are kept, what the person waiting is told, and the one error of this package."""

import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / ".run"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ledgerpress"

_started = time.monotonic()


class NotReadyError(Exception):
    """The machine lacks something; the message says what, and what to do about it."""


def say(stage: str) -> None:
    """Tell the person waiting what happens now, and how long it has been, in seconds."""
    sys.stderr.write(f"dev {time.monotonic() - _started:5.1f}s  {stage}\n")
