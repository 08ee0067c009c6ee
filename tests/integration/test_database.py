"""The way to Postgres: whatever becomes of the server, an answer or an error comes in good time."""

from contextlib import ExitStack

import psycopg
import pytest
from sqlalchemy import text

from events.errors import Unavailable
from sandbox.proxy import proxied
from storage import database as way
from storage.database import connect, connected, directly, rows
from storage.record import Log


def test_a_server_that_falls_silent_is_given_up_and_found_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxied(database) as proxy:
        engine = connect(proxy.url)

        def one() -> int:
            with connected(engine) as connection:
                return int(connection.execute(text("select 1")).scalar_one())

        assert one() == 1
        proxy.black_hole()
        with monkeypatch.context() as impatient:
            impatient.setattr(way, "_ANSWER_SECONDS", 0.5)
            with pytest.raises(Unavailable):
                one()
        proxy.cut()
        proxy.restore()

        assert rows(engine, text("select 1"))[0][0] == 1
        engine.dispose()


def test_a_server_that_is_away_is_unavailable() -> None:
    engine = connect("postgresql://nobody:canary@127.0.0.1:9/nowhere")

    with pytest.raises(Unavailable) as raised, connected(engine):
        pass
    assert "canary" not in str(raised.value)


def test_a_database_that_is_not_migrated_says_what_to_do(server: object) -> None:
    engine = connect(server.at("postgres"), role="ledgerpress_nobody")  # type: ignore[attr-defined]

    with pytest.raises(Unavailable, match="ledgerpress db upgrade"), connected(engine):
        pass


def test_one_dead_connection_is_enough_to_distrust_all_that_lie_idle(
    orders_log: Log, database: str
) -> None:
    with ExitStack() as several:
        for _ in range(4):
            several.enter_context(directly(orders_log.engine))
    with psycopg.connect(database, autocommit=True) as superuser:
        superuser.execute(
            "select pg_terminate_backend(pid, 60000) from pg_stat_activity"  # and wait until they are gone
            " where datname = current_database() and pid <> pg_backend_pid()"
        )

    with pytest.raises(Unavailable), directly(orders_log.engine) as connection:
        connection.execute("select 1")
    with directly(orders_log.engine) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
