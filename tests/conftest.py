"""What tests share: a database of their own, settings for it, and an opened log. The services are real."""

import base64
import fcntl
import hashlib
import os
import secrets
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

import httpx
import hypothesis
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

from events.products import CATALOGUE
from storage import schema
from storage.opening import opened
from storage.record import Log
from storage.settings import Settings, read_from

ROOT = Path(__file__).resolve().parent.parent

# No test fails for being slow: the machine may have other work to do.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")

# For each client httpx loads the certificates of all authorities, which takes longer than to ask a server of this
# machine: a test that asks until something is so would do little else.
vars(httpx._transports.default)["create_ssl_context"] = cache(httpx.create_ssl_context)


# Which of several processes this is, if the tests are shared among them.
PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "")
if PROCESS:
    os.environ["RABBITMQ_URL"] += f"-{PROCESS}"


def pytest_sessionstart(session: pytest.Session) -> None:
    """One test run at a time on these services: the runs' workers would take each other's messages."""
    if "RABBITMQ_URL" in os.environ and not PROCESS:
        (ROOT / ".run").mkdir(exist_ok=True)
        lock = (ROOT / ".run" / "tests.lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        session.config.add_cleanup(lock.close)


def needed(name: str) -> str:
    """The URL of a service, or a failed test: a missing service is never skipped."""
    url = os.environ.get(name)
    if not url:
        pytest.fail(f"{name} is not set; run the tests with ./dev test")
    return url


class Server:
    """The Postgres server that tests make their databases on."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url).set(drivername="postgresql+psycopg")
        self._engine = create_engine(self.url, isolation_level="AUTOCOMMIT")

    def execute(self, statement: str) -> None:
        """Run one administrative statement."""
        with self._engine.connect() as connection:
            connection.execute(text(statement))

    def close(self) -> None:
        """Close its connections."""
        self._engine.dispose()

    def at(self, database: str) -> str:
        """The URL of another database on this server."""
        plain: URL = self.url.set(database=database, drivername="postgresql")
        return plain.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server(needed("DATABASE_URL"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def template(server: Server) -> Iterator[str]:
    """A migrated database, to be copied."""
    name = f"ledgerpress_test_{secrets.token_hex(4)}"
    server.execute(f"create database {name}")
    schema.upgrade(server.at(name))
    yield name
    server.execute(f"drop database {name} with (force)")


class Copies:
    """Databases like the template: some are made ahead while tests are at work, and dropped behind them."""

    AHEAD = 3

    def __init__(self, server: Server, template: str) -> None:
        self._server = server
        self._template = template
        self._aside = ThreadPoolExecutor(1)
        self._made: deque[Future[str]] = deque()
        self._dropped: list[Future[None]] = []

    def take(self) -> str:
        """The name of a fresh one."""
        while len(self._made) <= self.AHEAD:
            self._made.append(self._aside.submit(self._make))
        return self._made.popleft().result()

    def drop(self, name: str) -> None:
        """Drop it, sometime."""
        statement = f"drop database {name} with (force)"
        self._dropped.append(self._aside.submit(self._server.execute, statement))

    def close(self) -> None:
        """Drop those that nobody took; raise what went wrong with any other."""
        for each in self._made:
            self.drop(each.result())
        self._aside.shutdown()
        for gone in self._dropped:
            gone.result()

    def _make(self) -> str:
        name = f"{self._template}_{secrets.token_hex(4)}"
        self._server.execute(f"create database {name} template {self._template}")
        return name


@pytest.fixture(scope="session")
def copies(server: Server, template: str) -> Iterator[Copies]:
    copies = Copies(server, template)
    yield copies
    copies.close()


@pytest.fixture
def database(server: Server, copies: Copies) -> Iterator[str]:
    """The URL of a fresh, migrated database, as its superuser."""
    name = copies.take()
    yield server.at(name)
    copies.drop(name)


@pytest.fixture
def environment(database: str, tmp_path: Path) -> dict[str, str]:
    """A complete set of settings for that database, as a process would find them."""
    return {
        "DATABASE_URL": database,
        "RABBITMQ_URL": needed("RABBITMQ_URL"),
        "BLOB_URL": (tmp_path / "blobs").as_uri(),
        "VAULT_KEY": base64.b64encode(hashlib.sha256(b"test").digest()).decode(),
        "SIGNING_KEY": base64.b64encode(hashlib.sha256(b"signing").digest()).decode(),
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "SMTP_URL": "smtp://127.0.0.1:9",
        "MAIL_FROM": "Ledgerpress <reports@ledgerpress.example>",
        "STRIPE_WEBHOOK_SECRET": "whsec_test",
        "PUBLIC_URL": "http://127.0.0.1:9",
        "OPERATOR_TOKEN": "operator-secret",
        "AUDITOR_TOKEN": "auditor-secret",
    }


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    return read_from(environment)


@pytest.fixture
def orders_log(settings: Settings) -> Iterator[Log]:
    with opened(settings, CATALOGUE) as log:
        yield log
