"""What the tables say of the processes: whether anybody works, and whether what lies there can be read."""

from collections.abc import Iterator

from sqlalchemy import Connection, Engine, func, select

from storage import timers
from storage.database import connect, connected, rows
from storage.dead_letters import sealed_with
from storage.findings import Finding, failure, warning, well
from storage.inbox import QUEUE as INBOX
from storage.settings import Settings
from storage.tables import dead_letters, orders, outbox, streams, subjects
from storage.vault import Vault

# Longer than the sweeper takes to ask again, and than anybody takes who is at work.
_IDLE_SECONDS = 120
_OVERDUE_SECONDS = 5
_LATE_SECONDS = 60


def look(settings: Settings) -> Iterator[Finding]:
    """All of it, unless the schema is not there: its own check says so."""
    engine = connect(settings.database_url.get_secret_value(), pool=1)
    vault = Vault(engine, [key.get_secret_value() for key in settings.vault_key])
    try:
        with connected(engine) as connection:
            if connection.exec_driver_sql("select to_regclass('subjects')").scalar() is None:
                return
            yield from _locked(connection, vault)
            yield from _forgotten(connection)
            yield from _attention(connection)
            yield from _overdue(connection)
            yield from _unsealed(connection)
        yield from _dead(engine, vault)
        yield from _timers(engine)
    finally:
        engine.dispose()


def _locked(connection: Connection, vault: Vault) -> Iterator[Finding]:
    query = (
        select(subjects.c.kek, func.count().label("customers"))
        .where(subjects.c.wrapped.is_not(None))
        .group_by(subjects.c.kek)
    )
    customers = {row.kek: row.customers for row in connection.execute(query)}
    old = sum(count for kek, count in customers.items() if kek != vault.first and vault.knows(kek))
    locked = sum(count for kek, count in customers.items() if not vault.knows(kek))
    if locked:
        yield failure(
            "work.vault",
            f"VAULT_KEY opens {sum(customers.values()) - locked} customers' data, and not {locked}",
            why="their orders cannot go on, and their reports cannot be read",
            do="add the key they were locked with to VAULT_KEY, behind the new one, after a comma",
        )
    elif old:
        yield warning(
            "work.vault",
            f"{old} of {sum(customers.values())} customers' keys hang on an old key of VAULT_KEY",
            why="it cannot be dropped, and whoever has it opens their data",
            do="once every process has the new VAULT_KEY: ledgerpress vault rewrap",
        )
    else:
        yield well("work.vault", f"VAULT_KEY opens all {sum(customers.values())} customers' data")


def _forgotten(connection: Connection) -> Iterator[Finding]:
    query = (
        select(orders.c.product, func.count().label("waiting"))
        .join(streams, streams.c.stream == func.concat("order-", orders.c.order_id))
        .where(
            orders.c.workable,
            orders.c.updated_at < _ago(_IDLE_SECONDS),
            streams.c.held_until < func.clock_timestamp(),
        )
        .group_by(orders.c.product)
        .order_by(orders.c.product)
    )
    found = connection.execute(query).all()
    for row in found:
        yield warning(
            "work.orders",
            f"{row.waiting} of {row.product} wait for more than {_IDLE_SECONDS} s, and nobody works on them",
            why="they were paid for",
            do=f"ledgerpress run worker {row.product} (more of them, if one runs), and ledgerpress run keeper",
        )
    if not found:
        yield well("work.orders", "none waits for long")


def _attention(connection: Connection) -> Iterator[Finding]:
    query = select(func.count()).select_from(orders).where(orders.c.word == "attention")
    if count := connection.execute(query).scalar_one():
        yield warning(
            "work.attention",
            f"{count} orders need a person",
            why="they were paid for and will not go on by themselves",
            do="their status says why, in 'attention'; docs/operations.md, 'Orders in attention'",
        )
    else:
        yield well("work.attention", "no order needs a person")


def _dead(engine: Engine, vault: Vault) -> Iterator[Finding]:
    query = (
        select(dead_letters.c.queue, func.count().label("letters"))
        .where(dead_letters.c.settled_at.is_(None))
        .group_by(dead_letters.c.queue)
        .order_by(dead_letters.c.queue)
    )
    found = rows(engine, query)
    for row in found:
        payments = row.queue == INBOX
        yield (failure if payments else warning)(
            "work.dead-letters",
            f"{row.letters} dead letters of {row.queue}{_keys(engine, vault) if payments else ''}",
            why="payments that could not be recorded, or that were sealed with a key that is gone"
            if payments
            else "somebody else published to the queue: it was no message of ours",
            do="on the page /ops: mend the cause and put them back, or discard them",
        )
    if not found:
        yield well("work.dead-letters", "there is none that nobody has seen to")


def _keys(engine: Engine, vault: Vault) -> str:
    """How many of them hang on a key that is old, or gone."""
    sealed = sealed_with(engine)
    locked = sum(count for name, count in sealed.items() if not vault.knows(name))
    old = sum(sealed.values()) - locked - sealed.get(vault.first, 0)
    told = [f"{locked} sealed with a key that VAULT_KEY lacks"] if locked else []
    told += [f"{old} with an old one"] if old else []
    return "".join(f", {each}" for each in told)


def _overdue(connection: Connection) -> Iterator[Finding]:
    # Every look of a keeper puts off what it finds: what stays overdue, none has looked at.
    query = (
        select(func.count())
        .select_from(outbox)
        .where(
            outbox.c.due_at < _ago(_OVERDUE_SECONDS), outbox.c.written_at < _ago(_OVERDUE_SECONDS)
        )
    )
    if count := connection.execute(query).scalar_one():
        yield failure(
            "work.keeper",
            f"{count} messages are overdue in the outbox",
            why="no keeper runs: retries, lost messages and forgotten orders wait for ever",
            do="ledgerpress run keeper",
        )
    else:
        yield well("work.keeper", "nothing is overdue in the outbox")


def _timers(engine: Engine) -> Iterator[Finding]:
    found = timers.listed(engine)
    for each in found:
        if each.late > _LATE_SECONDS:
            yield failure(
                "work.timers",
                f"{each.name} is {each.late:.0f} s late",
                why="no keeper runs, or it hangs: what is done from time to time is not done",
                do="ledgerpress run keeper; if one runs, its log says what it waits for",
            )
        elif each.failures:
            yield warning(
                "work.timers",
                f"{each.name} has failed {each.failures} times in a row ({each.outcome})",
                why=each.said,
                do="ledgerpress timer list; once it is mended: ledgerpress timer run " + each.name,
            )
    if all(each.late <= _LATE_SECONDS and not each.failures for each in found):
        yield well("work.timers", f"all {len(found)} are on time, and their last runs went well")


def _unsealed(connection: Connection) -> Iterator[Finding]:
    count = connection.exec_driver_sql("select count(*) from unsealed").scalar_one()
    yield well("work.unsealed", f"{count} events have no place in the whole log yet")


def _ago(seconds: float) -> object:
    return func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)
