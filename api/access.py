"""Who is asking: the operator, the auditor, a tenant's program, or a customer with the token of their page."""

import hmac
import uuid
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.desk import Desk, OnDesk
from api.limits import count
from api.problems import Problem
from events.views import Word
from storage.api_keys import looks_like_key, tenant_of
from storage.glances import Look, Notes
from storage.orders import OrderRow
from storage.settings import Settings
from storage.vault import token_hash

_bearer = HTTPBearer(
    auto_error=False,
    description="A tenant's API key, the operator's or auditor's token, or that of a customer's page.",
)


CHALLENGE = {"WWW-Authenticate": 'Bearer realm="ledgerpress"'}


class Role(StrEnum):
    """What the token makes of whoever holds it."""

    OPERATOR = "operator"
    AUDITOR = "auditor"
    TENANT = "tenant"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Asker:
    """Someone with a token. Whether a customer's token opens anything is not known before the order is looked up.

    ``tenant`` is whose program it is, and empty for everybody else.
    """

    role: Role
    token: str
    tenant: str = ""

    @property
    def staff(self) -> bool:
        """Whether they may see every order."""
        return self.role in (Role.OPERATOR, Role.AUDITOR)

    @property
    def pays(self) -> bool:
        """Whether they may see what the orders they see have cost."""
        return self.role is not Role.CUSTOMER


def recognised(token: str, request: Request, desk: Desk) -> Asker:
    """Who this looks like, before anything is looked up: a tenant's program has no tenant yet.

    Raises the problem of a token that is missing, or asks too often.
    """
    if not token:
        raise Problem("credentials-missing", headers=CHALLENGE)
    if role := staff_role(token, desk.settings):
        return Asker(role, token)
    count_token(request, desk, token)
    return Asker(Role.TENANT if looks_like_key(token) else Role.CUSTOMER, token)


def count_token(request: Request, desk: Desk, token: str) -> None:
    """Count a request with this token. Raises the problem of one too many.

    By the token and not by the tenant: one program that runs wild stops no other one.
    """
    count(request, desk.asking, "requests", token_hash(token).hex())


def _asker(
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    desk: OnDesk,
    request: Request,
) -> Asker:
    asker = recognised(given.credentials if given else "", request, desk)
    if asker.role is not Role.TENANT:
        return asker
    tenant = tenant_of(desk.log.engine, asker.token)
    if tenant is None:
        raise Problem("credentials-unknown", headers=CHALLENGE)
    return replace(asker, tenant=tenant)


Asking = Annotated[Asker, Depends(_asker)]


async def _staff(asker: Asking) -> Asker:
    if not asker.staff:
        raise Problem("forbidden")
    return asker


Staff = Annotated[Asker, Depends(_staff)]


def _program(asker: Asking) -> Asker:
    if asker.role is Role.CUSTOMER:
        raise Problem("credentials-unknown", headers=CHALLENGE)
    if asker.role is not Role.TENANT:
        raise Problem("tenants-only")
    return asker


# A tenant's program, and nobody else.
Program = Annotated[Asker, Depends(_program)]


def _overseer(asker: Asking) -> Asker:
    if asker.role is Role.CUSTOMER:
        raise Problem("forbidden")
    return asker


# Whoever may see more than one order: a tenant's program those of its tenant, operators and auditors all of them.
Overseer = Annotated[Asker, Depends(_overseer)]


@dataclass(frozen=True, slots=True)
class Seen:
    """An order, and who looks at it. ``notes`` are what has been told of the row, with what it cost and without."""

    row: OrderRow
    asker: Asker
    notes: Notes = field(default_factory=dict)


async def look(order_id: str, token: str, request: Request, desk: Desk) -> Seen:
    """The order, if whoever has the token may see it. Whether it is foreign or missing, the same is done and said.

    One that has been erased is gone: a problem for everybody who may know of it.
    """
    asker = recognised(token, request, desk)
    try:
        order = uuid.UUID(order_id)
    except ValueError:
        order = _NO_ORDER
    glance = await desk.looking.at(Look(order, b"" if asker.staff else token_hash(token)))
    if asker.role is Role.TENANT:
        if not glance.tenant:
            raise Problem("credentials-unknown", headers=CHALLENGE)
        asker = replace(asker, tenant=glance.tenant)
    row = glance.row
    if row is None or not (
        asker.staff
        or row.status.tenant == asker.tenant
        or (glance.held and glance.held in (row.status.order, row.status.parent))
    ):
        raise Problem("order-not-found")
    return Seen(there(row), asker, glance.notes)


def there(row: OrderRow) -> OrderRow:
    """The order. Raises the problem of one that has been erased."""
    if row.status.word is Word.ERASED:
        raise Problem("erased")
    return row


_NO_ORDER = uuid.UUID(int=0)


async def _visible(
    order_id: str,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    request: Request,
    desk: OnDesk,
) -> Seen:
    return await look(order_id, given.credentials if given else "", request, desk)


Visible = Annotated[Seen, Depends(_visible)]


def own_tenant(asker: Asker, tenant: str) -> str:
    """Whose orders this is about: a program's own; for operators and auditors those of ``tenant`` (empty: all)."""
    if asker.role is Role.TENANT and tenant not in ("", asker.tenant):
        raise Problem("forbidden")
    return asker.tenant or tenant


def staff_role(token: str, settings: Settings) -> Role | None:
    """Whose token it is, the operator's or the auditor's, if it is one of them."""
    given = token_hash(token)
    for role in (Role.OPERATOR, Role.AUDITOR):
        known = staff_token(role, settings)
        if known and hmac.compare_digest(given, token_hash(known)):
            return role
    return None


def staff_token(role: Role, settings: Settings) -> str:
    """The token that makes whoever has it ``role``; empty if this installation has none."""
    known = {Role.OPERATOR: settings.operator_token, Role.AUDITOR: settings.auditor_token}.get(role)
    return known.get_secret_value() if known else ""
