"""VAULT_KEY is changed: keys are wrapped anew, events stay as they are, and nobody has to stop for it."""

import base64
import hashlib
import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert

from events.envelope import Cause
from events.errors import Refused
from events.facts import OrderErased
from events.products import CATALOGUE
from storage import rewrapping, stripe_secrets, tables, tenants
from storage.checks import work
from storage.inbox import QUEUE
from storage.opening import opened
from storage.record import Log
from storage.settings import read_from
from storage.vault import Courier
from tests.examples import placed, written
from tests.forking import ledgerpress
from tests.integration.test_doctor import named

CAUSE = Cause(correlation="c-1", causation="m-1", actor="test")


def key(word: str) -> str:
    return base64.b64encode(hashlib.sha256(word.encode()).digest()).decode()


OLD, NEW, OTHER = key("test"), key("new"), key("other")

Environment = dict[str, str]


@contextmanager
def holding(environment: Environment, *keys: str) -> Iterator[Log]:
    """The log, with these keys."""
    with opened(read_from({**environment, "VAULT_KEY": ",".join(keys)}), CATALOGUE) as log:
        yield log


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few customers are several of them."""
    monkeypatch.setattr(rewrapping, "_MOST", 50)


def customers(log: Log, count: int) -> list[str]:
    """So many customers, each with an order."""
    names = [str(uuid.uuid4()) for _ in range(count)]
    for name in names:
        history = log.begin(name, uuid.UUID(name))
        log.record(history, [placed(subject=name, session="")], CAUSE)
    return names


def run(environment: Environment, keys: str, *words: str) -> subprocess.CompletedProcess[str]:
    return ledgerpress("vault", *words, environment={**environment, "VAULT_KEY": keys})


def test_after_rewrapping_the_new_key_alone_opens_everything_and_no_event_has_changed(
    environment: Environment,
) -> None:
    told = []
    with holding(environment, OLD) as log:
        names = customers(log, 121)
        links = log.links(names[0])
    with holding(environment, NEW, OLD) as log:
        names += customers(log, 1)
        done = rewrapping.rewrap(log.engine, log.vault, lambda *said: told.append(said))
        again = rewrapping.rewrap(log.engine, log.vault)

    assert (done.done, done.locked, again.done) == (121, {}, 0)
    assert told == [(0, 121), (50, 121), (100, 121), (121, 121)]
    with holding(environment, NEW) as log:
        for name in (names[0], names[70], names[-1]):
            order = log.read(name).order
            assert order.placed
            assert order.placed.email == "jenny.rosen@example.com"
        assert log.links(names[0]) == links
    with holding(environment, OLD) as log, pytest.raises(Refused) as refused:
        log.read(names[0])
    assert refused.value.reason == "vault-key-missing"


def test_whoever_is_killed_in_it_goes_on_with_what_is_left(environment: Environment) -> None:
    class Killed(Exception):
        pass

    def kill(done: int, _: int) -> None:
        if done:
            raise Killed

    with holding(environment, OLD) as log:
        customers(log, 60)
    with holding(environment, NEW, OLD) as log:
        with pytest.raises(Killed):
            rewrapping.rewrap(log.engine, log.vault, kill)
        assert rewrapping.customers(log.engine)[log.vault.first] == 50
        assert rewrapping.rewrap(log.engine, log.vault).done == 10
        assert rewrapping.customers(log.engine) == {log.vault.first: 60}


def test_others_work_while_keys_are_wrapped_anew(environment: Environment) -> None:
    with holding(environment, OLD, NEW) as worker, holding(environment, NEW, OLD) as log:
        name, *_ = customers(worker, 3)
        worker.record(worker.read(name), [written("section-001", text="before")], CAUSE)
        held = worker.read(name)

        rewrapping.rewrap(log.engine, log.vault)
        worker.record(held, [written("section-002", text="after")], CAUSE)

        for each in (worker, log):
            texts = [section.text for section in each.read(name).order.sections.values()]
            assert texts == ["before", "after"]


def test_a_key_that_is_destroyed_meanwhile_stays_so(environment: Environment) -> None:
    with holding(environment, OLD) as log:
        name, other = customers(log, 2)

    with holding(environment, NEW, OLD) as log:
        rows = rewrapping._behind(log.engine, log.vault.first, uuid.UUID(int=0))
        log.record(log.read(name), [OrderErased(by="customer", reason="r")], CAUSE)
        assert log.vault.destroy(uuid.UUID(name))
        wrapped = [(subject, log.vault.rewrapped(key_, kek)) for subject, key_, kek in rows]
        assert rewrapping._put(log.engine, wrapped, rows[0][2], log.vault.first) == 1

        assert log.read(name).sealer.erased
        assert not log.read(other).sealer.erased


def test_a_key_that_is_missing_stops_no_other_and_is_named(environment: Environment) -> None:
    with holding(environment, OTHER) as log:
        customers(log, 2)
        missing = log.vault.first
    with holding(environment, OLD) as log:
        customers(log, 3)

    done = run(environment, f"{NEW},{OLD}", "rewrap", "--json")
    shown = run(environment, f"{NEW},{OLD}", "status", "--json")

    assert (done.returncode, json.loads(done.stdout)) == (
        1,
        {"rewrapped": 3, "resealed": 0, "letters": 0, "locked": {missing: 2}},
    )
    found = {each["standing"]: each for each in json.loads(shown.stdout)}
    assert shown.returncode == 1
    assert (found["first"]["customers"], found["old"]["customers"]) == (3, 0)
    assert (found["missing"]["key"], found["missing"]["customers"]) == (missing, 2)
    assert run(environment, f"{NEW},{OTHER}", "rewrap").returncode == 0


def payment(raw: str) -> bytes:
    """What Stripe sent while Postgres was away, sealed under that key."""
    sealed = base64.b64encode(Courier([raw]).seal(b'{"canary": 1}', QUEUE)).decode()
    return json.dumps({"sealed": sealed}).encode()


def dead_letter(log: Log, body: bytes) -> None:
    row = {"id": uuid.uuid4(), "queue": QUEUE, "message_id": "m", "correlation": "c", "body": body}
    with log.engine.connect() as connection:
        connection.execute(insert(tables.dead_letters).values(row))


def test_tenants_secrets_and_dead_letters_follow(environment: Environment) -> None:
    settings = read_from(environment)
    with holding(environment, OLD) as log:
        tenants.add(log.engine, "acme", "Acme")
        stripe_secrets.add(log.engine, settings, "acme", "whsec_canary")
        dead_letter(log, b'{"sealed": "' + base64.b64encode(b"no key of anybody's") + b'"}')
        dead_letter(log, payment(OLD))
        dead_letter(log, payment(OTHER))
    both = read_from({**environment, "VAULT_KEY": f"{NEW},{OLD}"})
    before = named(work.look(both), "work.dead-letters")

    done = run(environment, f"{NEW},{OLD}", "rewrap", "--json")
    first, missing = json.loads(run(environment, NEW, "status", "--json").stdout)

    assert before.level == "failure"
    assert "3 dead letters of inbox.stripe, 1 sealed with a key" in before.found
    assert before.found.endswith("1 with an old one")
    assert (done.returncode, json.loads(done.stdout)) == (
        1,
        {"rewrapped": 0, "resealed": 1, "letters": 1, "locked": {key_name(OTHER): 1}},
    )
    assert (first["standing"], first["tenants"], first["letters"]) == ("first", 1, 1)
    assert (missing["standing"], missing["key"], missing["letters"]) == (
        "missing",
        key_name(OTHER),
        1,
    )
    assert "canary" not in done.stdout + done.stderr


def test_the_doctor_says_when_keys_hang_on_an_old_one(environment: Environment) -> None:
    with holding(environment, OLD) as log:
        customers(log, 2)
    both = {**environment, "VAULT_KEY": f"{NEW},{OLD}"}

    before = named(work.look(read_from(both)), "work.vault")
    run(environment, both["VAULT_KEY"], "rewrap")
    after = named(work.look(read_from(both)), "work.vault")

    assert (before.level, after.level) == ("warning", "ok")
    assert "2 of 2" in before.found
    assert "ledgerpress vault rewrap" in before.do


@pytest.mark.parametrize("wrapped", ["null", "''"])
def test_nobody_puts_another_key_in_the_place_of_an_erased_one(
    environment: Environment, database: str, wrapped: str
) -> None:
    with holding(environment, OLD) as log:
        (name,) = customers(log, 1)
        log.record(log.read(name), [OrderErased(by="customer", reason="r")], CAUSE)
        log.vault.destroy(uuid.UUID(name))
    with psycopg.connect(database) as application:
        application.execute("set role ledgerpress_app")
        given: tuple[Any, ...] = ([uuid.UUID(name)], key_name(OLD), "new")

        row = application.execute(
            f"select ledgerpress.rewrap(%s, array[{wrapped}]::bytea[], %s, %s)".encode(), given
        ).fetchone()

        assert row == (0,)


def key_name(raw: str) -> str:
    return hashlib.sha256(b"ledgerpress vault key " + base64.b64decode(raw)).hexdigest()[:16]
