"""The docs' site is built from what there is, leads nowhere that is not there, and fetches nothing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from api.app import create_app
from api.cli import app
from sandbox import docs_site
from storage.settings import Settings

pytestmark = pytest.mark.acceptance


def built(home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict"],
        cwd=home, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("docs") / "home"
    docs_site.write(home)
    made = built(home)
    assert made.returncode == 0, made.stderr
    return home


def page(home: Path, name: str) -> str:
    return (home / "site" / f"{name}.html").read_text("utf-8")


def test_every_page_of_the_docs_is_on_it(home: Path) -> None:
    sources = {each.relative_to(docs_site.DOCS) for each in docs_site.DOCS.rglob("*.md")}

    assert [
        each for each in sources if not (home / "site" / each.with_suffix(".html")).exists()
    ] == []


def test_every_command_is_in_the_reference(home: Path) -> None:
    words = typer.main.get_command(app).list_commands(None)  # type: ignore[attr-defined]

    named = set(re.findall(r"<h2[^>]*><code>([a-z-]+)</code>", page(home, "reference/commands")))

    assert named == set(words)


def test_every_operation_is_in_the_reference(home: Path, settings: Settings) -> None:
    described = create_app(settings).openapi()["paths"]

    shown = page(home, "reference/http")

    operations = {f"{method.upper()} {path}" for path, each in described.items() for method in each}
    assert {each for each in operations if f"<code>{each}</code>" not in shown} == set()


def test_the_tutorial_has_the_product_that_is_tested(home: Path) -> None:
    assert "year_letter" in page(home, "tutorial")
    assert "PRODUCT" in page(home, "tutorial")


def test_it_fetches_nothing_from_elsewhere(home: Path) -> None:
    for each in (home / "site").rglob("*.html"):
        text = each.read_text("utf-8")
        assert re.findall(r"<(?:script|img|link)[^>]+(?:src|href)=\"?https?://", text) == []


@pytest.mark.parametrize("link", ["nowhere.md", "settings.md#nothing"])
def test_a_link_that_leads_nowhere_fails(tmp_path: Path, link: str) -> None:
    docs_site.write(tmp_path / "home")
    with (tmp_path / "home" / "pages" / "index.md").open("a") as start:
        start.write(f"\n[broken]({link})\n")

    made = built(tmp_path / "home")

    assert made.returncode != 0
    assert link in made.stderr
