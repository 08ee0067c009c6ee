"""The example of a program that follows what is recorded misses nothing, whatever becomes of RabbitMQ or of itself."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from events.envelope import Cause
from events.products import CATALOGUE
from sandbox.machine import rabbitmq
from storage.opening import opened
from storage.settings import read_from
from tests.acceptance.services import Service, own
from tests.conftest import ROOT
from tests.examples import asked, paid, placed, started
from tests.integration.conftest import serving
from tests.waiting import until

pytestmark = pytest.mark.acceptance

CAUSE = Cause(correlation="c", causation="c", actor="test")


@pytest.fixture
def rabbit() -> Iterator[Service]:
    with own("rabbitmq") as service:
        yield service


def process(environment: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    )


def test_a_follower_has_every_event_once_and_in_order(
    rabbit: Service, environment: dict[str, str], tmp_path: Path
) -> None:
    environment = {**environment, "RABBITMQ_URL": rabbit.url}
    settings = read_from(environment)
    file = tmp_path / "followed"
    with ExitStack() as held:
        url = held.enter_context(serving(settings, cut_off_once))
        log = held.enter_context(opened(settings, CATALOGUE))
        told = {**environment, "PUBLIC_URL": url}

        def start(*words: str) -> subprocess.Popen[bytes]:
            found = process(told, *words)
            held.callback(found.wait)
            held.callback(found.kill)
            return found

        def order() -> None:
            name = str(uuid.uuid4())
            first = placed(session=f"cs_{name}")
            history = log.begin(name, uuid.UUID(first.subject))
            log.record(history, [first, paid(), started(), asked("section-001")], CAUSE)

        start("-m", "actors", "keeper")
        follower = start("docs/examples/follow.py", str(file))
        for _ in range(20):
            order()
        waited_for(file, lambda: 20)
        follower.kill()
        follower.wait()
        for _ in range(10):
            order()
        rabbit.crash()
        rabbitmq.forget_everything(rabbit.home)
        for _ in range(10):
            order()
        follower = start("docs/examples/follow.py", str(file))
        rabbit.start()
        order()
        waited_for(file, lambda: max(164, recorded(environment)[-1][0]))
        followed = [json.loads(line) for line in file.read_text().splitlines()]
        known = recorded(environment)[: len(followed)]

    assert [(each["position"], each["type"], each["subject"]) for each in followed] == known
    assert len(followed) >= 164


def cut_off_once(app: FastAPI) -> None:
    """The first answer of the log ends in the middle."""
    left = [True]

    def cut(inner: ASGIApp) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            async def half(message: Message) -> None:
                if message["type"] == "http.response.body" and left:
                    left.clear()
                    await send({**message, "body": message["body"][:5], "more_body": True})
                    raise ConnectionAbortedError
                await send(message)

            await inner(scope, receive, half if scope.get("path") == "/v1/events" else send)

        return answer

    app.add_middleware(cut)


def recorded(environment: dict[str, str]) -> list[tuple[int, str, str]]:
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        return connection.execute(
            "select s.position, e.type, e.stream from ledgerpress.sealed s"
            " join ledgerpress.events e using (seq) order by 1"
        ).fetchall()


def waited_for(file: Path, lines: Callable[[], int]) -> None:
    until(lambda: file.exists() and len(file.read_text().splitlines()) >= lines())
