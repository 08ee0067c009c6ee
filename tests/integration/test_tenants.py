"""Tenants: what they may use, who reads it, and what is left of that while Postgres is away."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import Engine

from events.errors import Conflict, NotFound, Refused, Unavailable
from storage import tenants
from storage.database import connect
from storage.kept import Kept
from storage.tenants import Limits, Tenants
from tests.conftest import Server

LIMITED = Limits(at_work=2, priority=1, order_budget=10**10, month_budget=2 * 10**12)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = connect(database, pool=5)
    yield engine
    engine.dispose()


def fresh(engine: Engine) -> Tenants:
    return Tenants(engine, seconds=0)


def test_a_new_installation_has_the_default_tenant_without_limits(engine: Engine) -> None:
    known = fresh(engine)

    assert known.of("default") == Limits()
    assert not known.fairness_matters


def test_limits_are_read_as_they_were_set(engine: Engine) -> None:
    added = tenants.add(engine, "acme", "Acme Inc.", LIMITED)

    assert added.limits == LIMITED
    assert fresh(engine).of("acme") == LIMITED
    assert fresh(engine).of("nobody") == Limits()
    assert [each.title for each in tenants.listed(engine)] == ["Acme Inc.", "Default"]


def test_a_change_leaves_the_other_limits(engine: Engine) -> None:
    tenants.add(engine, "acme", "Acme", LIMITED)

    changed = tenants.change(engine, "acme", {"at_work": None, "requests_per_minute": 60})

    assert changed.limits == replace(LIMITED, at_work=None, requests_per_minute=60)


def test_a_second_tenant_makes_fairness_matter(engine: Engine) -> None:
    tenants.add(engine, "acme", "Acme")

    assert fresh(engine).fairness_matters


@pytest.mark.parametrize("limit", [*tenants.LIMITS])
def test_any_limit_makes_fairness_matter(engine: Engine, limit: str) -> None:
    tenants.change(engine, "default", {limit: 7})

    assert fresh(engine).fairness_matters


@pytest.mark.parametrize("name", ["", "Acme", "-acme", "a b", "a" * 64, "acme/x", "acme\n"])
def test_unusable_names_are_refused(engine: Engine, name: str) -> None:
    with pytest.raises(Refused):
        tenants.add(engine, name, "Acme")


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("at_work", 0),
        ("priority", 10),
        ("priority", None),
        ("month_budget", -1),
        ("at_work", 2**31),
    ],
)
def test_unusable_limits_are_refused(engine: Engine, limit: str, value: int | None) -> None:
    with pytest.raises(Refused):
        tenants.change(engine, "default", {limit: value})


def test_there_is_one_tenant_of_a_name(engine: Engine) -> None:
    tenants.add(engine, "acme", "Acme")

    with pytest.raises(Conflict):
        tenants.add(engine, "acme", "Another")


def test_a_missing_tenant_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFound):
        tenants.change(engine, "acme", {"at_work": 1})


# What is kept.


def test_limits_are_not_asked_for_each_time(engine: Engine) -> None:
    known = Tenants(engine, seconds=60)
    before = known.of("default")

    tenants.change(engine, "default", {"at_work": 1})

    assert known.of("default") == before
    assert fresh(engine).of("default") != before


def test_what_was_known_is_there_while_postgres_is_away(
    engine: Engine, database: str, server: Server
) -> None:
    tenants.add(engine, "acme", "Acme", LIMITED)
    known = fresh(engine)
    known.of("acme")
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    server.execute(f"alter database {name} allow_connections false")
    engine.dispose()

    assert known.of("acme") == LIMITED
    with pytest.raises(Unavailable):
        fresh(engine).of("acme")


def test_nobody_waits_for_a_reading_that_hangs() -> None:
    hangs, release = threading.Event(), threading.Event()

    def read() -> int:
        if hangs.is_set():
            release.wait()
        return 1

    # Whoever waited for all of it would be waiting still; so would ten thousand, did each wait for a part of it.
    kept = Kept(read, seconds=0, patience=0.2)
    kept.get()
    hangs.set()

    assert [kept.get() for _ in range(10_000)] == [1] * 10_000
    release.set()


def test_who_knows_nothing_waits_for_a_slow_reading() -> None:
    def read() -> int:
        time.sleep(0.5)
        return 1

    assert Kept(read, patience=0.05).get() == 1


def test_what_is_kept_is_stale_once_it_cannot_be_read() -> None:
    away = threading.Event()

    def read() -> int:
        if away.is_set():
            raise Unavailable("away")
        return 1

    kept = Kept(read, seconds=0, patience=60)
    assert kept.stale
    assert (kept.get(), kept.stale) == (1, False)
    away.set()
    assert (kept.get(), kept.stale) == (1, True)


def test_a_reading_can_be_begun_beforehand() -> None:
    read = threading.Event()

    Kept(read.set).begin()

    assert read.wait(60)


def test_one_reads_for_all() -> None:
    readings: list[int] = []

    def read() -> int:
        readings.append(1)
        time.sleep(0.1)
        return 7

    kept, found = Kept(read, seconds=60, patience=60), list[int]()
    threads = [threading.Thread(target=lambda: found.append(kept.get())) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert found == [7] * 20
    assert len(readings) == 1
