"""Many looks at orders at once: who asks and what they ask for, answered by one statement for all of them."""

import uuid
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Engine

from events.views import Status
from storage.database import again_once, directly
from storage.event_log import literal
from storage.orders import OrderRow

# What has not changed since it was last looked at is not sent again.
_LOOK = """
    select a.place, k.tenant, h.order_id, o.version,
        case when (o.version, o.restated) <> (a.version, a.restated) then o.status::text end,
        o.subject, o.session, o.placed_at, o.updated_at, o.restated
    from unnest(%s::uuid[], %s::bytea[], %s::int[], %s::int[]) with ordinality
        as a (order_id, token, version, restated, place)
    left join orders o on o.order_id = a.order_id
    left join api_keys k on k.key_hash = a.token and k.revoked_at is null
    left join orders h on h.token_hash = a.token
"""
_REST = ("subject", "session", "placed_at", "updated_at", "restated")
# So many orders are remembered; the one that nobody has looked at for longest is forgotten first.
_MOST = 10_000


Notes = dict[bool, str]


@dataclass(frozen=True, slots=True)
class Look:
    """An order, and the hash of the token with which somebody asks for it; empty if it need not be looked up."""

    order: uuid.UUID
    token: bytes = b""


@dataclass(frozen=True, slots=True)
class Glance:
    """The order, if there is one, and what the token is: a ``tenant``'s key, or that of the customer of ``held``.

    ``notes`` belong to the row, and are forgotten when it moves: for what whoever tells of it has made of it.
    """

    row: OrderRow | None
    tenant: str
    held: str
    notes: Notes


class Glances:
    """Answers looks, and remembers rows so that only what has moved is read again. For one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rows: OrderedDict[uuid.UUID, tuple[OrderRow, Notes]] = OrderedDict()

    def at(self, looks: Sequence[Look]) -> list[Glance]:
        """What each of them sees, as of now. Raises ``Unavailable``."""
        known = [self._rows.get(each.order) for each in looks]
        given = (
            literal(each.order for each in looks),
            literal(f"\\x{each.token.hex()}" for each in looks),
            literal(each[0].status.version if each else 0 for each in known),
            literal(each[0].restated if each else 0 for each in known),
        )

        def ask() -> list[tuple[object, ...]]:
            with directly(self._engine) as connection:
                return connection.execute(_LOOK, given).fetchall()

        found: list[Glance | None] = [None] * len(looks)
        for place, tenant, held, version, status, *rest in again_once(ask):
            number = int(str(place)) - 1
            row = known[number] if version is not None else None
            if status is not None:
                row = _read(str(status), rest)
            if row is not None:
                self._keep(looks[number].order, row)
            order, notes = row or (None, {})
            found[number] = Glance(order, str(tenant or ""), str(held or ""), notes)
        return [each for each in found if each is not None]

    def _keep(self, order: uuid.UUID, row: tuple[OrderRow, Notes]) -> None:
        self._rows[order] = row
        self._rows.move_to_end(order)
        if len(self._rows) > _MOST:
            self._rows.popitem(last=False)


def _read(status: str, rest: Sequence[object]) -> tuple[OrderRow, Notes]:
    found = {"status": msgspec.json.decode(status, type=Status)}
    return msgspec.convert(found | dict(zip(_REST, rest, strict=True)), OrderRow), {}
