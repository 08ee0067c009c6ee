"""Makes the docs a site: the pages in ``docs/``, what the repository's own files say, and the reference."""

import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from sandbox.machine.places import ROOT, RUN
from sandbox.reference import commands, http

DOCS = ROOT / "docs"
_MARK = "<!-- the product in the README -->"
# Pages that are made of the repository's own files, for people who read those first.
_FROM_FILES = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
# What the browser tests have kept of their looks, in the order of an order's life; all of it 1280 wide and light.
_SCREENS = {
    "shop": "The shop",
    "writing": "A customer's page while the report is written",
    "ready": "The same page once the report is there",
    "ops-board": "What the operator sees first",
    "ops-preview": "What a retry would do, before it is done",
    "audit-log": "An order as the auditor sees it",
    "audit-why": "Why something happened",
}
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)")


def main() -> int:
    """Build it in ``.run/docs``; return the exit code. A link that leads nowhere fails."""
    home = RUN / "docs"
    write(home)
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean"],
        cwd=home,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=False,
    )
    if built.returncode == 0:
        print(f"the site is in {(home / 'site' / 'index.html').relative_to(ROOT)}")  # noqa: T201
    return built.returncode


def write(home: Path) -> None:
    """Lay out everything the site is built from in ``home``."""
    shutil.rmtree(home, ignore_errors=True)
    pages = home / "pages"
    shutil.copytree(DOCS, pages, ignore=shutil.ignore_patterns("mkdocs.yml"))
    readme = (ROOT / "README.md").read_text("utf-8")
    made = {"production.md": f"# Run it in production\n{_section(readme, 'Go to production')}"}
    made |= {name: (ROOT / source).read_text("utf-8") for name, source in _FROM_FILES.items()}
    for name, text in made.items():
        (pages / name).write_text(text, "utf-8")
    tutorial = pages / "tutorial.md"
    tutorial.write_text(tutorial.read_text("utf-8").replace(_MARK, _product(readme)), "utf-8")
    (pages / "reference").mkdir()
    (pages / "reference" / "commands.md").write_text(commands(), "utf-8")
    (pages / "reference" / "http.md").write_text(http(), "utf-8")
    if shown := _screens(pages):
        (pages / "screens.md").write_text(shown, "utf-8")
    for page in pages.rglob("*.md"):
        text = page.read_text("utf-8")
        page.write_text(_LINK.sub(partial(_kept, page=page, pages=pages), text), "utf-8")
    (home / "mkdocs.yml").write_text(_config(pages), "utf-8")


def _config(pages: Path) -> str:
    """The configuration, with a page for every decision; a page that has no place in it yet is a how-to."""
    written = (DOCS / "mkdocs.yml").read_text("utf-8")
    config = yaml.safe_load(written)
    if (pages / "screens.md").exists():
        config["nav"][0] = {"Start": ["index.md", {"What people see": "screens.md"}]}
    how_to = next(each["How to"] for each in config["nav"] if "How to" in each)
    placed = f"{written}: screens.md\n"
    how_to += [
        {_title(page): page.name}
        for page in sorted(pages.glob("*.md"))
        if f": {page.name}\n" not in placed
    ]
    decisions = [
        {_title(page): f"adr/{page.name}"} for page in sorted((pages / "adr").glob("*.md"))
    ]
    config["nav"][-1]["Explanation"].append({"Decisions": decisions})
    return str(yaml.safe_dump(config, sort_keys=False))


def _screens(pages: Path) -> str:
    """A page of pictures, as far as the browser tests have run here; nothing if they have not."""
    kept = {name: RUN / "screenshots" / f"{name}-1280-light.png" for name in _SCREENS}
    there = {name: file for name, file in kept.items() if file.exists()}
    for name, file in there.items():
        shutil.copy(file, pages / "assets" / f"{name}.png")
    pictures = [f"## {_SCREENS[name]}\n\n![](assets/{name}.png)\n" for name in there]
    return "\n".join(["# What people see\n", *pictures]) if pictures else ""


def _title(page: Path) -> str:
    return page.read_text("utf-8").partition("\n")[0].lstrip("# ").strip()


def _section(text: str, heading: str) -> str:
    """What stands under that heading, up to the next of its rank."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def _product(readme: str) -> str:
    found = re.search(r"^```python\n.*?^```$", readme, re.MULTILINE | re.DOTALL)
    assert found
    return found[0]


def _kept(link: re.Match[str], page: Path, pages: Path) -> str:
    """The link as it must be on the site; one to the code becomes plain text, because the code is not there."""
    text, target, anchor = link[1], link[2], link[3] or ""
    if (page.parent / target).exists() and not target.endswith("/"):
        return link[0]
    name = target.removeprefix("../").removeprefix("docs/")
    name = {source: made for made, source in _FROM_FILES.items()}.get(name, name)
    if (pages / name).is_file():
        up = "../" * len(page.parent.relative_to(pages).parts)
        return f"[{text}]({up}{name}{anchor})"
    in_repository = (ROOT / "docs" / target).exists() or (ROOT / target).exists()
    return text if in_repository else link[0]


if __name__ == "__main__":
    sys.exit(main())
