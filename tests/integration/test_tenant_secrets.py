"""A tenant's secrets are its own: what Stripe signs for it, and the keys of its programs."""

import base64
import socket
import time
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from sqlalchemy import Engine

from events.errors import NotFound, Refused
from events.payments import order_id
from storage import api_keys, stripe_secrets, tenants
from storage.record import Log
from storage.settings import Settings, read_from
from storage.stripe_secrets import StripeSecrets
from tests.conftest import Server
from tests.integration.conftest import serving
from tests.stripe_events import body, paid, sign

WEBHOOK = "/webhooks/stripe"
ACME, ZEBRA = "whsec_canary_acme", "whsec_canary_zebra"


@pytest.fixture
def engine(orders_log: Log) -> Engine:
    return orders_log.engine


@pytest.fixture(autouse=True)
def _two(engine: Engine, settings: Settings) -> None:
    """Two tenants, each with a secret of its own."""
    for name, secret in (("acme", ACME), ("zebra", ZEBRA)):
        tenants.add(engine, name, name.title())
        stripe_secrets.add(engine, settings, name, secret)


@pytest.fixture
def http(settings: Settings) -> Iterator[httpx.Client]:
    with serving(settings) as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client


def pay(http: httpx.Client, path: str, secret: str) -> httpx.Response:
    payload = body(paid())
    return http.post(path, content=payload, headers={"Stripe-Signature": sign(payload, secret)})


# What Stripe signs.


def test_a_payment_to_a_tenant_becomes_its_order(http: httpx.Client, orders_log: Log) -> None:
    answer = pay(http, f"{WEBHOOK}/acme", ACME)

    assert answer.json()["verdict"] == "recorded"
    assert answer.json()["order"] == order_id("acme", paid()["data"]["object"]["id"])
    order = orders_log.read(answer.json()["order"]).order
    assert order.placed is not None
    assert order.placed.tenant == "acme"


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        ("/acme", ZEBRA),
        ("/acme", "whsec_test"),
        ("", ACME),
        ("/default", ACME),
        ("/zebra", ACME),
    ],
)
def test_nobody_elses_secret_will_do(
    http: httpx.Client, settings: Settings, path: str, secret: str
) -> None:
    answer = pay(http, f"{WEBHOOK}{path}", secret)

    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/bad-signature"
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        row = connection.execute("select count(*) from ledgerpress.events").fetchone()
    assert row == (0,)


def test_a_tenant_without_secrets_is_paid_by_nobody(engine: Engine, settings: Settings) -> None:
    tenants.add(engine, "bare", "Bare")
    with serving(settings) as url, httpx.Client(base_url=url, timeout=20) as http:
        assert pay(http, f"{WEBHOOK}/bare", "").status_code == 400
        assert pay(http, f"{WEBHOOK}/bare", "whsec_test").status_code == 400


def test_nobody_pays_an_unknown_tenant(http: httpx.Client) -> None:
    answer = pay(http, f"{WEBHOOK}/nobody", "whsec_test")

    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/unknown-tenant"


def test_a_known_tenants_payment_waits_in_the_inbox_while_postgres_is_away(
    http: httpx.Client, database: str, server: Server
) -> None:
    assert pay(http, f"{WEBHOOK}/acme", ACME).json()["verdict"] == "recorded"
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    server.execute(f"alter database {name} allow_connections false")
    server.execute(
        f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
    )

    answers = {
        path: pay(http, f"{WEBHOOK}{path}", secret)
        for path, secret in (("", "whsec_test"), ("/acme", ACME), ("/zebra", ZEBRA))
    }

    server.execute(f"alter database {name} allow_connections true")
    assert {path: each.json()["verdict"] for path, each in answers.items()} == {
        "": "queued",
        "/acme": "queued",
        "/zebra": "queued",
    }


def test_every_tenant_is_known_once_the_api_has_begun(
    settings: Settings, database: str, server: Server
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with serving(settings) as url, httpx.Client(base_url=url, timeout=20) as http:
        assert http.get("/readyz").status_code == 200
        time.sleep(6)  # long enough for what was read to be read anew
        server.execute(f"alter database {name} allow_connections false")
        server.execute(
            f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
        )

        known = pay(http, f"{WEBHOOK}/acme", ACME)
        unknown = pay(http, f"{WEBHOOK}/late", "whsec_late")

        server.execute(f"alter database {name} allow_connections true")
    assert known.json()["verdict"] == "queued"
    assert unknown.status_code == 503


def test_stripe_comes_back_for_a_tenant_that_cannot_be_looked_up(
    environment: dict[str, str],
) -> None:
    away = {**environment, "DATABASE_URL": "postgresql://ledgerpress:x@127.0.0.1:9/nowhere"}
    with serving(read_from(away)) as url, httpx.Client(base_url=url, timeout=20) as http:
        answer = pay(http, f"{WEBHOOK}/acme", ACME)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_stripe_comes_back_when_vault_key_does_not_open_the_secrets(
    environment: dict[str, str],
) -> None:
    other = {**environment, "VAULT_KEY": base64.b64encode(bytes(32)).decode()}
    with serving(read_from(other)) as url, httpx.Client(base_url=url, timeout=20) as http:
        answer = pay(http, f"{WEBHOOK}/acme", ACME)

    assert answer.status_code == 503
    assert ACME not in answer.text


def test_several_secrets_will_do_while_one_is_replaced(engine: Engine, settings: Settings) -> None:
    stripe_secrets.add(engine, settings, "acme", "whsec_new")
    (old, _) = stripe_secrets.fingerprints(engine, settings, "acme")

    both = StripeSecrets(engine, settings, seconds=0).of("acme")
    stripe_secrets.remove(engine, settings, "acme", old)

    assert both == [ACME, "whsec_new"]
    assert StripeSecrets(engine, settings, seconds=0).of("acme") == ["whsec_new"]
    assert StripeSecrets(engine, settings, seconds=0).of("zebra") == [ZEBRA]


def test_a_secret_is_kept_once(engine: Engine, settings: Settings) -> None:
    stripe_secrets.add(engine, settings, "acme", ACME)

    assert len(stripe_secrets.fingerprints(engine, settings, "acme")) == 1


def test_secrets_follow_when_vault_key_is_rotated(
    engine: Engine, environment: dict[str, str]
) -> None:
    old, new = environment["VAULT_KEY"], base64.b64encode(bytes(32)).decode()
    rotating = read_from({**environment, "VAULT_KEY": f"{new},{old}"})
    alone = read_from({**environment, "VAULT_KEY": new})

    assert StripeSecrets(engine, rotating).of("acme") == [ACME]
    with pytest.raises(Refused):
        StripeSecrets(engine, alone).of("acme")
    assert stripe_secrets.reseal(engine, rotating) == 2
    assert StripeSecrets(engine, alone).of("acme") == [ACME]


def test_secrets_moved_to_another_tenant_do_not_open(engine: Engine, settings: Settings) -> None:
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute(
            "update ledgerpress.tenants set stripe_secrets ="
            " (select stripe_secrets from ledgerpress.tenants where tenant = 'zebra')"
            " where tenant = 'acme'"
        )

    with pytest.raises(Refused):
        StripeSecrets(engine, settings).of("acme")


def test_no_table_holds_a_secret_or_a_key(engine: Engine, settings: Settings) -> None:
    key, _ = api_keys.make(engine, "acme", "first")

    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        rows = [
            *connection.execute("select encode(stripe_secrets, 'escape') from ledgerpress.tenants"),
            *connection.execute("select * from ledgerpress.api_keys"),
        ]

    assert "canary" not in str(rows)
    assert key[-43:] not in str(rows)


@pytest.mark.parametrize("secret", ["", "sk_live_oops", "whsec_", "whsec_a b", "whsec_ä"])
def test_what_is_no_signing_secret_is_refused(
    engine: Engine, settings: Settings, secret: str
) -> None:
    with pytest.raises(Refused) as refused:
        stripe_secrets.add(engine, settings, "acme", secret)

    assert "oops" not in str(refused.value)


def test_the_default_tenants_secrets_are_in_the_settings(
    engine: Engine, settings: Settings
) -> None:
    with pytest.raises(Refused):
        stripe_secrets.add(engine, settings, "default", "whsec_more")

    assert StripeSecrets(engine, settings).of("default") == ["whsec_test"]


# What programs show.


def test_a_key_tells_whose_it_is(engine: Engine) -> None:
    key, known = api_keys.make(engine, "acme", "the server")

    assert key.startswith("lp_acme_")
    assert len(key) == len("lp_acme_") + 43
    assert (known.tenant, known.label, known.revoked_at) == ("acme", "the server", None)
    assert api_keys.tenant_of(engine, key) == "acme"
    for other in (key[:-1], key + "x", key.replace("acme", "zebra"), "lp_acme_", "", "é" * 50):
        assert api_keys.tenant_of(engine, other) is None


def test_a_new_key_is_good_beside_the_old_until_that_is_revoked(engine: Engine) -> None:
    (old, known), (new, _) = (api_keys.make(engine, "acme", each) for each in ("old", "new"))
    assert {api_keys.tenant_of(engine, each) for each in (old, new)} == {"acme"}

    first = api_keys.revoke(engine, "acme", known.name)
    again = api_keys.revoke(engine, "acme", known.name)

    assert first.revoked_at is not None
    assert again.revoked_at == first.revoked_at
    assert api_keys.tenant_of(engine, old) is None
    assert api_keys.tenant_of(engine, new) == "acme"
    assert [each.label for each in api_keys.listed(engine, "acme")] == ["old", "new"]


def test_a_tenant_revokes_only_its_own_keys(engine: Engine) -> None:
    key, known = api_keys.make(engine, "acme", "theirs")

    for tenant, name in (("zebra", known.name), ("acme", "00" * 8), ("acme", "no name")):
        with pytest.raises(NotFound):
            api_keys.revoke(engine, tenant, name)

    assert api_keys.tenant_of(engine, key) == "acme"


def test_keys_need_a_tenant_and_a_label(engine: Engine) -> None:
    with pytest.raises(NotFound):
        api_keys.make(engine, "nobody", "x")
    for label in ("", "  ", "a\nb", "x" * 81):
        with pytest.raises(Refused):
            api_keys.make(engine, "default", label)


def test_while_postgres_is_away_a_key_is_not_refused(
    environment: dict[str, str], engine: Engine
) -> None:
    key, _ = api_keys.make(engine, "acme", "first")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    away = read_from(
        {**environment, "DATABASE_URL": f"postgresql://ledgerpress:x@127.0.0.1:{port}/nowhere"}
    )
    with serving(away) as url:
        answer = httpx.get(
            f"{url}/v1/orders/{order_id('acme', 'x')}", headers={"Authorization": f"Bearer {key}"}
        )

    assert answer.status_code == 503
    assert key not in answer.text
