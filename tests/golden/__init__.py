"""What releases have recorded: histories byte by byte, and the shapes of their events. Only ever added to.

``./dev test tests/golden/write.py`` adds what is missing: the shapes of new events and of new versions of old ones, and
the golden histories of the release in ``pyproject.toml`` if it has none. Nothing that is there is written anew.
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SHAPES = HERE / "shapes.json"


def shapes() -> dict[str, dict[str, Any]]:
    """The shapes that were ever recorded, by type and schema version."""
    found: dict[str, dict[str, Any]] = json.loads(SHAPES.read_text("utf-8"))
    return found


def releases() -> list[Path]:
    """The folders of the releases that have golden histories."""
    return sorted(path for path in HERE.iterdir() if (path / "log.jsonl").exists())


def holds(golden: Any, now: Any) -> bool:
    """Whether all that was said then is said now; more may be."""
    if isinstance(golden, dict):
        return isinstance(now, dict) and all(
            name in now and holds(value, now[name]) for name, value in golden.items()
        )
    if isinstance(golden, list):
        return (
            isinstance(now, list)
            and len(golden) == len(now)
            and all(holds(one, two) for one, two in zip(golden, now, strict=True))
        )
    return bool(golden == now)
