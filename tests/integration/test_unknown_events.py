"""Events that a later release has recorded are kept, shown and skipped; nothing stands still for them."""

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from events.envelope import Cause
from events.facts import OrderDelivered
from events.projections import PROJECTIONS
from storage import rebuilding, restating
from storage.blobs import Blobs
from storage.checkpoints import Folder, sign
from storage.history import stream_of
from storage.rebuilding import Different
from storage.record import Log
from storage.settings import Settings
from storage.signing import signer
from storage.sums import standings, sums
from tests.examples import asked, bound, paid, placed, started, written
from tests.forking import ledgerpress
from tests.integration.conftest import serving
from tests.projecting import feed_all, projector

CAUSE = Cause(correlation="c", causation="c", actor="test")
STAFF = {"Authorization": "Bearer auditor-secret"}
NEW = ("from-tomorrow", 1, '{"colour": "red", "sealed": "bm90aGluZw=="}')
NEWER = ("mail-sent", 9, '{"mail": {"was": "a text"}, "sealed": "bm90aGluZw=="}')


def add(database: str, order: str, event: tuple[str, int, str]) -> None:
    """Record it as a later release would."""
    kind, schema, data = event
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set search_path = ledgerpress")
        connection.execute(
            """with a as (select * from append(%(s)s, null, null, null, false, array[%(i)s]::uuid[], array[%(k)s],
                   array[%(v)s]::smallint[], array[%(d)s], %(m)s))
               update orders set version = (select version from a),
                   status = jsonb_set(status::jsonb, '{version}', (select version from a)::text::jsonb)::json
               where order_id = %(o)s""",
            {
                "s": stream_of(order),
                "i": str(uuid.uuid4()),
                "k": kind,
                "v": schema,
                "d": data,
                "m": '{"correlation":"c","causation":"c","actor":"a","code":"9"}',
                "o": order,
            },
        )


@pytest.fixture
def order(orders_log: Log, database: str) -> str:
    """A delivered order; a later release has added an event of its own, and a newer shape of one of ours."""
    name = str(uuid.uuid4())
    history = orders_log.begin(name, uuid.UUID(placed().subject))
    history = orders_log.record(history, [placed(), paid(), started()], CAUSE)
    for each in (NEW, NEWER):
        add(database, name, each)
    history = orders_log.read(name)
    made = [asked("section-001"), written("section-001"), bound(), OrderDelivered(by="mail")]
    orders_log.record(history, made, CAUSE)
    feed_all(orders_log.engine, database)
    return name


def told(environment: Mapping[str, str], *words: str) -> Any:
    done = ledgerpress(*words, "--json", environment=environment)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_folds_skip_them_and_count_them(orders_log: Log, order: str) -> None:
    found = orders_log.read(order).order

    assert found.version == 9
    assert found.delivered
    assert [
        each for each in restating.compare(orders_log) if isinstance(each, restating.Drift)
    ] == []


def test_projections_read_over_them(orders_log: Log, order: str, database: str) -> None:
    with projector(database) as ours:
        compared = [
            each
            for each in rebuilding.check(ours, list(PROJECTIONS))
            if isinstance(each, Different)
        ]

    assert orders_log.read(order)
    assert {each.reach.position for each in standings(orders_log.engine)} == {9}
    assert all(not each.sums and not each.streams for each in compared)


def test_a_newer_shape_of_what_a_projection_folds_is_not_taken_for_something_else(
    orders_log: Log, database: str
) -> None:
    name = str(uuid.uuid4())
    history = orders_log.begin(name, uuid.UUID(placed().subject))
    orders_log.record(history, [placed(), paid(), started(), asked("section-001")], CAUSE)
    add(database, name, ("attempt-ended", 9, "{}"))
    orders_log.record(orders_log.read(name), [written("section-001")], CAUSE)
    feed_all(orders_log.engine, database)

    found = {
        measure: amount
        for (*_, measure), amount in sums(orders_log.engine, "usage").amounts.items()
    }

    assert "lost" not in found
    assert (found["orders"], found["calls"]) == (1, 1)


def test_they_are_shown_by_http_as_they_are(settings: Settings, order: str) -> None:
    with serving(settings) as url, httpx.Client(base_url=url, headers=STAFF) as http:
        status = http.get(f"/v1/orders/{order}")
        history = http.get(f"/v1/orders/{order}/events").json()["data"]
        feed = http.get("/v1/events").json()["data"]
        then = http.get(f"/v1/orders/{order}?at=4")

    assert status.json()["status"] == "delivered"
    assert then.status_code == 200
    for seen in (history, feed):
        assert [each["type"] for each in seen][3:5] == ["from-tomorrow", "mail-sent"]
        assert seen[3]["data"] == {"colour": "red"}
        assert seen[4]["data"] == {"mail": {"was": "a text"}}
        assert [each["schemaversion"] for each in seen][3:5] == ["1", "9"]
        assert "dataschema" not in seen[3]


def test_the_customers_page_opens(settings: Settings, orders_log: Log, order: str) -> None:
    token = orders_log.read(order).sealer.token(order)
    with (
        serving(settings) as url,
        httpx.Client(base_url=url, follow_redirects=True) as http,
    ):
        page = http.get(f"/o/{token}")

    assert page.status_code == 200


def test_commands_show_them(environment: dict[str, str], order: str) -> None:
    tailed = told(environment, "events", "tail", "-n", "9")
    (shown,) = told(environment, "order", "show", order)
    (then,) = told(environment, "at", order, "5")

    for seen in (tailed, shown["history"]):
        assert [each["type"] for each in seen][3:5] == ["from-tomorrow", "mail-sent"]
    assert (then["version"], then["last"]) == (5, 9)
    assert then["event"]["type"] == "mail-sent"


def test_they_are_exported_and_verified(
    environment: dict[str, str],
    settings: Settings,
    orders_log: Log,
    order: str,
    tmp_path: Path,
) -> None:
    ours = signer(settings)
    assert ours is not None
    sign(orders_log.engine, ours, Folder(Blobs(settings.blob_url).shelf))
    bundle = tmp_path / "order.zip"

    (written_,) = told(environment, "audit", "export", order, "--output", str(bundle))
    told(environment, "audit", "verify", str(bundle), "--key", str(ours.keys[0]))
    told(environment, "audit", "verify")

    assert written_["events"] == 9
