"""A running system of real processes, on a database of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.system import System, standing
from tests.conftest import Server, needed


@pytest.fixture(scope="module")
def system(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """Everything, with a model that answers after 0.1 s and pauses a hundredth as long."""
    name = f"{template}_system"
    server.execute(f"create database {name} template {template}")
    folder: Path = tmp_path_factory.mktemp("system")
    settings = {
        "DATABASE_URL": server.at(name),
        "RABBITMQ_URL": needed("RABBITMQ_URL"),
        "OPENAI_API_KEY": "",
    }
    with standing(folder, speed=100, latency=10, settings=settings) as system:
        yield system
    server.execute(f"drop database {name} with (force)")
