"""A customer is forgotten: nothing that tells who they were is left, and everything still verifies and folds."""

import base64
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from actors.attempt import Delivery, begin
from actors.bundling import part_id
from events.envelope import Cause
from events.errors import Refused
from events.facts import (
    MailIntended,
    MailSent,
    NoteMade,
    OrderCorrected,
    OrderDelivered,
    OrderErased,
    OrderPlaced,
    PartsPlaced,
    PaymentReceived,
)
from events.money import Money
from events.products import CATALOGUE, find
from events.views import status
from storage import record
from storage.blobs import Blobs
from storage.bundle.export import export
from storage.bundle.scope import OfOrder
from storage.bundle.verify import verify
from storage.checkpoints import Folder, sign
from storage.erasing import finish, finish_all
from storage.integrity import verify as verify_database
from storage.orders import by_id
from storage.record import Log
from storage.retention import expire_all, overdue
from storage.sealer import seal_all
from storage.settings import Settings
from tests.examples import bound, rendered, started, written
from tests.integration.conftest import OPERATOR, Deliver
from tests.integration.test_checkpoints import OURS
from tests.stripe_events import paid
from tests.taking import take_up

CAUSE = Cause(correlation="c-1", causation="m-1", actor="test")
AUDITOR = {"Authorization": "Bearer auditor-secret"}
WHY = {"reason": "Request 2027-12."}
# What only the customer's data hold.
CANARIES = ("Kanarienvogel", "canary@bird.example", "Whither-Serinus", "Fringilla", "1987-06-05")
FILLED = {"name": CANARIES[0], "birth_date": CANARIES[4], "question": CANARIES[2]}


def bought(product: str = "life_clarity", amount: int = 4900) -> dict[str, Any]:
    """A payment of the customer with the canaries."""
    event = paid(product, amount, **FILLED)
    event["data"]["object"]["customer_details"]["email"] = CANARIES[1]
    return event


@dataclass(frozen=True, slots=True)
class House:
    """All that keeps something, and an API in front of it."""

    log: Log
    blobs: Blobs
    folder: Path
    http: httpx.Client
    database: str

    def add(self, order: str, *events: Any) -> None:
        """Record these."""
        self.log.record(self.log.read(order), events, CAUSE)

    def keep(self, order: str, *texts: str) -> None:
        """Keep files for the order's customer."""
        sealer = self.log.read(order).sealer
        for text in texts:
            self.blobs.put(text.encode(), sealer)

    def files(self) -> list[Path]:
        """What is kept."""
        return [each for each in self.folder.rglob("*") if each.is_file()]

    def left(self) -> list[str]:
        """Erasures that have not come to their end."""
        with psycopg.connect(self.database) as connection:
            rows = connection.execute("select subject from ledgerpress.erasures").fetchall()
        return [str(row[0]) for row in rows]

    def key(self, order: str) -> bytes | None:
        """The customer's wrapped key."""
        with psycopg.connect(self.database) as connection:
            row = connection.execute(
                "select wrapped from ledgerpress.subjects where subject = %s",
                [self.log.read(order).sealer.subject],
            ).fetchone()
        assert row
        return bytes(row[0]) if row[0] else None

    def erase(self, order: str, **changes: Any) -> httpx.Response:
        """Ask for it over HTTP, at the version that the order has."""
        headers = {**OPERATOR, "If-Match": f'W/"v{self.log.read(order).order.version}"'}
        given = {"json": WHY, "headers": headers, **changes}
        return self.http.post(f"/v1/orders/{order}/erase", **given)


@pytest.fixture
def house(
    orders_log: Log, settings: Settings, http: httpx.Client, tmp_path: Path, database: str
) -> House:
    return House(orders_log, Blobs(settings.blob_url), tmp_path / "blobs", http, database)


@pytest.fixture
def order(house: House, deliver: Deliver) -> str:
    """A delivered order, with a canary wherever the customer's data go."""
    name: str = deliver(bought()).json()["order"]
    house.add(name, NoteMade(number=1, text=CANARIES[3]), OrderCorrected(number=1, fields=FILLED))
    house.add(
        name,
        started(),
        *(written(each.name, text=CANARIES[3]) for each in find("life_clarity").sections),
    )
    house.add(
        name, rendered("cover"), bound(), MailIntended(mail="report", attempt=1, message_id="<x>")
    )
    house.add(name, MailSent(mail="report", message_id="<x>"), OrderDelivered(by="mail"))
    house.keep(name, CANARIES[3], " ".join(CANARIES))
    return name


@contextmanager
def tables(database: str) -> Iterator[dict[str, str]]:
    """Every row of every table as text, with bytes both as hexadecimal and read as text."""
    found = {}
    with psycopg.connect(database) as connection:
        names = connection.execute(
            "select format('%I.%I', table_schema, table_name) from information_schema.tables"
            " where table_schema like 'ledgerpress%' and table_type = 'BASE TABLE'"
        ).fetchall()
        for (name,) in names:
            rows = connection.execute(f"select t::text from {name} t".encode()).fetchall()
            found[name] = "\n".join(row[0] for row in rows)
    yield found


def traces(text: str) -> list[str]:
    """The canaries in it: as they are, in hexadecimal and in base64 from any place on, whatever their case."""
    folded = text.casefold()
    return [
        canary for canary in CANARIES if any(form.casefold() in folded for form in _forms(canary))
    ]


def _forms(canary: str) -> list[str]:
    raw = canary.encode()
    # The characters at both ends also depend on what stands beside it.
    shifted = [
        base64.b64encode(b"." * before + raw).decode()[4 * (before > 0) : -4] for before in range(3)
    ]
    return [canary, raw.hex(), *shifted]


def test_a_canary_is_found_however_it_is_written() -> None:
    for before in range(3):
        hidden = base64.b64encode(b"x" * before + CANARIES[0].encode() + b"yz").decode()
        assert traces(hidden) == [CANARIES[0]]
    assert traces(CANARIES[1].encode().hex()) == [CANARIES[1]]
    assert traces("a sparrow") == []


def test_nothing_that_tells_who_it_was_is_left(house: House, order: str) -> None:
    assert house.log.read(order).order.placed.email == CANARIES[1]  # type: ignore[union-attr]

    answer = house.erase(order)

    assert (answer.status_code, answer.json()["status"]) == (202, "erased")
    assert (house.key(order), house.files(), house.left()) == (None, [], [])
    with tables(house.database) as found:
        assert {"ledgerpress.events", "ledgerpress.orders", "ledgerpress.outbox"} <= set(found)
        assert {name: traces(text) for name, text in found.items() if traces(text)} == {}
    history = house.log.read(order)
    assert history.sealer.erased
    assert traces(repr(history.order)) == []
    with pytest.raises(Refused):
        history.sealer.seal(b"more", "place")


def test_the_log_says_who_asked_and_why(house: House, order: str) -> None:
    answer = house.erase(order, json={**WHY, "by": "tenant"})

    last = house.log.recorded(order)[-1]
    assert last.event == OrderErased(by="tenant", reason=WHY["reason"])
    assert last.cause.actor == "operator"
    assert last.cause.correlation == answer.headers["x-request-id"]


def test_everything_still_verifies_and_folds(
    house: House, order: str, tmp_path: Path, settings: Settings
) -> None:
    folder = Folder(Blobs(settings.blob_url).shelf)
    seal_all(house.log.engine)
    sign(house.log.engine, OURS, folder)
    house.erase(order)
    seal_all(house.log.engine)
    sign(house.log.engine, OURS, folder)

    report = verify_database(house.log.engine, OURS.keys, folder)
    with (tmp_path / "order.zip").open("wb") as file:
        export(house.log.engine, file, OfOrder(order))
    verdict = verify(tmp_path / "order.zip", [str(OURS.keys[0])])

    assert report.faults == ()
    assert verdict.events == len(house.log.recorded(order))
    row = by_id(house.log.engine, order)
    assert row is not None
    assert row.status == status(house.log.read(order).order, find("life_clarity"))


def test_page_and_api_say_that_it_is_gone_and_the_history_stays(house: House, order: str) -> None:
    token = house.log.read(order).sealer.token(order)
    session = house.log.read(order).order.placed.session  # type: ignore[union-attr]
    house.erase(order)

    for path in ("", "/report"):
        answer = house.http.get(f"/v1/orders/{order}{path}", headers=OPERATOR)
        assert (answer.status_code, answer.json()["type"]) == (410, "/problems/erased")
    for path in (f"/o/{token}", f"/o/{token}/report", f"/checkout/return?session_id={session}"):
        page = house.http.get(path)
        assert page.status_code == 410
        assert "has been erased" in page.text
    told = house.http.get(f"/v1/orders/{order}/events", headers=AUDITOR)
    assert told.json()["data"][-1]["data"] == {"by": "customer", "reason": WHY["reason"]}
    listed = house.http.get("/v1/orders?status=erased", headers=OPERATOR).json()["data"]
    assert [each["id"] for each in listed] == [order]


@pytest.mark.parametrize(
    ("changes", "code", "problem"),
    [
        ({"headers": OPERATOR}, 428, "version-missing"),
        ({"headers": {**OPERATOR, "If-Match": 'W/"v1"'}}, 412, "order-moved-on"),
        ({"headers": {**AUDITOR, "If-Match": 'W/"v1"'}}, 403, "forbidden"),
        ({"json": {}}, 422, "invalid-request"),
        ({"json": {**WHY, "by": "retention"}}, 422, "invalid-request"),
        ({"json": {"reason": f"{CANARIES[0]} asked for it"}}, 422, "invalid-request"),
        ({"json": {"reason": "x" * 201}}, 422, "invalid-request"),
        ({"json": {"reason": "x\0y"}}, 422, "invalid-request"),
    ],
)
def test_an_erasure_is_refused_aloud(
    house: House, order: str, changes: dict[str, Any], code: int, problem: str
) -> None:
    answer = house.erase(order, **changes)

    assert (answer.status_code, answer.json()["type"]) == (code, f"/problems/{problem}")
    assert traces(answer.text) == []
    assert not house.log.read(order).order.erased


def test_a_look_ahead_erases_nothing(house: House, order: str) -> None:
    answer = house.erase(order, params={"dry_run": "1"})

    assert answer.status_code == 200
    assert "destroyed" in answer.json()["remarks"][0]
    assert house.key(order)
    assert house.files()


def test_what_is_erased_is_not_erased_again(house: House, order: str) -> None:
    house.erase(order)

    assert house.erase(order).status_code == 410


def test_whoever_dies_behind_the_event_leaves_the_rest_to_the_keeper(
    house: House, order: str
) -> None:
    house.add(order, OrderErased(by="customer", reason="r"))
    assert house.key(order)
    assert house.left()

    assert finish_all(house.log, house.blobs, over=lambda: True) == 0
    assert finish_all(house.log, house.blobs) == 1
    assert (house.key(order), house.files(), house.left()) == (None, [], [])
    assert finish_all(house.log, house.blobs) == 0


def test_whoever_dies_behind_the_key_leaves_the_files_to_the_keeper(
    house: House, order: str
) -> None:
    house.add(order, OrderErased(by="customer", reason="r"))
    assert house.log.vault.destroy(house.log.read(order).sealer.subject)
    assert house.files()

    finish_all(house.log, house.blobs)

    assert (house.files(), house.left()) == ([], [])


def test_no_key_is_destroyed_without_the_log(house: House, order: str) -> None:
    assert not house.log.vault.destroy(house.log.read(order).sealer.subject)
    assert not house.log.vault.destroy(uuid.uuid4())
    assert house.key(order)


def test_postgres_keeps_no_sample_of_keys_and_sealed_payments(house: House) -> None:
    """A superuser could read an erased customer's key there until the table is analysed again."""
    sealed = [("subjects", "wrapped"), ("dead_letters", "body")]
    with psycopg.connect(house.database) as superuser:
        for number in range(9):
            superuser.execute(
                """insert into ledgerpress.subjects (subject, wrapped, kek)
                   values (gen_random_uuid(), %s, 'x')""",
                [f"key {number}".encode()],
            )
            superuser.execute(
                """insert into ledgerpress.dead_letters (id, queue, message_id, correlation, body)
                   values (gen_random_uuid(), 'x', 'x', 'x', %s)""",
                [f"body {number}".encode()],
            )
        superuser.execute("analyze ledgerpress.subjects, ledgerpress.dead_letters")

        sampled = superuser.execute(
            "select tablename, attname from pg_stats where histogram_bounds is not null"
        ).fetchall()

    assert ("subjects", "subject") in sampled
    assert not set(sealed) & set(sampled)


def test_no_key_comes_back(house: House, order: str) -> None:
    before = house.key(order)
    house.erase(order)

    with (
        psycopg.connect(house.database) as superuser,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        superuser.execute(
            "update ledgerpress.subjects set wrapped = %s, erased_at = null", [before]
        )


def test_files_that_a_worker_leaves_behind_are_removed_once_it_has_let_go(
    house: House, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "LEASE_SECONDS", 3600.0)  # it is not lost by waiting
    order: str = deliver(bought()).json()["order"]
    lease = take_up(house.log, order)
    assert lease
    worker = house.log.read(order)

    assert house.erase(order).status_code == 202
    house.blobs.put(b"from before it knew", worker.sealer)
    finish_all(house.log, house.blobs)
    assert house.left()
    house.blobs.put(b"and once more", worker.sealer)
    house.log.record(
        house.log.catch_up(worker),
        [written("section-001", text=CANARIES[3])],
        CAUSE,
        fence=lease.fence,
    )

    assert finish_all(house.log, house.blobs) == 1
    assert (house.files(), house.left()) == ([], [])
    assert traces(repr(house.log.recorded(order))) == []
    row = by_id(house.log.engine, order)
    assert row is not None
    assert (row.status.word, row.status.spent.calls) == ("erased", 1)


def test_nobody_takes_up_an_order_whose_key_is_gone(house: House, order: str) -> None:
    house.erase(order)
    tools: Any = type("Tools", (), {"log": house.log, "name": "w"})

    assert (
        begin(Delivery(order=order, correlation="c", id="m"), find("life_clarity"), tools) is None
    )


def placed_bundle(house: House, deliver: Deliver) -> tuple[str, list[str]]:
    bundle: str = deliver(bought("bundle", 11900)).json()["order"]
    parts = {name: part_id(bundle, name) for name in CATALOGUE["bundle"].parts}
    for name, part in parts.items():
        place_part(house, bundle, name, part)
    house.add(bundle, PartsPlaced(parts=parts))
    return bundle, list(parts.values())


def place_part(house: House, bundle: str, name: str, part: str) -> None:
    whole = house.log.read(bundle)
    assert whole.order.placed
    placed = OrderPlaced(
        product=name,
        tenant="default",
        subject=whole.order.placed.subject,
        at=whole.order.placed.at,
        parent=bundle,
        parent_product="bundle",
        fields=FILLED,
    )
    history = house.log.begin(part, whole.sealer.subject)
    house.log.record(history, [placed, PaymentReceived(amount=Money(0, "usd"))], CAUSE)


def test_a_bundle_is_erased_with_all_its_parts(house: House, deliver: Deliver) -> None:
    bundle, parts = placed_bundle(house, deliver)
    house.add(parts[0], OrderDelivered(by="bundle"))
    house.keep(parts[0], CANARIES[3])

    assert house.erase(parts[1]).status_code == 409
    assert house.erase(bundle).status_code == 202

    assert {house.log.read(each).order.erased for each in (bundle, *parts)} == {
        OrderErased(by="customer", reason=WHY["reason"])
    }
    assert (house.key(bundle), house.files(), house.left()) == (None, [], [])
    with tables(house.database) as found:
        assert traces("".join(found.values())) == []


def test_a_part_placed_at_that_very_moment_is_erased_too(house: House, deliver: Deliver) -> None:
    bundle: str = deliver(bought("bundle", 11900)).json()["order"]
    house.add(bundle, OrderErased(by="customer", reason="r"))
    name = CATALOGUE["bundle"].parts[0]
    part = part_id(bundle, name)
    place_part(house, bundle, name, part)

    assert finish_all(house.log, house.blobs) == 1
    assert house.log.read(part).order.erased
    assert (house.key(bundle), house.left()) == (None, [])


def test_what_stripe_says_later_brings_nothing_back(
    house: House, order: str, deliver: Deliver
) -> None:
    house.erase(order)
    version = house.log.read(order).order.version

    answer = deliver(bought())

    assert (answer.status_code, answer.json()["verdict"]) == (200, "duplicate")
    assert house.log.read(order).order.version == version
    with tables(house.database) as found:
        assert traces("".join(found.values())) == []


# When the time has come.


def days_pass(database: str, days: int) -> None:
    """Let all that was recorded so far have been recorded earlier."""
    with psycopg.connect(database) as superuser:
        superuser.execute("set search_path = ledgerpress")
        superuser.execute("alter table events disable trigger never_changed")
        superuser.execute(
            "update events set recorded_at = recorded_at - make_interval(days => %s)", [days]
        )
        superuser.execute(
            "update orders set placed_at = placed_at - make_interval(days => %s)", [days]
        )


def limit(database: str, days: int | None) -> None:
    with psycopg.connect(database) as superuser:
        superuser.execute("update ledgerpress.tenants set retention_days = %s", [days])


def test_data_are_kept_as_long_as_was_agreed_and_no_longer(house: House, order: str) -> None:
    limit(house.database, 30)
    days_pass(house.database, 29)
    assert expire_all(house.log) == 0

    days_pass(house.database, 2)
    assert expire_all(house.log, over=lambda: True) == 0
    assert expire_all(house.log) == 1
    finish_all(house.log, house.blobs)

    last = house.log.recorded(order)[-1]
    assert last.event == OrderErased(by="retention", reason="30 days after it was done")
    assert last.cause.actor == "retention"
    assert (house.key(order), house.files(), house.left()) == (None, [], [])
    assert expire_all(house.log) == 0


def test_without_a_limit_data_are_kept(house: House, order: str) -> None:
    days_pass(house.database, 10_000)

    assert expire_all(house.log) == 0
    assert house.key(order)


def test_data_are_kept_while_the_order_is_not_done(
    house: House, deliver: Callable[..., httpx.Response]
) -> None:
    deliver(bought())
    limit(house.database, 1)
    days_pass(house.database, 100)

    assert overdue(house.log.engine) == []


@pytest.mark.usefixtures("order")
def test_the_time_counts_from_the_last_delivery(house: House) -> None:
    limit(house.database, 30)
    days_pass(house.database, 20)
    with psycopg.connect(house.database) as superuser:
        superuser.execute("set search_path = ledgerpress")
        superuser.execute("alter table events disable trigger never_changed")
        superuser.execute(
            "update events set recorded_at = clock_timestamp() where type = 'order-delivered'"
        )
    days_pass(house.database, 15)

    assert expire_all(house.log) == 0


def test_finish_knows_of_nothing_to_do(house: House, order: str) -> None:
    assert finish(house.log.read(order).sealer.subject, house.log, house.blobs)
    assert house.key(order)
    assert house.files()
