"""Whether payments can be taken, as a load balancer asks: also while Postgres is away, because the inbox is there."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from sandbox.proxy import Proxy, proxied
from storage.settings import read_from
from tests.conftest import Server
from tests.integration.conftest import serving


@contextmanager
def standing(environment: dict[str, str]) -> Iterator[tuple[str, Proxy, Proxy]]:
    """An API, its line to Postgres and its line to RabbitMQ."""
    with (
        proxied(environment["DATABASE_URL"]) as database,
        proxied(environment["RABBITMQ_URL"]) as broker,
        serving(
            read_from({**environment, "DATABASE_URL": database.url, "RABBITMQ_URL": broker.url})
        ) as url,
    ):
        yield url, database, broker
        # So that whoever still waits for an answer is let go.
        database.cut()


def ask(url: str, path: str = "/readyz/webhooks") -> httpx.Response:
    return httpx.get(f"{url}{path}", timeout=30)


def asked(url: str, code: int, payments: str = "") -> httpx.Response:
    """The first answer that says so before whoever polls gives up.

    It comes sooner or later: a busy machine may be late for once, and what is not well made always is.
    """
    deadline = time.monotonic() + 60
    while True:
        began = time.monotonic()
        answer = ask(url)
        in_time = time.monotonic() - began < 4
        if in_time and (answer.status_code, answer.json().get("payments", "")) == (code, payments):
            return answer
        assert time.monotonic() < deadline, (in_time, answer.text)


def test_while_all_is_well_payments_are_recorded(environment: dict[str, str]) -> None:
    with standing(environment) as (url, _, _):
        answer = asked(url, 200, "recorded")

    assert answer.json() == {"payments": "recorded"}


@pytest.mark.parametrize("how", ["cut", "black_hole"])
def test_while_postgres_is_away_the_inbox_takes_them(environment: dict[str, str], how: str) -> None:
    with standing(environment) as (url, database, _):
        ask(url)
        getattr(database, how)()
        answer = asked(url, 200, "queued")
        whole = ask(url, "/readyz")

    assert answer.json() == {"payments": "queued"}
    assert whole.status_code == 503


@pytest.mark.parametrize("how", ["cut", "black_hole"])
def test_while_both_are_away_nobody_should_come_here(environment: dict[str, str], how: str) -> None:
    with standing(environment) as (url, database, broker):
        database.cut()
        getattr(broker, how)()
        answer = asked(url, 503)

    assert answer.headers["Retry-After"] == "2"


def test_without_the_broker_they_are_recorded_all_the_same(environment: dict[str, str]) -> None:
    with standing(environment) as (url, _, broker):
        broker.cut()

        assert asked(url, 200, "recorded")


@pytest.mark.parametrize(("revision", "code"), [("9999", 200), (None, 503)])
def test_a_schema_may_be_newer_than_this_release_and_not_missing(
    environment: dict[str, str], database: str, revision: str | None, code: int
) -> None:
    server = Server(database)
    server.execute(
        f"update ledgerpress.alembic_version set version_num = '{revision}'"
        if revision
        else "delete from ledgerpress.alembic_version"
    )
    server.close()
    with standing(environment) as (url, _, _):
        assert asked(url, code, "recorded" if code == 200 else "")
