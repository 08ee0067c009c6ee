"""The house stands as planned: imports point down, and each third party has one door."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ("api", "actors", "storage", "events", "sandbox")
# Beside the house: measures it, and may ask the database and the broker what has become of an order.
ROOMS = (*HOUSE, "benchmarks")

# What each room may import of ours. ``events`` stands on the standard library and msgspec alone.
BELOW = {
    "events": {"events"},
    "storage": {"storage", "events"},
    "actors": {"actors", "storage", "events"},
    "api": {"api", "storage", "events"},
    "sandbox": set(HOUSE),
    "benchmarks": set(ROOMS),
}

DOORS = {
    "openai": {"actors/model.py"},
    "tenacity": {"actors/model.py"},
    "weasyprint": {"actors/press/plate.py"},
    "pikepdf": {"actors/press/binding.py"},
    "uharfbuzz": {"actors/press/lettering.py"},
    "smtplib": {"actors/post.py"},
    "obstore": {"storage/bucket.py"},
    "pika": {
        "storage/broker.py",
        "storage/dead_letters.py",
        "storage/publisher.py",
        "storage/exchange.py",
        "storage/inbox.py",
        "storage/queues.py",
        "storage/checks/rabbitmq.py",
        "sandbox/crashing.py",
    },
    "dramatiq": {"storage/broker.py", "actors/worker.py"},
    "fastapi": {"api/"},
    "stripe": {"storage/stripe_api.py"},
    "sqlalchemy": {"storage/"},
    "psycopg": {"storage/"},
    "alembic": {"storage/schema.py", "storage/migrations/"},
    "cryptography": {
        "storage/vault.py",
        "storage/passes.py",
        "storage/signing.py",
        "storage/bundle/verify.py",
    },
    "pydantic": {"api/", "storage/settings.py"},
    "pydantic_settings": {"storage/settings.py"},
    "opentelemetry": {"storage/tracing.py"},
    "prometheus_client": {"storage/metrics.py"},
    "structlog": {"storage/telemetry.py"},
    "httpx": {"sandbox/"},
    "aiosmtpd": {"sandbox/"},
}

# Pure code asks nobody the time, draws no lots and opens nothing.
IMPURE = {"os", "io", "time", "random", "secrets", "socket", "subprocess", "threading", "logging"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_imports_point_down() -> None:
    upwards = {
        path: up
        for path, tree in modules()
        if (up := imported(tree) & set(ROOMS) - BELOW[path.partition("/")[0]])
    }

    assert upwards == {}


@pytest.mark.parametrize("package", DOORS)
def test_each_third_party_has_one_door(package: str) -> None:
    users = {path for path, tree in modules() if package in imported(tree)}
    users = {path for path in users if path.startswith(HOUSE)}

    assert {path for path in users if not path.startswith(tuple(DOORS[package]))} == set()


def test_events_are_pure() -> None:
    impure = {
        path: imported(tree) & IMPURE
        for path, tree in modules()
        if path.startswith("events/") and imported(tree) & IMPURE
    }

    assert impure == {}


def test_events_ask_nobody_the_time_and_open_nothing() -> None:
    forbidden = {
        "now",
        "today",
        "utcnow",
        "uuid1",
        "uuid4",
        "open",
        "read_text",
        "read_bytes",
        "print",
    }
    asked = {
        f"{path}: {name}"
        for path, tree in modules()
        if path.startswith("events/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (name := getattr(node.func, "attr", getattr(node.func, "id", ""))) in forbidden
    }

    assert asked == set()


def test_every_module_opens_with_one_sentence() -> None:
    silent = [path for path, tree in modules() if not ast.get_docstring(tree)]

    assert silent == []
