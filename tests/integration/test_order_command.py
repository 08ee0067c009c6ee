"""``ledgerpress order``, over a real log."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from events.envelope import Cause
from events.facts import AttentionNeeded, OrderDelivered, PaymentReceived
from events.money import Money
from storage import readings
from storage.record import Log
from storage.since import acts
from tests.examples import placed, started, written
from tests.forking import ledgerpress

CAUSE = Cause(correlation="c", causation="m", actor="test")
REFUSED = AttentionNeeded(
    reason="model-settings", attempt=1, detail="Wrong key.", advice="Mend it."
)
WHY = ("--reason", "the key is right again")


def order(log: Log, *events: Any, product: str = "life_clarity") -> str:
    name = str(uuid.uuid4())
    first = placed(product, session=f"cs_{name}", subject=name)
    facts = [first, PaymentReceived(amount=Money(4900, "usd")), *events]
    log.record(log.begin(name, uuid.UUID(name)), facts, CAUSE)
    return name


@pytest.fixture
def run(environment: dict[str, str]) -> Any:
    """Gives a command, with --json; what it printed is read."""

    def give(*words: str, code: int = 0) -> Any:
        result = ledgerpress("order", *words, "--json", environment=environment)
        assert result.returncode == code, result.stderr
        if code:
            return json.loads(result.stderr.splitlines()[-1])["error"]
        return [json.loads(line) for line in result.stdout.splitlines()]

    return give


def test_orders_are_listed_by_what_is_wrong_with_them(run: Any, orders_log: Log) -> None:
    stuck = order(orders_log, started(), REFUSED)
    order(orders_log)

    (found,) = run("list", "--status", "attention", "--reason", "model-settings")
    (everything,) = run("list")
    (nothing,) = run("list", "--tenant", "nobody")

    assert [each["order"] for each in found] == [stuck]
    assert len(everything) == 2
    assert nothing == []


def test_an_order_is_shown_with_its_history_and_the_reasons_people_gave(
    run: Any, orders_log: Log
) -> None:
    stuck = order(orders_log, started(), REFUSED)
    run("retry", stuck, *WHY)

    (shown,) = run("show", stuck)

    assert shown["status"] == "writing"
    assert [each["type"] for each in shown["history"]][-2:] == ["note-made", "order-retried"]
    assert shown["history"][-2]["note"] == WHY[1]
    assert shown["history"][-1]["actor"] == "operator"
    (look,) = readings.of_order(orders_log.engine, stuck)
    assert (look.who, look.what, look.version) == ("operator", "history", shown["version"])


def test_a_dry_run_says_what_would_happen(run: Any, orders_log: Log) -> None:
    stuck = order(orders_log, started(), written("section-001"), REFUSED)

    (told,) = run("retry", stuck, *WHY, "--dry-run")

    assert told["to_do"] == ["3 of 4 sections", "the document"]
    assert orders_log.read(stuck).order.attention


def test_many_are_counted_first_and_retried_with_yes(run: Any, orders_log: Log) -> None:
    names = {order(orders_log, started(), REFUSED) for _ in range(7)}
    other = AttentionNeeded(reason="budget", attempt=1, detail="Too dear.", advice="Allow more.")
    spared = order(orders_log, started(), other)
    matching = ("--all", "--status", "attention", "--reason-code", "model-settings")

    (counted,) = run("retry", *matching, *WHY)
    untouched = [orders_log.read(name).order.attention for name in names]
    (done,) = run("retry", *matching, *WHY, "--yes")

    assert (set(counted["orders"]), counted["done"]) == (names, [])
    assert all(untouched)
    assert set(done["done"]) == names
    assert not any(orders_log.read(name).order.attention for name in names)
    assert orders_log.read(spared).order.attention
    (act,) = acts(orders_log, datetime(2000, 1, 1, tzinfo=UTC), None, 10)
    assert (act.event, act.orders, act.reason) == ("order-retried", 7, WHY[1])


def test_what_cannot_be_done_to_some_is_skipped_with_its_reason(run: Any, orders_log: Log) -> None:
    open_ = order(orders_log)
    delivered = order(orders_log, started(), OrderDelivered(by="mail"))

    (done,) = run("cancel", "--all", "--product", "life_clarity", *WHY, "--yes")

    assert done["done"] == [open_]
    assert [(each["order"], each["reason"]) for each in done["skipped"]] == [
        (delivered, "delivered")
    ]


def test_a_correction_and_a_retry_make_an_unusable_payment_usable(
    run: Any, orders_log: Log
) -> None:
    unusable = AttentionNeeded(reason="unusable-payment", attempt=0, detail="d", advice="a")
    stuck = order(orders_log, unusable, product="gone")

    run("correct", stuck, "--product", "life_clarity", "--field", "question=What now?", *WHY)
    (retried,) = run("retry", stuck, *WHY)

    assert (retried["product"], retried["status"]) == ("life_clarity", "queued")


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("retry", "ORDER", *WHY), 5, "at-work"),
        (("resend", "ORDER", *WHY), 5, "not-delivered"),
        (("arrived", "ORDER", *WHY), 5, "nothing-in-doubt"),
        (("correct", "ORDER", "--email", "nobody", *WHY), 2, "invalid-correction"),
        (("correct", "ORDER", "--field", "name", *WHY), 2, "usage"),
        (("retry", str(uuid.uuid4()), *WHY), 3, "not-found"),
        (("show", "what"), 3, "not-found"),
        (("retry", "--all", *WHY), 2, "usage"),
        (("retry", "ORDER", "--all", *WHY), 2, "usage"),
        (("retry", "ORDER", "--status", "attention", *WHY), 2, "usage"),
        (("retry", "ORDER", "--reason", " "), 2, "usage"),
        (("list", "--status", "sad"), 2, "usage"),
    ],
)
def test_a_refusal_has_an_exit_code_and_a_reason(
    words: tuple[str, ...], code: int, reason: str, run: Any, orders_log: Log
) -> None:
    name = order(orders_log)

    error = run(*[name if each == "ORDER" else each for each in words], code=code)

    assert error["reason"] == reason
    assert error["next"]


def test_watching_ends_when_there_is_nothing_more_to_see(run: Any, orders_log: Log) -> None:
    stuck = order(orders_log, started(), REFUSED)

    (seen,) = run("watch", stuck)

    assert seen["status"] == "attention"
