"""Holds the status rows against the folds of their orders, and puts right those that say something else.

The rows are written with the events and say what the fold said then: they are behind when the fold or a product has
changed since, and otherwise only if somebody has been at them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Engine, Row, text

from events.errors import NotFound
from storage.database import rows
from storage.orders import columns
from storage.record import Log

_PAGE = 200
_FIRST = "00000000-0000-0000-0000-000000000000"
# An order that moves on between two looks at it is looked at again, so often.
_TRIES = 5

_ROWS = """
    select order_id::text as order_id, version, tenant, product, word, workable, spent, reserved, tell_at, session,
        intent, parent::text as parent, subject::text as subject, status::text as status
    from orders where order_id {which} order by orders.order_id limit :most
"""
_BEHIND = text(_ROWS.format(which="> cast(:order as uuid)"))
_ONE = text(_ROWS.format(which="= cast(:order as uuid)"))
_WITHOUT = text("""
    select substr(s.stream, 7) as order_id from streams s
    where s.stream like 'order-%' and s.stream > 'order-' || :order
        and not exists (select from orders o where 'order-' || o.order_id = s.stream)
    order by s.stream limit :most
""")
_COUNT = text("select count(*) from orders")
_RESTATE = text("select restate(cast(:row as json))")


@dataclass(frozen=True, slots=True)
class Drift:
    """An order whose row is not what its events say, and in which columns; in none if it has no row.

    ``mended`` says that it is by now.
    """

    order: str
    columns: tuple[str, ...]
    mended: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """So many rows of so many have been looked at."""

    done: int
    total: int


def compare(log: Log, *, mend: bool = False) -> Iterator[Looked | Drift]:
    """Every order whose row is not what its events say; with ``mend`` it is put right.

    Orders may move on meanwhile: each is judged as of one version. Raises ``Unavailable`` if Postgres is away.
    """
    total = int(rows(log.engine, _COUNT)[0][0])
    done, after = 0, _FIRST
    while page := rows(log.engine, _BEHIND, {"order": after, "most": _PAGE}):
        for row in page:
            if drift := _judged(log, row, mend=mend):
                yield drift
        done, after = done + len(page), page[-1].order_id
        yield Looked(done, max(done, total))
    after = ""
    while page := rows(log.engine, _WITHOUT, {"order": after, "most": _PAGE}):
        yield from (Drift(row.order_id, ()) for row in page)
        after = page[-1].order_id


def _judged(log: Log, row: Row[Any], *, mend: bool) -> Drift | None:
    different: tuple[str, ...] = ()
    for _ in range(_TRIES):
        try:
            order = log.read(row.order_id).order
        except NotFound:
            return Drift(row.order_id, row._fields)  # nothing of it was ever recorded
        if row.version >= order.version:
            folded: dict[str, Any] = {"version": order.version, **columns(order, log.catalogue)}
            different = _different(row, folded)
            if not different or not mend:
                break
            if _mended(log.engine, folded):
                return Drift(row.order_id, different, mended=True)
        (row,) = rows(log.engine, _ONE, {"order": row.order_id, "most": 1})
    return Drift(row.order_id, different) if different else None


def _different(row: Row[Any], folded: Mapping[str, Any]) -> tuple[str, ...]:
    says = row._mapping  # noqa: SLF001 - its public name for a dict
    simple = [name for name in folded if name != "status" and says[name] != folded[name]]
    found = msgspec.json.decode(row.status)
    wanted = msgspec.json.decode(msgspec.json.encode(folded["status"]))
    inside = [f"status.{name}" for name in wanted if found.get(name) != wanted[name]]
    return (*simple, *inside)


def _mended(engine: Engine, folded: Mapping[str, Any]) -> bool:
    row = msgspec.json.encode(folded).decode()
    return bool(rows(engine, _RESTATE, {"row": row})[0][0])
