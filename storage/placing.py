"""Places the orders of tenants' programs: one for each key, however many ask for it at once."""

import uuid
from collections.abc import Mapping

from events.envelope import Cause
from events.errors import Conflict, Refused
from events.facts import OrderErased, OrderPlaced
from events.order import Order
from events.plan import Product
from events.request import Request, order_id, place, same
from storage.adding import add
from storage.orders import by_id
from storage.record import Log


class KeyReused(Conflict):
    """The key has ordered something else."""

    reason = "key-reused"


def known(log: Log, tenant: str, key: str, request: Request) -> str | None:
    """The order that this key has placed, if it has.

    Raises ``KeyReused`` if what it placed is not ``request``, ``Refused`` (erased) if nobody can tell any more.
    """
    name = order_id(tenant, key)
    if by_id(log.engine, name) is None:
        return None
    _check(log, name, request)
    return name


def order(
    request: Request,
    *,
    tenant: str,
    key: str,
    at: str,
    live: bool,
    catalogue: Mapping[str, Product],
    cause: Cause,
    log: Log,
) -> tuple[str, bool]:
    """Place it, in one transaction; return the order, and whether this call was the one that placed it.

    ``request`` is without faults. Safe to repeat, and to race: whoever comes second finds the order of the first.
    Raises ``KeyReused`` and ``Refused`` like ``known``, and ``Unavailable`` if Postgres is away: nobody knows then
    whether the order was placed, and asking again with the same key finds out.
    """
    name = order_id(tenant, key)
    product = catalogue[request.product]

    def wanted(so_far: Order) -> list[object]:
        return place(so_far, request, product=product, tenant=tenant, live=live, at=at)

    _, wrote = add(wanted, lambda: log.begin(name, uuid.UUID(name)), cause, log)
    if not wrote:
        _check(log, name, request)
    return name, wrote


def _check(log: Log, name: str, request: Request) -> None:
    # As it was placed, whatever a person has corrected since.
    first, *others = (each.event for each in log.recorded(name))
    assert isinstance(first, OrderPlaced)
    gone = log.vault.sealer(uuid.UUID(first.subject)).erased
    if gone or any(isinstance(each, OrderErased) for each in others):
        raise Refused("this customer's data has been erased", reason="erased")
    if not same(first, request):
        message = "this Idempotency-Key has placed an order for something else"
        raise KeyReused(message)
