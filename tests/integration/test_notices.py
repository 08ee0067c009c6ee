"""Notices, over a real log and a real mail server: each goes out once, to whom it concerns, and says what is true."""

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from actors import notices
from actors.notices import Notices
from actors.post import Letter, Post, subject_of, thread_of
from events.envelope import Cause
from events.facts import (
    AttentionNeeded,
    DisputeOpened,
    MailFailed,
    MailIntended,
    MailSent,
    OrderCancelled,
    OrderDelivered,
    PartFinished,
    PartHeld,
    PartsPlaced,
    PaymentReceived,
    PaymentRefunded,
)
from events.money import Money
from events.products import CATALOGUE, find
from sandbox.starting import MailSink, started_mail_sink
from storage.record import Log
from tests.examples import bound, placed, started

CAUSE = Cause(correlation="c", causation="m", actor="test")
OPERATOR = "oncall@ledgerpress.example"
REFUSED = AttentionNeeded(
    reason="model-refusal", attempt=1, detail="The model would not answer.", advice="Retry it."
)
Teller = Callable[..., Notices]


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MailSink]:
    with started_mail_sink(
        "--directory", str(tmp_path / "mail"), "--smtp-port", "0", "--http-port", "0"
    ) as sink:
        yield sink


@pytest.fixture
def teller(orders_log: Log, sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> Teller:
    """Makes what the keeper has in its thread; ``speed`` shortens what it waits for. Its turns never end early."""
    monkeypatch.setattr(notices, "_TURN_SECONDS", 3600.0)

    def make(speed: float = 1.0, post: type[Post] = Post) -> Notices:
        door = post(
            smtp_url=sink.smtp,
            sender="Ledgerpress <reports@ledgerpress.example>",
            public_url="https://reports.example",
        )
        return Notices(
            orders_log,
            door,
            catalogue=CATALOGUE,
            operator=OPERATOR,
            stopping=threading.Event(),
            speed=speed,
        )

    return make


def order(log: Log, *events: Any, product: str = "life_clarity", **changes: Any) -> str:
    """An order that was just paid for, and all that."""
    name = str(uuid.uuid4())
    now = datetime.now(UTC).isoformat()
    values = {"session": f"cs_{name}", "subject": name, "at": now, **changes}
    first = [placed(product, **values), PaymentReceived(amount=Money(4900, "usd"))]
    log.record(log.begin(name, uuid.UUID(name)), [*first, *events], CAUSE)
    return name


def mails(sink: MailSink, to: str = "") -> list[dict[str, Any]]:
    """What has arrived, oldest first; all of it, or one person's."""
    found = sorted(httpx.get(f"{sink.http}/mails.json").json(), key=lambda mail: mail["number"])
    return [mail for mail in found if not to or mail["to"] == [to]]


def html(sink: MailSink, mail: dict[str, Any]) -> str:
    return httpx.get(f"{sink.http}/mails/{mail['number']}/html").text


def fault(sink: MailSink, **what: Any) -> None:
    httpx.post(f"{sink.http}/_knobs", json={"faults": [what]}).raise_for_status()


def test_the_customer_is_told_once_and_the_operator_too(
    teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    name = order(orders_log, started(), REFUSED)
    keeper = teller(speed=1e9)

    keeper.send_due()
    keeper.send_due()

    (alert, trouble) = mails(sink)
    assert alert["to"] == [OPERATOR]
    assert alert["subject"] == "1 order needs a person: model-refusal"
    for said in (name, "life_clarity, default", REFUSED.detail, f"ledgerpress order retry {name}"):
        assert said in alert["text"]
    assert trouble["to"] == ["jenny.rosen@example.com"]
    assert trouble["message_id"] == f"<{name}.trouble@ledgerpress.example>"
    token = orders_log.read(name).sealer.token(name)
    for said in ("Dear Jenny Rosen", "We have your payment", f"https://reports.example/o/{token}"):
        assert said in trouble["text"]
    assert orders_log.read(name).order.mails.keys() == {"alert-1", "trouble"}
    assert mails(sink) == [alert, trouble]


def test_an_alert_holds_no_personal_data(teller: Teller, orders_log: Log, sink: MailSink) -> None:
    order(orders_log, started(), REFUSED)

    teller().send_due()

    (alert,) = mails(sink, OPERATOR)
    page = httpx.get(f"{sink.http}/mails/{alert['number']}.eml").text
    for personal in ("Jenny", "Rosen", "1990-05-17", "example.com>"):
        assert personal not in alert["text"] + page


def test_the_mails_of_an_order_are_one_talk(
    teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    name = order(orders_log, started(), REFUSED)

    teller().send_due()

    (mail,) = mails(sink, "jenny.rosen@example.com")
    assert mail["subject"] == subject_of(name, find("life_clarity"))
    thread = thread_of(name, "ledgerpress.example")
    assert mail["headers"]["References"] == mail["headers"]["In-Reply-To"] == thread


def test_many_orders_are_one_alert_and_later_ones_wait_for_the_next(
    teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    names = [order(orders_log, started(), REFUSED, email="") for _ in range(60)]
    other = AttentionNeeded(reason="budget", attempt=1, detail="Too dear.", advice="Allow more.")
    rare = order(orders_log, started(), other, email="")
    keeper = teller()

    keeper.send_due()
    order(orders_log, started(), REFUSED, email="")
    keeper.send_due()

    (alert,) = mails(sink)
    assert alert["subject"] == "61 orders need a person: model-refusal, budget"
    assert "model-refusal: 60 orders" in alert["text"]
    assert sum(name in alert["text"] for name in names) == 49
    assert rare in alert["text"]
    assert "and 11 more" in alert["text"]
    assert "order retry --all --status attention --reason-code model-refusal" in alert["text"]
    keeper._next_alert = 0.0
    keeper._resting.clear()
    keeper.send_due()
    assert [mail["subject"][:8] for mail in mails(sink)] == ["61 order", "1 order "]


def test_any_number_of_keepers_tell_once(teller: Teller, orders_log: Log, sink: MailSink) -> None:
    names = [
        order(orders_log, started(), REFUSED, email=f"buyer-{each}@example.com")
        for each in range(20)
    ]
    keepers = [teller() for _ in range(3)]
    threads = [threading.Thread(target=keeper.send_due) for keeper in keepers]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for keeper in keepers:
        keeper._next_alert = 0.0
        keeper._resting.clear()
        keeper.send_due()

    alerts = mails(sink, OPERATOR)
    assert len({alert["message_id"] for alert in alerts}) == len(alerts)
    for each, name in enumerate(names):
        assert sum(f"retry {name}" in alert["text"] for alert in alerts) == 1
        assert len(mails(sink, f"buyer-{each}@example.com")) == 1


class Killed(BaseException):
    """What nobody catches."""


def test_a_keeper_that_dies_with_an_intent_leaves_the_mail_to_another_under_the_same_name(
    teller: Teller, orders_log: Log, sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mortal(Post):
        def send(self, letter: Letter, documents: Any = ()) -> None:
            super().send(letter, documents)
            raise Killed

    names = [order(orders_log, started(), REFUSED, email="") for _ in range(2)]
    with pytest.raises(Killed):
        teller(post=Mortal).send_due()
    young = order(orders_log, started(), REFUSED, email="")
    other = teller()

    other.send_due()
    monkeypatch.setattr(notices, "_now", lambda: datetime.now(UTC) + timedelta(minutes=2))
    for _ in range(2):
        other._next_alert = 0.0
        other._resting.clear()
        other.send_due()

    first, fresh, again = mails(sink)
    assert first["message_id"] == again["message_id"] != fresh["message_id"]
    assert [name in again["text"] for name in (*names, young)] == [True, True, False]
    assert [name in fresh["text"] for name in (*names, young)] == [False, False, True]
    for name in names:
        assert isinstance(orders_log.read(name).order.mails["alert-1"], MailSent)


def test_a_mail_server_that_is_away_is_tried_again(
    teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    name = order(orders_log, started(), REFUSED)
    fault(sink, what="refuse", code=451)

    before = datetime.now(UTC)
    teller().send_due()
    after = datetime.now(UTC)

    assert mails(sink) == []
    failed = orders_log.read(name).order.mails
    for mail in ("alert-1", "trouble"):
        found = failed[mail]
        assert isinstance(found, MailFailed)
        assert (found.reason, found.attempt) == ("mail-busy", 1)
        wait = timedelta(seconds=30)
        assert before + wait <= datetime.fromisoformat(found.retry_at) <= after + wait


def test_a_customer_who_cannot_be_reached_is_given_up_and_the_operator_never(
    teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    name = order(orders_log, started(), REFUSED)
    fault(sink, what="refuse", at="rcpt", code=550)

    teller().send_due()

    failed = orders_log.read(name).order.mails
    trouble, alert = failed["trouble"], failed["alert-1"]
    assert isinstance(trouble, MailFailed)
    assert trouble.retry_at == ""
    assert isinstance(alert, MailFailed)
    assert alert.retry_at != ""


def test_what_is_paid_for_and_not_sold_is_told_of_too(
    teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    unusable = AttentionNeeded(
        reason="unusable-payment", attempt=0, detail="No such product.", advice="Correct it."
    )
    name = order(orders_log, unusable, product="gone")

    teller().send_due()

    (alert, trouble) = mails(sink)
    assert f"ledgerpress order correct {name}" in alert["text"]
    assert "your order takes longer" in trouble["text"]


@pytest.mark.parametrize(
    "case",
    [
        ("document_analysis", {"email": ""}, REFUSED),
        ("life_clarity", {"email": "nobody"}, REFUSED),
        (
            "life_clarity",
            {},
            DisputeOpened(dispute="du_1", amount=Money(4900, "usd"), reason="fraudulent"),
        ),
        (
            "life_clarity",
            {},
            AttentionNeeded(reason="mail-doubtful", attempt=1, detail="d", advice="a"),
        ),
    ],
    ids=["by API", "without address", "disputed", "perhaps mailed"],
)
def test_only_the_operator_is_told(
    case: tuple[str, dict[str, str], Any], teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    product, changes, event = case
    order(orders_log, event, product=product, **changes)

    teller().send_due()

    assert [mail["to"] for mail in mails(sink)] == [[OPERATOR]]


def test_an_order_past_its_deadline_is_told_of_once(
    teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    long_ago = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    order(orders_log, started(), at=long_ago)
    keeper = teller(speed=1e9)

    keeper.send_due()
    keeper.send_due()

    (alert,) = mails(sink)
    assert alert["subject"] == "1 order needs a person: late"


def test_the_customer_of_a_bundle_with_a_held_part_hears_of_it_and_what_is_ready(
    teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    parts = {name: str(uuid.uuid4()) for name in find("bundle").parts}
    done = PartFinished(product="life_clarity", order=parts["life_clarity"], document=bound())
    blueprint = "personal_blueprint"
    held = PartHeld(product=blueprint, order=parts[blueprint], number=1, reason="model-refusal")
    name = order(orders_log, started(), PartsPlaced(parts=parts), done, held, product="bundle")
    order(
        orders_log,
        REFUSED,
        product=blueprint,
        parent=name,
        parent_product="bundle",
        session="",
        intent="",
    )

    teller().send_due()

    (alert, trouble) = mails(sink)
    assert f"part of {name}" in alert["text"]
    assert "part of what you ordered takes longer" in trouble["text"]
    assert "  - Life Clarity\n" in trouble["text"].replace("\r", "")


def test_an_intent_that_is_not_over_is_left_alone(
    teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    intent = MailIntended(mail="trouble", attempt=1, message_id="<x@y>", until=soon)
    order(orders_log, started(), REFUSED, intent)

    teller().send_due()

    assert [mail["to"] for mail in mails(sink)] == [[OPERATOR]]


BUYER = "jenny.rosen@example.com"


def test_the_buyer_of_something_long_is_told_at_once_how_long_it_takes_and_where_to_watch(
    teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    name = order(orders_log, product="personal_horoscope")
    keeper = teller(speed=1e9)

    keeper.send_due()
    keeper.send_due()

    (mail,) = mails(sink, BUYER)
    assert mail["message_id"] == f"<{name}.confirmation@ledgerpress.example>"
    assert mail["subject"] == subject_of(name, find("personal_horoscope"))
    assert mail["headers"]["Auto-Submitted"] == "auto-generated"
    token = orders_log.read(name).sealer.token(name)
    for said in (
        "Dear Jenny Rosen",
        "161 sections",
        "4 hours",
        f"https://reports.example/o/{token}",
    ):
        assert said in mail["text"]
        assert said in html(sink, mail)


def test_the_buyer_of_a_bundle_is_told_of_each_part_and_the_parts_buyers_of_nothing(
    teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    name = order(orders_log, product="bundle")
    order(
        orders_log,
        product="personal_horoscope",
        parent=name,
        parent_product="bundle",
        session="",
        intent="",
    )

    teller().send_due()

    (mail,) = mails(sink, BUYER)
    assert "  - Personal Blueprint, usually 3 minutes\n" in mail["text"].replace("\r", "")


@pytest.mark.parametrize(
    ("product", "events"),
    [
        ("life_clarity", ()),
        ("personal_horoscope", (OrderDelivered(by="mail"),)),
        ("personal_horoscope", (OrderCancelled(reason="operator"),)),
        ("document_analysis", ()),
    ],
    ids=["soon ready", "delivered", "cancelled", "by API"],
)
def test_nobody_else_is_told_that_it_has_begun(
    product: str, events: tuple[Any, ...], teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    order(orders_log, *events, product=product)

    teller().send_due()

    assert mails(sink) == []


def test_every_sum_that_goes_back_is_told_of_once(
    teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    part = PaymentRefunded(amount=Money(2000, "usd"), full=False)
    name = order(orders_log, part)
    keeper = teller(speed=1e9)

    keeper.send_due()
    whole = PaymentRefunded(amount=Money(4900, "usd"), full=True)
    history = orders_log.read(name)
    orders_log.record(history, [whole, OrderCancelled(reason="refunded")], CAUSE)
    keeper.send_due()
    keeper.send_due()

    first, second = mails(sink, BUYER)
    assert "$20 in all so far" in first["text"]
    assert "$49, all of it" in second["text"]
    assert first["subject"] == second["subject"]
    assert first["message_id"] != second["message_id"]


def test_a_mail_shows_a_hostile_name_and_obeys_it_nowhere(
    teller: Teller, orders_log: Log, sink: MailSink
) -> None:
    hostile = "Eve\r\nBcc: all@example.com\r\n\r\n<script>1</script><img src=//evil.example>"
    order(orders_log, product="personal_horoscope", fields={"name": hostile})

    teller().send_due()

    (mail,) = mails(sink)
    assert mail["to"] == [BUYER]
    assert "Bcc" not in mail["headers"]
    assert "<script" not in html(sink, mail)
    assert "<img" not in html(sink, mail)
