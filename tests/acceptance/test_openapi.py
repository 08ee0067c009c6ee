"""Requests that nobody thought of, made from openapi.json, at a real API process: none finds it wanting."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from events.products import CATALOGUE
from sandbox.system import System
from storage import api_keys, tenants
from storage.opening import opened
from storage.settings import read_from
from tests.conftest import Server
from tests.running import running

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def system(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """Everything, letting programs ask as often as they like."""
    folder = tmp_path_factory.mktemp("openapi")
    settings = {"API_REQUESTS_PER_MINUTE": "1000000"}
    with running(server, template, folder, speed=100, latency=10, settings=settings) as system:
        yield system


@pytest.fixture(scope="module")
def key(system: System) -> str:
    """The key of a tenant's program."""
    with opened(read_from(system.environment), CATALOGUE) as log:
        tenants.add(log.engine, "acme", "Acme")
        return api_keys.make(log.engine, "acme", "test")[0]


def explored(system: System, token: str, folder: Path, *arguments: str) -> None:
    """Explore the API with that token; an ``AssertionError`` with what was found."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"{system.url}/openapi.json",
            *(["--header", f"Authorization: Bearer {token}"] if token else []),
            "--generation-deterministic",
            "--no-color",
            "--checks=all",
            # No schema says which signature or cursor is right. A token that opens nothing is told what one is told
            # whose order is another: that there is no such order (test_doors.py asks for everybody).
            "--exclude-checks=positive_data_acceptance,ignored_auth",
            "--max-examples=15",
            "--request-timeout=30",
            *arguments,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]


@pytest.mark.parametrize("who", ["operator", "tenant", "nobody"])
def test_nobody_finds_an_answer_that_openapi_does_not_foresee(
    system: System, key: str, who: str, tmp_path: Path
) -> None:
    token = {"operator": system.environment["OPERATOR_TOKEN"], "tenant": key, "nobody": ""}[who]
    # Who has no token is told so, whatever else they say.
    phases = "examples,coverage,fuzzing" if token else "examples,coverage"

    # A stream ends with its order, and a held answer after as long as was asked for.
    explored(system, token, tmp_path, f"--phases={phases}")


def test_what_is_ordered_can_be_followed_wherever_its_answers_lead(
    system: System, key: str, tmp_path: Path
) -> None:
    explored(system, key, tmp_path, "--phases=stateful", "--exclude-operation-id=streamOrder")
