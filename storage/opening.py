"""Opens the log with everything behind it, and closes it in good order."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version

from sqlalchemy import Engine

from events.errors import Unavailable
from events.plan import Product
from storage.database import APP_ROLE, connect
from storage.outbox import confirmed
from storage.publisher import Publisher
from storage.record import Log
from storage.settings import DatabaseSettings, Settings
from storage.telemetry import log
from storage.vault import Vault


@contextmanager
def opened(
    settings: Settings, catalogue: Mapping[str, Product], *, pool: int = 10
) -> Iterator[Log]:
    """The log of orders, with a running publisher. Nothing is connected before it is used."""
    engine = connect(settings.database_url.get_secret_value(), pool=pool)

    def tick_off(ids: list[int]) -> None:
        try:
            confirmed(engine, ids)
        except Unavailable:
            log.warning("confirmed nudges stay in the outbox and will be published again")

    publisher = Publisher(settings.rabbitmq_url.get_secret_value(), tick_off).start()
    try:
        yield Log(
            engine,
            vault_of(settings, engine),
            publisher,
            catalogue=catalogue,
            code=version("ledgerpress"),
        )
    finally:
        publisher.stop()
        engine.dispose()


@contextmanager
def database(
    settings: DatabaseSettings, *, role: str = APP_ROLE, pool: int = 1
) -> Iterator[Engine]:
    """The database alone, for a command that asks one thing of it."""
    engine = connect(settings.database_url.get_secret_value(), role=role, pool=pool)
    try:
        yield engine
    finally:
        engine.dispose()


def vault_of(settings: Settings, engine: Engine) -> Vault:
    """The customers' keys, as VAULT_KEY opens them."""
    return Vault(engine, [key.get_secret_value() for key in settings.vault_key])
