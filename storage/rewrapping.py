"""Wraps the customers' keys anew with the first key of VAULT_KEY, so that an old one can be dropped."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine, func, select

from events.errors import Refused
from storage.database import again_once, directly, rows
from storage.tables import subjects
from storage.vault import Vault

_MOST = 500
_NONE_YET = UUID(int=0)
_BEHIND = """
    select subject, wrapped, kek from subjects
    where wrapped is not null and kek <> %s and subject > %s order by subject limit %s
"""
_REWRAP = "select rewrap(%s::uuid[], %s::bytea[], %s, %s)"


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How many keys were wrapped anew, and how many could not be opened: by the name of the key that they need."""

    done: int
    locked: Mapping[str, int]


def customers(engine: Engine) -> dict[str, int]:
    """How many customers' keys each key wraps, by its name."""
    query = (
        select(subjects.c.kek, func.count().label("customers"))
        .where(subjects.c.wrapped.is_not(None))
        .group_by(subjects.c.kek)
        .order_by(subjects.c.kek)
    )
    return {row.kek: row.customers for row in rows(engine, query)}


def rewrap(
    engine: Engine,
    vault: Vault,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Rewrapped:
    """Wrap all that an old key wraps with the first one; keys that do not open are left as they are, and counted.

    Safe beside running processes that have both keys, beside another run, and to be killed: each batch is one
    statement, and a later run goes on with what is left. Raises ``Unavailable``.
    """
    total = sum(count for kek, count in customers(engine).items() if kek != vault.first)
    done, after = 0, _NONE_YET
    locked: Counter[str] = Counter()
    progress(0, total)
    while found := _behind(engine, vault.first, after):
        after = found[-1][0]
        batches: dict[str, list[tuple[UUID, bytes]]] = {}
        for subject, wrapped, kek in found:
            try:
                renewed = vault.rewrapped(wrapped, kek)
            except Refused:
                locked[kek] += 1
            else:
                batches.setdefault(kek, []).append((subject, renewed))
        for kek, batch in batches.items():
            done += _put(engine, batch, kek, vault.first)
        progress(done + locked.total(), total)
    return Rewrapped(done, dict(locked))


def _behind(engine: Engine, first: str, after: UUID) -> list[tuple[UUID, bytes, str]]:
    def ask() -> list[tuple[UUID, bytes, str]]:
        with directly(engine) as connection:
            return connection.execute(_BEHIND, (first, after, _MOST)).fetchall()

    return again_once(ask)


def _put(engine: Engine, batch: list[tuple[UUID, bytes]], before: str, first: str) -> int:
    names, keys = ([*each] for each in zip(*batch, strict=True))

    def put() -> int:
        with directly(engine) as connection:
            row = connection.execute(_REWRAP, (names, keys, before, first)).fetchone()
        return int(row[0]) if row else 0

    return again_once(put)
