"""A tenant's program orders, waits and fetches: through real processes, as docs/orders-by-api.md says it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from sandbox.system import System, free_port
from tests.acceptance.buying import mails
from tests.unit.test_docs import ROOT, blocks
from tests.waiting import until

pytestmark = pytest.mark.acceptance

PAGE = (ROOT / "docs" / "orders-by-api.md").read_text("utf-8")
WANTED = {
    "product": "document_analysis",
    "fields": {"text": "Either side may end this agreement with ninety days of notice in writing."},
}


def ledgerpress(system: System, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments],
        env={**os.environ, **system.environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.fixture(scope="module")
def key(system: System) -> str:
    """An API key of the tenant acme."""
    ledgerpress(system, "tenant", "add", "acme")
    return ledgerpress(system, "tenant", "key", "acme", "--new", "test")


@contextmanager
def another_api(system: System) -> Iterator[str]:
    """A second API process on the same database."""
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "api.cli", "run", "api", "--port", str(port)],
        env={**os.environ, **system.environment},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: ready(url))
            yield url
        finally:
            process.terminate()


def ready(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/readyz", timeout=30).is_success
    return False


def order(url: str, key: str, name: str, wanted: dict[str, Any] = WANTED) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": name}
    return httpx.post(f"{url}/v1/orders", json=wanted, headers=headers, timeout=30)


def test_an_analysis_is_ordered_awaited_and_fetched(system: System, key: str) -> None:
    placed = order(system.url, key, "first")
    assert placed.status_code == 202
    url = system.url + placed.headers["location"]
    shown, etag, deadline = {"Authorization": f"Bearer {key}"}, "", time.monotonic() + 120
    status: dict[str, Any] = placed.json()
    while status["status"] != "delivered":
        assert time.monotonic() < deadline, status
        answer = httpx.get(url, headers={**shown, "If-None-Match": etag}, timeout=30)
        if answer.status_code == 200:
            status, etag = answer.json(), answer.headers["etag"]
        else:
            assert answer.status_code == 304
        if "retry-after" not in answer.headers:
            break
        time.sleep(min(0.2, float(answer.headers["retry-after"])))

    report = httpx.get(f"{url}/report", headers=shown, timeout=30)
    told = httpx.get(f"{url}/report", headers={**shown, "Accept": "text/markdown"}, timeout=30)

    def used() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(
            f"{system.url}/v1/usage", headers=shown, timeout=30
        ).json()["data"]
        return [each for each in found if each["calls"] and each["orders"]]

    usage = until(used)

    assert status["status"] == "delivered"
    assert status["spent"]["cost"]["amount"] > 0
    assert report.json()["sections"]["section-001"]["summary"]
    assert told.text == report.json()["markdown"]
    assert told.text.startswith("# What the document says\n\n")
    assert [(each["tenant"], each["product"], each["orders"]) for each in usage] == [
        ("acme", "document_analysis", 1)
    ]
    assert usage[0]["cost"]["amount"] == status["spent"]["cost"]["amount"]


def test_of_twenty_at_two_processes_one_places_the_order(system: System, key: str) -> None:
    with another_api(system) as other, ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda number: order((system.url, other)[number % 2], key, "race"), range(20))
        )

    assert {each.status_code for each in answers} == {202}
    assert len({each.json()["id"] for each in answers}) == 1
    assert sum("idempotent-replayed" not in each.headers for each in answers) == 1
    identity = answers[0].json()["id"]
    with psycopg.connect(system.environment["DATABASE_URL"]) as connection:
        row = connection.execute(
            "select count(*) from ledgerpress.events where stream = %s and type = 'order-placed'",
            [f"order-{identity}"],
        ).fetchone()
    assert row == (1,)


def test_a_report_is_ordered_by_api_and_mailed(system: System, key: str) -> None:
    wanted = {
        "product": "life_clarity",
        "fields": {"name": "Ada", "birth_date": "1990-05-17", "question": "What now?"},
        "email": "ada.canary@example.com",
    }
    placed = order(system.url, key, "mailed", wanted)
    url = system.url + placed.headers["location"]

    def delivered() -> bool:
        shown = {"Authorization": f"Bearer {key}"}
        status = httpx.get(url, headers=shown, timeout=30).json()["status"]
        return bool(status == "delivered")

    until(delivered)
    assert [mail["to"] for mail in mails(system) if placed.json()["id"] in mail["message_id"]] == [
        ["ada.canary@example.com"]
    ]


def test_the_commands_on_the_page_work(system: System, key: str, tmp_path: Path) -> None:
    script = "set -euo pipefail\n" + "\n".join(blocks(PAGE, "bash"))

    ran = subprocess.run(
        ["bash", "-c", script],  # noqa: S607 - the reader's own shell
        cwd=tmp_path,
        env={"PATH": path_with_curl(tmp_path), "SHOP": system.url, "KEY": key},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert json.loads((tmp_path / "report.json").read_text())["product"] == "document_analysis"
    assert (tmp_path / "report.md").read_text().startswith("# ")
    assert json.loads((tmp_path / "orders.json").read_text())["data"]
    assert json.loads((tmp_path / "usage.json").read_text())["data"]


def path_with_curl(folder: Path) -> str:
    """Where commands are found; on a machine without curl, with one that knows what these need."""
    path = os.environ["PATH"]
    if shutil.which("curl"):
        return path
    script = folder / "bin" / "curl"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m tests.acceptance.plain_curl "$@"\n'
    )
    script.chmod(0o755)
    return f"{script.parent}:{path}"
