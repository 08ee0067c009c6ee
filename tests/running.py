"""A running system of real processes for tests, on a database of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from events.products import CATALOGUE
from sandbox.system import System, standing
from tests.conftest import ROOT, Server, needed


def only(*products: str) -> dict[str, int]:
    """One worker for each of these products and none for the others: every process costs a second of a processor."""
    return {product: int(product in products) for product in CATALOGUE}


@contextmanager
def running(server: Server, template: str, folder: Path, **knobs: Any) -> Iterator[System]:
    """Everything, with the stand-in model and with those knobs of ``standing``."""
    name = f"{template}_{folder.name}"
    server.execute(f'create database "{name}" template {template}')
    settings = {
        "DATABASE_URL": server.at(name),
        "RABBITMQ_URL": needed("RABBITMQ_URL"),
        "OPENAI_API_KEY": "",
        **knobs.pop("settings", {}),
    }
    with standing(folder, settings=settings, **knobs) as system:
        yield system
    server.execute(f'drop database "{name}" with (force)')


def keeper(environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A keeper with those settings; whoever starts it ends it."""
    return subprocess.Popen(
        [sys.executable, "-m", "actors", "keeper"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    )
