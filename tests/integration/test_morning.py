"""The morning mail, over a real log, real projections and a real mail server: once a day, and nothing but the truth."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from actors.morning import Morning
from actors.post import operator_of, post_of
from actors.timing import Clock, Daily
from events.envelope import Cause
from events.errors import Unavailable
from events.facts import AttentionNeeded, PaymentReceived, PaymentRefunded
from events.interventions import Erase, Retry, Wish
from events.money import Money
from events.morning import covered
from events.products import CATALOGUE
from events.views import order_number
from sandbox.starting import MailSink, started_mail_sink
from storage.database import PROJECTOR_ROLE, connect
from storage.intervening import by_person, carry_out
from storage.projector import Projector
from storage.record import Log
from storage.sealer import seal_all
from storage.settings import Settings, read_from
from storage.timers import Turn
from tests.examples import placed, started

CAUSE = Cause(correlation="c", causation="m", actor="test")
TODAY = datetime(2026, 11, 20, 9, tzinfo=UTC)
TURN = Turn(name="morning-mail", run=1, now=TODAY + timedelta(days=1), since=None, failures=0)
REFUSED = AttentionNeeded(reason="model-refusal", attempt=1, detail="No.", advice="Retry it.")


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MailSink]:
    folder = str(tmp_path / "mail")
    with started_mail_sink("--directory", folder, "--smtp-port", "0", "--http-port", "0") as sink:
        yield sink


@pytest.fixture
def with_mail(environment: dict[str, str], sink: MailSink) -> Settings:
    return read_from({**environment, "SMTP_URL": sink.smtp, "OPERATOR_EMAIL": "op@shop.example"})


@pytest.fixture
def morning(orders_log: Log, with_mail: Settings) -> Morning:
    return Morning(orders_log, post_of(with_mail), CATALOGUE, operator_of(with_mail))


@pytest.fixture(autouse=True)
def recorded_that_day(database: str) -> None:
    """It is noon in the log, a second later with each event, and never midnight."""
    with psycopg.connect(database) as connection:
        connection.execute(
            """
            create function ledgerpress.at_noon() returns trigger language plpgsql as $$
            begin
                new.recorded_at := '2026-11-20 12:00Z'::timestamptz + make_interval(secs => new.seq);
                return new;
            end $$;
            create trigger at_noon before insert on ledgerpress.events
                for each row execute function ledgerpress.at_noon();
            """
        )


def order(log: Log, *events: Any, product: str = "life_clarity", parent: str = "") -> str:
    name = str(uuid.uuid4())
    values = {"session": f"cs_{name}", "subject": name, "at": TODAY.isoformat(), "parent": parent}
    first = [placed(product, **values), PaymentReceived(amount=Money(4900, "usd"))]
    log.record(log.begin(name, uuid.UUID(name)), [*first, *events], CAUSE)
    return name


def reckon(log: Log, database: str) -> None:
    """What the keeper's sealer and projector do."""
    seal_all(log.engine)
    engine = connect(database, role=PROJECTOR_ROLE, pool=1)
    projector = Projector(engine)
    while projector.feed():
        pass
    engine.dispose()


def mails(sink: MailSink) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{sink.http}/mails.json").json()
    return found


def test_it_tells_what_happened_to_orders_and_money(
    morning: Morning, orders_log: Log, database: str, sink: MailSink
) -> None:
    order(orders_log)
    order(orders_log, PaymentRefunded(amount=Money(1000, "usd"), full=False))
    order(orders_log, started(), REFUSED, product="personal_blueprint")
    reckon(orders_log, database)

    said = morning.run(TURN)

    (mail,) = mails(sink)
    assert mail["to"] == ["op@shop.example"]
    assert mail["subject"] == f"{TODAY:%A, %-d %B}: 0 delivered, 1 needs you"
    assert "2 placed, 1 refunded" in mail["text"]
    assert "Paid 147.00 USD; went back 10.00 USD" in mail["text"]
    assert "1  model-refusal" in mail["text"]
    assert mail["html"]
    assert said == f"told of {TODAY:%A, %-d %B}"


def test_it_tells_what_colleagues_did_and_why(
    morning: Morning, orders_log: Log, database: str, sink: MailSink
) -> None:
    def did(cause: Cause, wish: Wish, reason: str, *names: str) -> None:
        for name in names:
            carry_out(
                name, wish, reason, expected=None, now=TODAY,
                cause=cause, log=orders_log, catalogue=CATALOGUE,
            )  # fmt: skip

    stuck = [order(orders_log, started(), REFUSED) for _ in range(3)]
    did(by_person("c-2"), Retry(), "the <key> is right again", *stuck)
    at_work = Cause(correlation="c-2", causation="m", actor="life_clarity@worker")
    orders_log.record(orders_log.read(stuck[0]), [started(2)], at_work)
    bundle = order(orders_log, product="bundle")
    part = order(orders_log, parent=bundle)
    did(by_person("c-3"), Erase(by="customer"), "request 77", bundle)
    by_itself = Cause(correlation="c-4", causation="m", actor="retention")
    did(by_itself, Erase(by="customer"), "30 days after it was done", stuck[1])
    reckon(orders_log, database)

    morning.run(TURN)

    (mail,) = mails(sink)
    told = mail["text"].partition("What colleagues did")[2]
    assert re.findall(r"UTC|3 orders|order-\w+", told) == [
        "3 orders",
        "order-retried",
        "order-erased",
    ]
    assert re.search(rf"{order_number(bundle)}  order-erased\s+request 77", told)
    assert "the <key> is right again" in told
    assert "30 days" not in told
    assert orders_log.read(part).order.erased
    assert "Nothing needs you now." in mail["text"]


def test_a_release_is_told_of_once(
    morning: Morning, orders_log: Log, database: str, sink: MailSink
) -> None:
    order(orders_log)
    reckon(orders_log, database)
    morning.run(TURN)
    with psycopg.connect(database) as connection:
        connection.execute("alter table ledgerpress.events disable trigger all")
        connection.execute(
            "update ledgerpress.events set recorded_at = recorded_at - interval '1 day'"
        )
    order(orders_log)
    reckon(orders_log, database)
    morning.run(TURN)

    first, second = sorted(mails(sink), key=lambda mail: mail["number"])
    assert f"Release {orders_log.code} came" in first["text"]
    assert "Release" not in second["text"]


def test_sent_twice_for_a_day_it_is_the_same_mail(
    morning: Morning, orders_log: Log, database: str, sink: MailSink
) -> None:
    order(orders_log)
    reckon(orders_log, database)

    morning.run(TURN)
    morning.run(TURN)

    first, second = mails(sink)
    assert first["message_id"] == second["message_id"]
    assert f"morning-{TODAY:%Y-%m-%d}@" in first["message_id"]
    assert first["text"] == second["text"]


def test_on_a_day_without_orders_it_comes_all_the_same(morning: Morning, sink: MailSink) -> None:
    morning.run(TURN)

    (mail,) = mails(sink)
    assert "No order came in" in mail["text"]


@pytest.mark.parametrize("sealed", [True, False])
def test_it_waits_until_the_day_is_reckoned(
    morning: Morning, orders_log: Log, database: str, sink: MailSink, *, sealed: bool
) -> None:
    order(orders_log)
    reckon(orders_log, database)
    order(orders_log)
    if sealed:
        seal_all(orders_log.engine)

    with pytest.raises(Unavailable) as caught:
        morning.run(TURN)

    assert caught.value.reason == "projection-behind"
    assert mails(sink) == []


def test_it_comes_again_when_the_mail_server_is_back(
    orders_log: Log, environment: dict[str, str], database: str
) -> None:
    away = read_from(environment)
    morning = Morning(orders_log, post_of(away), CATALOGUE, operator_of(away))
    clock = Clock(orders_log, [Daily("morning-mail", 5, morning.run)])
    clock.tick()
    with psycopg.connect(database) as connection:
        connection.execute("update ledgerpress.timers set next_at = now()")
        connection.commit()
        clock.tick()
        row = connection.execute("select outcome, next_at - began_at from ledgerpress.timers")
        outcome, wait = row.fetchone() or ("", timedelta())

    assert (outcome, wait) == ("mail-away", timedelta(minutes=1))


@pytest.mark.parametrize(
    ("since", "first", "last"),
    [(None, 20, 20), (20, 20, 20), (21, 20, 20), (17, 17, 20), (2, 14, 20)],
)
def test_whoever_was_away_longer_is_told_of_more_days(
    since: int | None, first: int, last: int
) -> None:
    now = datetime(2026, 11, 21, 5, 0, 3, tzinfo=UTC)

    span = covered(now, datetime(2026, 11, since, 5, tzinfo=UTC) if since else None)

    assert (span.first.day, span.last.day) == (first, last)
