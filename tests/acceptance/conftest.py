"""A running system of real processes, on a database of its own."""

from collections.abc import Iterator

import pytest

from sandbox.system import System
from tests.conftest import Server
from tests.running import running


@pytest.fixture(scope="module")
def system(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """Everything, with a model that answers after 0.1 s and pauses a hundredth as long."""
    folder = tmp_path_factory.mktemp("system")
    with running(server, template, folder, speed=100, latency=10) as system:
        yield system
