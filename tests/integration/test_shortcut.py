"""A plain poll is answered on a shorter way: with the same answer as on the long one, and never a stale one."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from storage import api_keys, tenants
from storage.record import Log
from storage.restating import Drift, compare
from tests.examples import started, written
from tests.integration.conftest import Deliver
from tests.integration.test_following import CAUSE
from tests.stripe_events import paid

# What has a preference goes the long way.
LONG = {"Prefer": "handling=strict"}


@pytest.fixture
def order(deliver: Deliver) -> str:
    found: str = deliver(paid()).json()["order"]
    return found


@pytest.fixture
def tokens(orders_log: Log, order: str) -> dict[str, str]:
    """Everybody who may or may not see it."""
    tenants.add(orders_log.engine, "acme", "Acme")
    key, _ = api_keys.make(orders_log.engine, "acme", "test")
    return {
        "operator": "operator-secret",
        "a careless operator": "  operator-secret",
        "auditor": "auditor-secret",
        "customer": orders_log.read(order).sealer.token(order),
        "another tenant": key,
        "an unknown key": key[:-4] + "AAAA",
        "a stranger": "c3RyYW5nZXItMTIzNDU2Nw",
        "nobody": "",
    }


def plain(answer: httpx.Response) -> tuple[int, object, dict[str, str]]:
    changing = {"date", "x-request-id", "ratelimit", "content-length"}
    headers = {name: value for name, value in answer.headers.items() if name not in changing}
    body = answer.json() if answer.content else None
    if isinstance(body, dict):
        body.pop("request_id", None)
    return answer.status_code, body, headers


def test_both_ways_lead_to_the_same_answer(
    http: httpx.Client, order: str, tokens: dict[str, str]
) -> None:
    different = []
    for who, token in tokens.items():
        known = {"Authorization": f"Bearer {token}"} if token else {}
        for more in ({}, {"If-None-Match": 'W/"v2"'}, {"If-None-Match": 'W/"v1"'}):
            for path in (f"/v1/orders/{order}", f"/v1/orders/{order[:-1]}0"):
                short = http.get(path, headers={**known, **more})
                long = http.get(path, headers={**known, **more, **LONG})
                if plain(short) != plain(long):
                    different.append((who, more, plain(short), plain(long)))

    assert different == []


def test_a_poll_never_tells_what_was_before_it_was_asked(
    http: httpx.Client, order: str, orders_log: Log, tokens: dict[str, str]
) -> None:
    known = {"Authorization": f"Bearer {tokens['customer']}"}
    history = orders_log.record(orders_log.read(order), [started()], CAUSE)

    for number in range(1, 5):
        history = orders_log.record(history, [written(f"section-00{number}")], CAUSE)
        told = http.get(f"/v1/orders/{order}", headers=known).json()
        assert (told["version"], told["progress"]["done"]) == (str(number + 3), number)


def test_a_row_that_is_put_right_is_told_anew_at_the_same_version(
    http: httpx.Client, order: str, orders_log: Log, tokens: dict[str, str], database: str
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "update ledgerpress.orders"
            " set status = jsonb_set(status::jsonb, '{progress,percent}', '7')::json"
        )
    known = {"Authorization": "Bearer operator-secret"}
    page = http.get(f"/o/{tokens['customer']}", follow_redirects=True)
    wrong = http.get(f"/v1/orders/{order}", headers=known)

    (drift,) = (e for e in compare(orders_log, mend=True) if isinstance(e, Drift))
    right = http.get(
        f"/v1/orders/{order}", headers={**known, "If-None-Match": wrong.headers["etag"]}
    )
    same = http.get(
        f"/v1/orders/{order}", headers={**known, "If-None-Match": right.headers["etag"]}
    )
    again = http.get(page.url.path, headers={"If-None-Match": page.headers["etag"]})
    acted = http.post(
        f"/v1/orders/{order}/cancel",
        json={"reason": "test"},
        headers={**known, "If-Match": right.headers["etag"]},
    )

    assert drift.mended
    assert (wrong.json()["progress"]["percent"], wrong.headers["etag"]) == (7, 'W/"v2"')
    assert (right.status_code, right.headers["etag"]) == (200, 'W/"v2~1"')
    assert right.json()["progress"]["percent"] == 0
    assert (same.status_code, again.status_code, acted.status_code) == (304, 200, 202)


def test_a_key_that_is_revoked_opens_nothing_from_then_on(
    http: httpx.Client, order: str, orders_log: Log
) -> None:
    key, made = api_keys.make(orders_log.engine, "default", "test")
    headers = {"Authorization": f"Bearer {key}"}
    assert http.get(f"/v1/orders/{order}", headers=headers).status_code == 200

    api_keys.revoke(orders_log.engine, "default", made.name)

    assert http.get(f"/v1/orders/{order}", headers=headers).status_code == 401


def test_many_at_once_each_get_their_own_answer(
    http: httpx.Client, order: str, tokens: dict[str, str]
) -> None:
    expected = {"operator": 200, "customer": 200, "another tenant": 404, "an unknown key": 401}
    asked = [who for _ in range(30) for who in expected]

    def ask(who: str) -> int:
        headers = {"Authorization": f"Bearer {tokens[who]}"}
        return http.get(f"/v1/orders/{order}", headers=headers).status_code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, asked))

    assert answers == [expected[who] for who in asked]
