"""Told to stop, a process first brings to its end what is in flight; and it tells when it stands still."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPResponse
from pathlib import Path

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from actors.stopping import Stopping
from events.facts import MailSent
from sandbox.starting import MailSink, started_mail_sink
from sandbox.system import free_port
from storage.metrics import serve_metrics
from storage.record import Log
from storage.settings import read_from
from tests.conftest import ROOT
from tests.examples import started
from tests.integration.test_notices import REFUSED, mails, order
from tests.running import keeper
from tests.stripe_events import body, paid, sign
from tests.waiting import until


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MailSink]:
    with started_mail_sink("--directory", str(tmp_path / "mail")) as sink:
        yield sink


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def alive(address: str) -> bool:
    """What compose.yaml asks in a container of a keeper or a worker."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    _, python, *arguments = services["keeper"]["healthcheck"]["test"]
    assert python == "python"
    command = [sys.executable, *arguments]
    environment = {**os.environ, "METRICS_ADDRESS": address}
    asked = subprocess.run(command, env=environment, capture_output=True, timeout=30, check=False)
    return asked.returncode == 0


def test_a_keeper_waits_for_its_mail_in_flight_and_for_the_record_of_it(
    environment: dict[str, str], orders_log: Log, sink: MailSink
) -> None:
    address = f"127.0.0.1:{free_port()}"
    # Longer in all than anything else that it does would be waited for.
    httpx.post(f"{sink.http}/_knobs", json={"slow": 2}).raise_for_status()
    process = keeper({**environment, "SMTP_URL": sink.smtp, "METRICS_ADDRESS": address})
    try:
        until(lambda: alive(address))
        name = order(orders_log, started(), REFUSED, email="")
        until(lambda: orders_log.read(name).order.mails)
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
    finally:
        process.kill()

    assert code == 0
    assert [type(mail) for mail in orders_log.read(name).order.mails.values()] == [MailSent]
    assert len(mails(sink)) == 1


def test_the_api_answers_what_is_in_flight(environment: dict[str, str], orders_log: Log) -> None:
    port, payload = free_port(), body(paid())
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "run", "api", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    )

    head = (
        f"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nStripe-Signature: {sign(payload)}\r\n"
        f"Content-Length: {len(payload)}\r\nExpect: 100-continue\r\n\r\n"
    )
    try:
        until(lambda: answers(f"{url}/livez"))
        with socket.create_connection(("127.0.0.1", port), 60) as line:
            line.sendall(head.encode())
            assert line.recv(4096).startswith(b"HTTP/1.1 100 ")  # now the body is waited for
            process.send_signal(signal.SIGTERM)
            until(lambda: not answers(f"{url}/livez"))
            line.sendall(payload)
            answer = HTTPResponse(line)
            answer.begin()
            said = json.loads(answer.read())
        code = process.wait(60)
    finally:
        process.kill()

    assert (answer.status, said["verdict"], code) == (200, "recorded", 0)
    assert orders_log.read(said["order"]).order.paid


def test_what_no_longer_goes_round_is_named_beside_the_metrics(environment: dict[str, str]) -> None:
    stopping, may_end = Stopping(), threading.Event()
    stuck = threading.Thread(target=lambda: (stopping.is_set(), may_end.wait()), name="sealer")
    stuck.start()
    address = f"127.0.0.1:{free_port()}"
    threads, patience = [threading.current_thread(), stuck], [60.0]
    served = serve_metrics(
        read_from({**environment, "METRICS_ADDRESS": address, "METRICS_TOKEN": "secret"}),
        silent=lambda: stopping.silent(threads, patience[0]),
    )
    assert served is not None
    with closing(served):
        well = httpx.get(f"http://{address}/livez")
        until(lambda: stopping.silent(threads, 0.05) == ["MainThread", "sealer"])
        patience[0] = 0.05
        still = httpx.get(f"http://{address}/livez")
        unhealthy = not alive(address)
    may_end.set()
    stuck.join()

    assert (well.status_code, well.text) == (200, "ok\n")
    assert (still.status_code, still.text) == (503, "MainThread, sealer\n")
    assert unhealthy
