"""Tenants: whose customers the orders are, and what they may use."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from events.errors import Conflict, NotFound, Refused
from storage.database import connected, rows
from storage.kept import Kept
from storage.tables import tenants

# The tenant of orders that come without one: the house itself.
DEFAULT = "default"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_LOWEST_PRIORITY = 9
# How long a change of limits may take to reach everyone.
SECONDS = 5.0
# What the columns hold: integers of 4 bytes, and budgets of 8.
_MOST = 2**31 - 1
_MOST_MONEY = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a tenant may use; ``None`` does not limit.

    ``at_work`` is how many orders are worked on at the same time, ``priority`` who goes first (0) and last (9).
    Requests and tokens are those of the model. Budgets are in millionths of a dollar. ``retention_days`` after an order
    was delivered or cancelled its customer is forgotten.
    """

    at_work: int | None = None
    priority: int = 5
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    order_budget: int | None = None
    month_budget: int | None = None
    retention_days: int | None = None


LIMITS = tuple(each.name for each in fields(Limits))
_UNLIMITED = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One of them."""

    tenant: str
    title: str
    limits: Limits
    created_at: datetime


class Tenants:
    """The limits as workers and routes see them: at most some seconds old, and there while Postgres is away."""

    def __init__(self, engine: Engine, *, seconds: float = SECONDS) -> None:
        self._kept = Kept(
            lambda: {each.tenant: each.limits for each in listed(engine)}, seconds=seconds
        )

    def close(self) -> None:
        """Wait a moment for a reading under way."""
        self._kept.close()

    def of(self, tenant: str) -> Limits:
        """The tenant's limits; none for a tenant nobody has heard of. Raises ``Unavailable`` if they cannot be read."""
        return self._kept.get().get(tenant, _UNLIMITED)

    def knows(self, tenant: str) -> bool:
        """Whether there is such a tenant. Raises ``Unavailable`` if that cannot be read."""
        return tenant in self._kept.get()

    @property
    def fairness_matters(self) -> bool:
        """Whether there is more than one tenant, or any limit at all. Raises ``Unavailable`` if it cannot be read."""
        known = self._kept.get()
        return len(known) > 1 or any(each != _UNLIMITED for each in known.values())


def add(engine: Engine, tenant: str, title: str, limits: Limits = _UNLIMITED) -> Tenant:
    """A new tenant. Raises ``Refused`` for an unusable name or limit, ``Conflict`` if there is one of that name."""
    if not _NAME.fullmatch(tenant):
        raise Refused(
            "a tenant's name is up to 63 of a-z, 0-9, _ and -, and begins with a letter or digit",
            reason="bad-name",
        )
    given = _checked(asdict(limits))
    values = {"tenant": tenant, "title": title.replace("\0", "").strip() or tenant, **given}
    with connected(engine) as connection:
        try:
            connection.execute(insert(tenants).values(values))
        except IntegrityError:
            message = f"there is a tenant {tenant} already"
            raise Conflict(message, reason="tenant-exists") from None
    return found(engine, tenant)


def change(engine: Engine, tenant: str, limits: Mapping[str, int | None]) -> Tenant:
    """Set the limits that are named, no others. Raises ``NotFound``, and ``Refused`` for an unusable limit."""
    if limits:
        renewed = update(tenants).where(tenants.c.tenant == tenant).values(_checked(limits))
        with connected(engine) as connection:
            connection.execute(renewed)
    return found(engine, tenant)


def found(engine: Engine, tenant: str) -> Tenant:
    """The tenant of that name. Raises ``NotFound``."""
    for each in listed(engine):
        if each.tenant == tenant:
            return each
    message = f"there is no tenant {tenant!r}"
    raise NotFound(message, reason="unknown-tenant")


def listed(engine: Engine) -> list[Tenant]:
    """All of them, by name."""
    query = select(
        tenants.c.tenant,
        tenants.c.title,
        tenants.c.created_at,
        *(tenants.c[name] for name in LIMITS),
    ).order_by(tenants.c.tenant)
    return [_tenant(row) for row in rows(engine, query)]


def _tenant(row: Row[Any]) -> Tenant:
    return Tenant(
        tenant=row.tenant,
        title=row.title,
        limits=Limits(**{name: getattr(row, name) for name in LIMITS}),
        created_at=row.created_at,
    )


def _checked(limits: Mapping[str, int | None]) -> dict[str, int | None]:
    for name, value in limits.items():
        if name == "priority":
            if value is None or not 0 <= value <= _LOWEST_PRIORITY:
                raise Refused("a priority is 0 (goes first) to 9", reason="bad-limit")
            continue
        most = _MOST_MONEY if name.endswith("_budget") else _MOST
        if name not in LIMITS or (value is not None and not 0 < value <= most):
            message = f"{name} is a whole number from 1 to {most}, or none"
            raise Refused(message, reason="bad-limit")
    return dict(limits)
