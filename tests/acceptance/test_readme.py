"""What the docs tell the reader to try happens, with the product that the README tells them to add."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Server, needed
from tests.unit.test_docs import README, ROOT, blocks, commands

pytestmark = pytest.mark.acceptance

# --keep waits for Ctrl-C; the model answers at once, whatever speed the README asks for. A demo that is told of with a
# worker killed as well is run so, once.
KILL = "--kill-worker"
TOLD = {
    " ".join(each): each[1:]
    for each in commands("./dev")
    if each[0] == "demo" and "--keep" not in each
}
DEMOS = {line: each for line, each in TOLD.items() if f"{line} {KILL}" not in TOLD}
ROOMS = ("actors", "api", "events", "sandbox", "storage")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with the README's product in it; its sandbox is nobody else's."""
    copy = tmp_path_factory.mktemp("checkout")
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    (name,) = re.findall(r"events/products/(\w+)\.py`:", README)
    (source,) = blocks(README, "python")
    (copy / "events" / "products" / f"{name}.py").write_text(source, "utf-8")
    return copy


@pytest.mark.parametrize("arguments", DEMOS.values(), ids=DEMOS)
def test_the_demo_delivers(
    arguments: list[str], checkout: Path, server: Server, template: str
) -> None:
    name = f"{template}_readme"
    server.execute(f"create database {name} template {template}")
    environment = {
        **os.environ,
        "DATABASE_URL": server.at(name),
        "RABBITMQ_URL": needed("RABBITMQ_URL"),
        "OPENAI_API_KEY": "",
        "COLUMNS": "200",
    }

    demo = subprocess.run(
        [sys.executable, "-m", "sandbox.demo", *arguments, "--speed", "100"],
        cwd=checkout, env=environment, capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip

    server.execute(f"drop database {name} with (force)")
    said = demo.stdout + demo.stderr
    assert demo.returncode == 0, said
    assert "100 %  delivered" in said
    assert "the hash chain is whole" in said
    assert ", 0 of them after they were written" in said
    if KILL in arguments:
        assert "SIGKILL to the worker" in said
    (report,) = re.findall(r"^Report +(.+\.pdf)$", said, re.MULTILINE)
    assert Path(report).read_bytes().startswith(b"%PDF-")
