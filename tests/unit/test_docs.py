"""The docs are true: settings, commands and the README's product are what there is."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from typer.testing import CliRunner

from api.cli import app
from events.products import discover
from storage.settings import Settings
from tests.forking import run

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
# The product that the reader is shown how to add.
(SAMPLE,) = re.findall(r"events/products/(\w+)\.py`:", README)
SETTINGS = {name.upper() for name in Settings.model_fields}

# What compose.yaml asks for besides settings: the passwords it makes URLs of, and the port. Every process leaves alone
# what begins so.
COMPOSE_ONLY = {
    "COMPOSE_POSTGRES_PASSWORD",
    "COMPOSE_APP_PASSWORD",
    "COMPOSE_RABBITMQ_PASSWORD",
    "COMPOSE_API_PORT",
}


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of that language, without the indentation of a list they may stand in."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def commands(program: str) -> list[list[str]]:
    """The arguments of every call of ``program`` in the shell blocks of all pages."""
    lines = (
        shlex.split(line, comments=True)
        for page in PAGES
        for block in blocks(page.read_text("utf-8"), "sh")
        for line in block.splitlines()
    )
    return [
        words[1:] for words in lines if words and words[0].removeprefix(".venv/bin/") == program
    ]


def options(arguments: list[str]) -> set[str]:
    return {argument for argument in arguments if argument.startswith("--")}


def test_settings_are_documented_one_and_all() -> None:
    table = (ROOT / "docs" / "settings.md").read_text("utf-8")

    documented = re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)

    assert sorted(documented) == sorted(SETTINGS)
    assert all(f"`{name}`" in table for name in COMPOSE_ONLY)


def test_documented_defaults_are_the_defaults() -> None:
    table = (ROOT / "docs" / "settings.md").read_text("utf-8")
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
    documented = {row[0].strip("| `").lower(): row[3].strip("`") for row in rows}

    for name, field in Settings.model_fields.items():
        if field.is_required():
            assert documented[name] == "required"
        elif field.default is not None:
            default = field.default
            shown = str(default).lower() if isinstance(default, bool) else f"{default}"
            assert documented[name] == shown.removesuffix(".0"), name


def test_the_example_of_an_env_file_names_only_what_is_read() -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    named = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}

    assert named <= SETTINGS | COMPOSE_ONLY
    assert named >= COMPOSE_ONLY


def test_compose_hands_over_every_setting_but_the_speed_and_the_owner() -> None:
    compose = (ROOT / "compose.yaml").read_text("utf-8")
    (shared,) = re.findall(r"^x-settings: .*?\n(.*?)^\n", compose, re.MULTILINE | re.DOTALL)
    given = set(re.findall(r"^  ([A-Z_]+):", shared, re.MULTILINE))
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", compose))

    assert given == SETTINGS - {"SPEED", "DATABASE_OWNER_URL", "SIGNING_KEY"}
    assert "SIGNING_KEY" in asked
    assert asked <= SETTINGS | COMPOSE_ONLY
    assert all(name.startswith("COMPOSE_") for name in asked - SETTINGS)


def test_compose_has_a_worker_for_every_product() -> None:
    compose = (ROOT / "compose.yaml").read_text("utf-8")
    workers = dict(
        re.findall(
            r"^  ([a-z-]+):\n    <<: \*worker\n    command: \[run, worker, (\w+)\]$",
            compose,
            re.MULTILINE,
        )
    )

    catalogue = {path.stem for path in (ROOT / "events" / "products").glob("[a-z]*.py")}
    assert set(workers.values()) == catalogue
    assert all(service.replace("-", "_") == product for service, product in workers.items())


def test_whoever_talks_to_others_has_a_way_out_and_time_to_end() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    ours = {name: each for name, each in services.items() if "run" in each.get("command", [])}

    assert {"api", "keeper", "life-clarity"} <= ours.keys()
    for name, service in ours.items():
        assert "outside" in service["networks"], name
        assert service["stop_grace_period"] == "45s", name
        assert service["healthcheck"]["test"], name


def test_the_product_in_the_readme_can_be_sold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source,) = blocks(README, "python")
    package = tmp_path / "example_catalogue"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / f"{SAMPLE}.py").write_text(source, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    catalogue = discover("example_catalogue", [str(package)])

    assert [product.name for product in catalogue.values()] == [SAMPLE]
    assert len(catalogue[SAMPLE].sections) == catalogue[SAMPLE].width


@pytest.mark.parametrize("arguments", commands("ledgerpress"), ids=" ".join)
def test_the_ledgerpress_command_exists(arguments: list[str]) -> None:
    words = [word for word in arguments if not word.startswith("-")][:2]

    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*words, "--help"])

    assert result.exit_code == 0, result.output
    assert all(option in result.output for option in options(arguments))


@pytest.mark.parametrize("arguments", commands("./dev"), ids=" ".join)
def test_the_dev_command_exists(arguments: list[str], dev: str) -> None:
    command = arguments[0]
    assert re.search(rf"^  {command} ", dev, re.MULTILINE)
    if command in {"demo", "storm", "up", "bench"}:
        module = "benchmarks" if command == "bench" else f"sandbox.{command}"

        # What may follow an option is checked before help is given, the options' names are not.
        given = ["life_clarity" if each == SAMPLE else each for each in arguments[1:]]
        helped = run(module, *given, "--help")

        assert helped.returncode == 0, helped.stderr
        assert options(arguments) <= set(re.findall(r"--[a-z-]+", helped.stdout))


@pytest.fixture(scope="module")
def dev() -> str:
    """What ``./dev --help`` says."""
    return subprocess.run(
        [sys.executable, ROOT / "dev", "--help"], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_command_in_the_contributing_guide_can_be_given(tmp_path: Path) -> None:
    (source,) = blocks((ROOT / "CONTRIBUTING.md").read_text("utf-8"), "python")
    (tmp_path / "greeting.py").write_text(source, "utf-8")
    found_there_too = f"from api import cli; cli.__path__.append({str(tmp_path)!r}); cli.main()"

    result = subprocess.run(
        [sys.executable, "-c", found_there_too, "greeting", "send", "Ada", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.returncode, result.stdout) == (0, '{"greeting":"Good day, Ada"}\n')
