"""What releases have recorded: histories byte by byte, and the shapes of their events. Only ever added to.

``./dev test tests/golden/write.py`` adds what is missing: the shapes of new events and of new versions of old ones, the
schemas that each version of a projection folds, and the golden histories of the release in ``pyproject.toml`` if it has
none. Nothing that is there is written anew.
"""

import json
from pathlib import Path
from typing import Any

from events.envelope import kind_of
from events.folding import Projection

HERE = Path(__file__).parent
SHAPES = HERE / "shapes.json"
FOLDED = HERE / "folded.json"


def shapes() -> dict[str, dict[str, Any]]:
    """The shapes that were ever recorded, by type and schema version."""
    found: dict[str, dict[str, Any]] = json.loads(SHAPES.read_text("utf-8"))
    return found


def folded() -> dict[str, dict[str, Any]]:
    """The schemas of the events that projections have folded, by projection and its version."""
    found: dict[str, dict[str, Any]] = json.loads(FOLDED.read_text("utf-8"))
    return found


def schemas_of(projection: Projection) -> dict[str, int]:
    """The schemas of the events that it folds now, by type."""
    return {kind.name: kind.schema for kind in map(kind_of, projection.events)}


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
