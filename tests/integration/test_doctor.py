"""The doctor: each trap is set on real services, and named."""

import base64
import json
import secrets
import shlex
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pika
import pytest
from sqlalchemy.engine import make_url

from actors import checks as of_actors
from api.cli import doctor as of_floor
from events.payments import order_id
from events.products import CATALOGUE, find
from sandbox.proxy import proxied
from sandbox.starting import started, started_mail_sink
from storage import timers
from storage.checks import blobs, machine, postgres, rabbitmq, stripe, work
from storage.checks import settings as of_settings
from storage.findings import Finding, Level, attempt
from storage.payments import Signed, hear
from storage.publisher import declare, parameters
from storage.record import Log
from storage.settings import Salvaged, read_from
from tests.conftest import Server
from tests.forking import ledgerpress
from tests.stripe_events import body, paid

GOOD = {
    "VAULT_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    "OPENAI_API_KEY": "sk-canary",
    "STRIPE_WEBHOOK_SECRET": "whsec_canary_canary_canary",
    "OPERATOR_TOKEN": "canary-operator-token",
    "AUDITOR_TOKEN": "canary-auditor-token",
}


def named(found: Iterator[Finding], check: str) -> Finding:
    """The worst finding of that name."""
    order = [Level.OK, Level.WARNING, Level.FAILURE]
    return max((each for each in found if each.check == check), key=lambda f: order.index(f.level))


def doctor(
    environment: Mapping[str, str], folder: Path
) -> tuple[int, dict[str, dict[str, Any]], str]:
    """Run the command; its exit code, what it found by name, and all it said."""
    ran = ledgerpress("doctor", "--json", environment=environment, folder=folder)
    found = {each["check"]: each for each in json.loads(ran.stdout)}
    return ran.returncode, found, ran.stdout + ran.stderr


@pytest.fixture
def good(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, **GOOD}


def test_a_set_up_that_is_right_has_no_failure(good: dict[str, str], tmp_path: Path) -> None:
    with channel(good) as own:
        for product in CATALOGUE.values():  # other tests leave messages that nobody listens to
            own.queue_delete(product.queue)
    with (
        started("sandbox.model_server", "--port", "0") as model,
        started_mail_sink() as mail,
    ):
        code, found, said = doctor(
            {**good, "OPENAI_BASE_URL": model, "SMTP_URL": mail.smtp}, tmp_path
        )
        mails = httpx.get(f"{mail.http}/mails.json").json()
        asked = httpx.get(f"{model.removesuffix('/v1')}/_requests").json()

    assert [each for each in found.values() if each["level"] == "failure"] == []
    assert code == 0
    assert {
        "postgres.role",
        "rabbitmq.confirms",
        "blobs.writable",
        "smtp",
        "model",
        "press",
    } <= set(found)
    assert "canary" not in said
    assert (mails, asked) == ([], [])
    assert not (tmp_path / "blobs").exists()


def test_everything_wrong_at_once_is_all_named_and_no_secret_said(
    good: dict[str, str], tmp_path: Path
) -> None:
    wrong = {
        **good,
        "DATABASE_URL": "postgresql://canary:canary@127.0.0.1:9/canary",
        "RABBITMQ_URL": "amqp://canary:canary@127.0.0.1:9/canary",
        "BLOB_URL": "file:///dev/null/blobs",
        "SMTP_URL": "smtp://canary:canary@127.0.0.1:9",
        "OPENAI_MODEL": "canarium",
        "STRIPE_WEBHOOK_SECRETS": "whsec_canary",
        "SPEED": "canary",
    }
    del wrong["PUBLIC_URL"]

    code, found, said = doctor(wrong, tmp_path)

    failed = {name for name, each in found.items() if each["level"] == "failure"}
    assert {
        "settings.public-url",
        "settings.speed",
        "postgres.reachable",
        "rabbitmq.reachable",
        "blobs.writable",
        "model.price",
        "model",
    } <= failed
    assert {found[name]["level"] for name in ("settings.unknown", "smtp")} == {"warning"}
    assert code == 1
    assert "canary" not in said.replace("'canarium'", "")


def test_only_what_is_down_is_exit_code_4(good: dict[str, str], tmp_path: Path) -> None:
    code, found, _ = doctor({**good, "RABBITMQ_URL": "amqp://127.0.0.1:9/"}, tmp_path)

    assert {name for name, each in found.items() if each["level"] == "failure"} == {
        "rabbitmq.reachable",
        "smtp",
        "model",
    }
    assert code == 4


# Settings


def settings_find(check: str, good: dict[str, str], **changes: str) -> Finding:
    salvaged = Salvaged(settings=read_from({**good, **changes}), complaints={})
    return named(of_settings.look(salvaged), check)


LIVE = {
    "STRIPE_LIVEMODE": "true",
    "PUBLIC_URL": "https://reports.shop.de",
    "MAIL_FROM": "post@shop.de",
}


@pytest.mark.parametrize(
    ("check", "level", "changes"),
    [
        ("vault-key", "failure", {"VAULT_KEY": base64.b64encode(b"x" * 32).decode()}),
        (
            "vault-key",
            "failure",
            {"VAULT_KEY": base64.b64encode(b"abcdefghijklmnopqrstuvwxyz012345").decode()},
        ),
        ("vault-key", "warning", {"VAULT_KEY": f"{GOOD['VAULT_KEY']},{GOOD['VAULT_KEY']}"}),
        ("public-url", "failure", {**LIVE, "PUBLIC_URL": "http://reports.shop.de"}),
        ("public-url", "failure", {**LIVE, "PUBLIC_URL": "https://localhost:8000"}),
        ("public-url", "warning", {"PUBLIC_URL": "http://reports.shop.de"}),
        ("public-url", "ok", LIVE),
        ("stripe-webhook-secret", "failure", {"STRIPE_WEBHOOK_SECRET": "sk_live_0123456789abcdef"}),
        ("stripe-webhook-secret", "failure", {"STRIPE_WEBHOOK_SECRET": "whsec_..."}),
        (
            "stripe-webhook-secret",
            "warning",
            {"STRIPE_WEBHOOK_SECRET": "whsec_0123456789abcdef,whsec_0123456789abcdeg"},
        ),
        ("openai-base-url", "failure", {**LIVE, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}),
        ("openai-base-url", "warning", {"OPENAI_BASE_URL": "http://models.shop.de/v1"}),
        ("mail-from", "warning", {**LIVE, "MAIL_FROM": "Shop <post@other.de>"}),
        ("mail-from", "failure", {**LIVE, "MAIL_FROM": "reports@example.com"}),
        ("mail-from", "ok", LIVE),
        ("operator-token", "warning", {"OPERATOR_TOKEN": ""}),
        ("operator-token", "failure", {"OPERATOR_TOKEN": "hunter2"}),
        ("auditor-token", "warning", {"AUDITOR_TOKEN": GOOD["OPERATOR_TOKEN"]}),
        ("speed", "warning", {**LIVE, "SPEED": "20"}),
    ],
)
def test_a_weak_setting_is_named(
    good: dict[str, str], check: str, level: str, changes: dict[str, str]
) -> None:
    assert settings_find(f"settings.{check}", good, **changes).level == level


def test_an_env_file_that_others_can_read_is_named(
    good: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").touch(mode=0o644)
    (tmp_path / ".env").chmod(0o644)

    assert settings_find("settings.env-file", good).level == "warning"


# Postgres


def postgres_finds(check: str, environment: dict[str, str], **changes: str) -> Finding:
    settings = read_from({**environment, **changes})
    return named(postgres.look(settings, CATALOGUE), check)


def name_of(database: str) -> str:
    return str(make_url(database).database)


@contextmanager
def inside(database: str) -> Iterator[Server]:
    """The test's own database, to set traps in."""
    server = Server(database)
    yield server
    server.close()


@pytest.mark.parametrize(
    ("check", "trap"),
    [
        ("append-only", "grant update on ledgerpress.events to ledgerpress_app"),
        ("append-only", "grant truncate on ledgerpress.events to public"),
        ("append-only", "grant insert on ledgerpress.events to ledgerpress_app"),
        ("append-only", "grant update (data) on ledgerpress.events to ledgerpress_app"),
        ("append-only", "grant insert on ledgerpress.sealed to ledgerpress_projector"),
        ("append-only", "grant delete on ledgerpress.checkpoints to ledgerpress_auditor"),
        ("triggers", "alter table ledgerpress.events disable trigger never_changed"),
        ("triggers", "drop trigger never_emptied on ledgerpress.tiles"),
        ("triggers", "alter table ledgerpress.events enable trigger never_emptied"),
        ("triggers", "drop trigger never_changed on ledgerpress.events"),
        ("schema", "update ledgerpress.alembic_version set version_num = '0000'"),
        ("autovacuum", "alter table ledgerpress.outbox set (autovacuum_enabled = false)"),
        ("synchronous-commit", "alter database {name} set synchronous_commit = off"),
        ("isolation", "alter database {name} set default_transaction_isolation = 'serializable'"),
        ("connections", "alter database {name} connection limit 20"),
    ],
)
def test_a_trap_in_the_database_is_named(
    environment: dict[str, str], database: str, check: str, trap: str
) -> None:
    if check != "isolation":
        assert postgres_finds(f"postgres.{check}", environment).level == "ok"
    with inside(database) as server:
        server.execute(trap.format(name=name_of(database)))

    found = postgres_finds(f"postgres.{check}", environment)

    expected = "warning" if check in {"autovacuum", "connections"} else "failure"
    assert (found.level, bool(found.why), bool(found.do)) == (expected, True, True)


def test_an_owner_who_can_log_in_is_named(environment: dict[str, str], server: Server) -> None:
    server.execute("alter role ledgerpress_owner login")
    try:
        found = postgres_finds("postgres.roles", environment)
    finally:
        server.execute("alter role ledgerpress_owner nologin")

    assert (found.level, found.found) == ("failure", "ledgerpress_owner can log in")


def test_a_login_of_its_own_is_better_than_a_superuser(
    environment: dict[str, str], server: Server, database: str
) -> None:
    name = f"shop_{secrets.token_hex(4)}"
    server.execute(f"create role {name} login password 'canary'")
    url = make_url(database).set(username=name, password="canary")
    own = {**environment, "DATABASE_URL": url.render_as_string(hide_password=False)}
    try:
        stranger = list(postgres.look(read_from(own), CATALOGUE))
        server.execute(f"grant ledgerpress_app to {name}")
        member = list(postgres.look(read_from(own), CATALOGUE))
    finally:
        server.execute(f"drop role {name}")

    assert postgres_finds("postgres.login", environment).level == "warning"
    assert named(iter(stranger), "postgres.role").level == "failure"
    assert [each.check for each in stranger if "could not be looked at" in each.found] == []
    assert [each for each in member if each.level is not Level.OK] == []


def test_a_database_that_was_never_upgraded_is_named(
    environment: dict[str, str], server: Server
) -> None:
    found = postgres_finds("postgres.schema", environment, DATABASE_URL=server.at("postgres"))

    assert (found.level, found.do) == ("failure", "ledgerpress db upgrade")


def test_an_encoding_that_cannot_hold_every_name_is_named(
    environment: dict[str, str], server: Server
) -> None:
    name = f"latin_{secrets.token_hex(4)}"
    server.execute(f"create database {name} encoding 'LATIN1' template template0")
    try:
        found = postgres_finds("postgres.encoding", environment, DATABASE_URL=server.at(name))
    finally:
        server.execute(f"drop database {name} with (force)")

    assert found.level == "failure"


def test_a_wrong_password_is_a_failure_and_a_dead_server_is_away(
    environment: dict[str, str], database: str
) -> None:
    wrong = make_url(database).set(password="canary").render_as_string(hide_password=False)

    refused = postgres_finds("postgres.reachable", environment, DATABASE_URL=wrong)
    dead = postgres_finds(
        "postgres.reachable", environment, DATABASE_URL="postgresql://canary@127.0.0.1:9/x"
    )

    assert (refused.level, refused.away) == ("failure", False)
    assert "password" in refused.found
    assert (dead.level, dead.away) == ("failure", True)
    assert "canary" not in f"{refused}{dead}"


def test_a_clock_that_is_wrong_is_named(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 60)

    assert postgres_finds("postgres.clock", environment).level == "failure"


def test_an_answer_that_is_late_is_not_taken_for_a_wrong_clock(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    before_and_after = iter([now - 60, now + 3600])
    monkeypatch.setattr(
        postgres,
        "time",
        SimpleNamespace(time=lambda: next(before_and_after), monotonic=time.monotonic),
    )

    assert postgres_finds("postgres.clock", environment).level == "ok"


# What the tables say


@pytest.fixture
def placed(orders_log: Log) -> str:
    """An order that was paid for."""
    event = paid()
    said = Signed(
        tenant="default",
        live=False,
        at="2026-11-21T08:00:00+00:00",
        correlation="c-1",
        body=body(event).decode(),
    )
    hear(said, orders_log, CATALOGUE)
    return order_id("default", event["data"]["object"]["id"])


def work_finds(check: str, environment: dict[str, str], **changes: str) -> Finding:
    return named(work.look(read_from({**environment, **changes})), check)


def test_a_vault_key_that_is_not_the_customers_is_named(
    environment: dict[str, str], placed: str
) -> None:
    assert placed
    assert work_finds("work.vault", environment).level == "ok"
    found = work_finds("work.vault", environment, VAULT_KEY=GOOD["VAULT_KEY"])
    assert found.level == "failure"


@pytest.mark.usefixtures("placed")
@pytest.mark.parametrize(
    ("check", "level", "trap"),
    [
        ("orders", "warning", "update ledgerpress.orders set updated_at = now() - interval '1 h'"),
        ("attention", "warning", "update ledgerpress.orders set word = 'attention'"),
        (
            "keeper",
            "failure",
            """insert into ledgerpress.outbox (order_id, product, correlation, due_at, written_at)
            select order_id, product, 'c', now() - interval '1 h', now() - interval '1 h'
            from ledgerpress.orders""",
        ),
    ],
)
def test_work_that_nobody_does_is_named(
    environment: dict[str, str], database: str, check: str, level: str, trap: str
) -> None:
    assert work_finds(f"work.{check}", environment).level == "ok"
    with inside(database) as server:
        server.execute(trap)

    assert work_finds(f"work.{check}", environment).level == level


def test_another_folder_of_documents_is_named(
    environment: dict[str, str], database: str, placed: str
) -> None:
    assert placed
    with inside(database) as server:
        server.execute("update ledgerpress.orders set word = 'delivered'")

    found = named(blobs.look_shared(read_from(environment)), "blobs.shared")

    assert found.level == "failure"


# RabbitMQ


@pytest.fixture
def queue(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a product of the test's own, whose queue is not there yet; and so an inbox."""
    name = f"doctor_{uuid.uuid4().hex}"
    monkeypatch.setattr(rabbitmq, "INBOX", f"inbox.{name}")
    yield name
    with channel(environment) as open_channel:
        for each in (f"queue.{name}", f"inbox.{name}"):
            open_channel.queue_delete(each)
            open_channel.queue_delete(f"{each}.XQ")


@contextmanager
def channel(environment: dict[str, str]) -> Iterator[Any]:
    given = parameters(environment["RABBITMQ_URL"])
    given.heartbeat = 0  # nobody answers it while something else is looked at
    with closing(pika.BlockingConnection(given)) as connection:
        yield connection.channel()


def rabbit_finds(
    check: str, environment: dict[str, str], name: str = "life_clarity", **changes: str
) -> Finding:
    catalogue = {name: replace(find("life_clarity"), name=name)}
    return named(rabbitmq.look(read_from({**environment, **changes}), catalogue), check)


def test_a_queue_is_named_until_somebody_listens(environment: dict[str, str], queue: str) -> None:
    def level() -> str:
        return rabbit_finds(f"rabbitmq.queue.{queue}", environment, queue).level

    levels = [level()]
    with channel(environment) as own:
        declare(own, f"queue.{queue}")
        levels.append(level())
        own.confirm_delivery()
        own.basic_publish("", f"queue.{queue}", b"{}")
        levels.append(level())
        own.basic_consume(f"queue.{queue}", lambda *_: None)
        levels.append(level())

    assert levels == ["warning", "warning", "failure", "ok"]


def test_payments_that_could_not_be_recorded_are_named(
    environment: dict[str, str], queue: str
) -> None:
    with channel(environment) as own:
        declare(own, f"inbox.{queue}")
        own.confirm_delivery()
        own.basic_publish("", f"inbox.{queue}.XQ", b"{}")

    assert rabbit_finds(f"rabbitmq.inbox.{queue}.XQ", environment, queue).level == "failure"


def test_a_queue_that_somebody_made_otherwise_is_named(
    environment: dict[str, str], queue: str
) -> None:
    with channel(environment) as own:
        own.queue_declare(f"queue.{queue}.XQ", durable=True)
        own.queue_declare(f"queue.{queue}", durable=False)

    found = rabbit_finds(f"rabbitmq.queue.{queue}", environment, queue)

    assert found.level == "failure"
    assert "not durable" in found.found


def test_a_product_that_outlasts_the_brokers_patience_is_named(environment: dict[str, str]) -> None:
    slow = find("life_clarity")
    slow = replace(slow, pacing=replace(slow.pacing, hard_limit=31 * 60.0))

    found = named(
        rabbitmq.look(read_from(environment), {slow.name: slow}), "rabbitmq.consumer-timeout"
    )

    assert found.level == "failure"


def test_wrong_credentials_and_hosts_are_told_from_a_dead_broker(
    environment: dict[str, str],
) -> None:
    url = environment["RABBITMQ_URL"]
    right = url.partition("@")
    user = f"amqp://canary:canary@{right[2]}"
    vhost = url.rpartition("/")[0] + "/nowhere"

    found = [
        rabbit_finds("rabbitmq.reachable", environment, RABBITMQ_URL=each)
        for each in (url, user, vhost, "amqp://canary:canary@127.0.0.1:9/")
    ]

    assert [(each.level.value, each.away) for each in found] == [
        ("ok", False),
        ("failure", False),
        ("failure", False),
        ("failure", True),
    ]
    assert "canary" not in str(found)


def test_a_broker_that_accepts_and_stays_silent_is_away(environment: dict[str, str]) -> None:
    with proxied(environment["RABBITMQ_URL"]) as proxy:
        proxy.black_hole()

        assert rabbit_finds("rabbitmq.reachable", environment, RABBITMQ_URL=proxy.url).away


# Files, machine


def test_a_folder_that_takes_no_files_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    blocked = read_from({**environment, "BLOB_URL": (tmp_path / "file" / "blobs").as_uri()})

    assert named(blobs.look(blocked), "blobs.writable").level == "failure"


def test_too_few_files_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_FILES", (10**9, 10**9))

    assert named(machine.look(), "machine.files").level == "failure"


# The workers' floor


def smtp_finds(environment: dict[str, str], url: str) -> Finding:
    return named(of_actors.mail(read_from({**environment, "SMTP_URL": url})), "smtp")


def test_the_mail_server_is_tried_as_for_a_mail(environment: dict[str, str]) -> None:
    with started_mail_sink("--user", "shop", "--password", "canary") as sink:
        place = sink.smtp.removeprefix("smtp://")
        right = smtp_finds(environment, f"smtp://shop:canary@{place}")
        wrong = smtp_finds(environment, f"smtp://shop:canari@{place}")
    with started_mail_sink() as sink:
        place = sink.smtp.removeprefix("smtp://")
        unasked = smtp_finds(environment, f"smtp://shop:canary@{place}")
    dead = smtp_finds(environment, "smtp://shop:canary@127.0.0.1:9")

    assert right.level == "ok"
    assert (wrong.level, wrong.away, "password" in wrong.found) == ("failure", False, True)
    assert (unasked.level, unasked.away) == ("failure", False)
    assert (dead.level, dead.away) == ("failure", True)


def test_the_models_endpoint_is_asked_for_nothing_that_costs(environment: dict[str, str]) -> None:
    def look(**changes: str) -> Finding:
        return named(of_actors.model(read_from({**environment, **changes})), "model")

    with started("sandbox.model_server", "--port", "0") as url:
        right = look(OPENAI_BASE_URL=url)
        elsewhere = look(OPENAI_BASE_URL=url.removesuffix("/v1"))
        httpx.post(f"{url.removesuffix('/v1')}/_knobs", json={"refuse_keys": True})
        refused = look(OPENAI_BASE_URL=url)

    assert right.level == "ok"
    assert elsewhere.level == "warning"
    assert (refused.level, refused.away, "key" in refused.found) == ("failure", False, True)
    assert look(OPENAI_BASE_URL="http://127.0.0.1:9/v1").away


def test_a_library_the_press_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_actors, "_LIBRARIES", ("libcanary.so.0",))

    found = named(of_actors.press(), "press.libraries")

    assert found.level == "failure"
    assert found.found.startswith("libcanary.so.0")


def test_a_look_at_the_workers_floor_that_was_killed_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subprocess, "Popen", Doomed)

    first, last = attempt("actors", of_floor._actors)

    assert first.check != "actors"  # what was found before is told all the same
    assert (last.check, last.level) == ("actors", Level.FAILURE)


class Doomed(subprocess.Popen[bytes]):
    """A process that is killed once it has said its first line."""

    def __init__(self, arguments: Sequence[str], **given: Any) -> None:
        dying = f"{shlex.join(arguments)} | head -n 1; kill -KILL $$"
        super().__init__(["sh", "-c", dying], **given)


def test_a_timer_that_failed_or_that_nobody_runs_is_named(
    orders_log: Log, environment: dict[str, str]
) -> None:
    settings, engine = read_from(environment), orders_log.engine
    nobody = named(work.look(settings), "work.timers")
    timers.note(engine, "well", outcome="ok", said="", seconds=60)
    well = named(work.look(settings), "work.timers")
    timers.note(engine, "failed", outcome="stripe-away", said="Stripe is away", seconds=60)
    failed = named(work.look(settings), "work.timers")
    timers.note(engine, "late", outcome="ok", said="", seconds=-61)
    late = named(work.look(settings), "work.timers")

    assert [each.level.value for each in (nobody, well, failed, late)] == [
        "ok", "ok", "warning", "failure",
    ]  # fmt: skip
    assert "stripe-away" in failed.found
    assert "late" in late.found


@pytest.mark.parametrize(
    ("key", "live", "status", "found"),
    [
        ("", "false", 0, "ok: no STRIPE_API_KEY"),
        ("sk_test_canary", "false", 0, "ok: answers"),
        ("sk_test_canary", "true", 0, "failure: STRIPE_API_KEY and STRIPE_LIVEMODE"),
        ("rk_live_canary", "false", 0, "failure: STRIPE_API_KEY and STRIPE_LIVEMODE"),
        ("rk_test_canary", "false", 0, "failure: Stripe answered 401"),
        ("sk_test_canary", "false", 503, "failure: Stripe answered 503"),
    ],
)
def test_stripes_key_is_tried(
    environment: dict[str, str], key: str, live: str, status: int, found: str
) -> None:
    with started("sandbox.stripe_server") as url:
        httpx.put(f"{url}/_fault", json={"status": status})
        given = {"STRIPE_API_KEY": key, "STRIPE_API_BASE_URL": url, "STRIPE_LIVEMODE": live}

        (finding,) = stripe.look(read_from({**environment, **given}))

    assert f"{finding.level}: {finding.found}".startswith(found)
    assert "canary" not in f"{finding}"
