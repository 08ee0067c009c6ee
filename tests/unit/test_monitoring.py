"""Alert rules, dashboard and docs speak of metrics that there are."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from storage import levels
from storage.metrics import exposition

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "monitoring"
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
DOCS = (ROOT / "docs" / "metrics.md").read_text("utf-8")
EXPRESSIONS = [rule["expr"] for rule in RULES] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())
]
_OWN = re.compile(r"\b(?:ledgerpress|process)_[a-z_]+")


def counted() -> set[str]:
    """The names under which a process's own figures are scraped."""
    text = exposition("")[0].decode()
    found = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        found |= {name} | (
            {f"{name}_{part}" for part in ("bucket", "count", "sum")}
            if kind == "histogram"
            else set()
        )
    return found


def read() -> set[str]:
    """The names of the levels, as the code gives them."""
    source = Path(levels.__file__).read_text("utf-8")
    return set(re.findall(r'"(ledgerpress_[a-z_]+)"', source))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_asked_for_exists(expression: str) -> None:
    assert set(_OWN.findall(expression)) <= counted() | read()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_brackets_are_closed(expression: str) -> None:
    for opening, closing in ("()", "[]", "{}"):
        assert expression.count(opening) == expression.count(closing)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["do"]
    assert rule["labels"]["severity"] in {"page", "ticket"}


def test_every_metric_of_ours_is_documented_and_every_documented_one_exists() -> None:
    named = set(re.findall(r"`(ledgerpress_[a-z_]+)`", DOCS))
    kinds = {
        name for name in counted() if not name.endswith(("_bucket", "_count", "_sum", "_created"))
    }

    assert named == {each for each in kinds if each.startswith("ledgerpress_")} | read()


def test_no_two_panels_lie_on_each_other() -> None:
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = SimpleNamespace(**panel["gridPos"])
        cells = {(x, y) for x in range(at.x, at.x + at.w) for y in range(at.y, at.y + at.h)}
        assert not places & cells, panel["title"]
        assert at.x + at.w <= 24
        places |= cells
