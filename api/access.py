"""Who is asking: the operator, the auditor, a tenant's program, or a customer with the token of their page."""

import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.desk import Desk, OnDesk
from api.limits import count
from api.problems import Problem
from events.views import Word
from storage.api_keys import looks_like_key, tenant_of
from storage.orders import OrderRow, by_id, by_token
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


def _asker(
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    desk: OnDesk,
    request: Request,
) -> Asker:
    if given is None or not given.credentials:
        raise Problem("credentials-missing", headers=CHALLENGE)
    token = given.credentials
    if role := staff_role(token, desk.settings):
        return Asker(role, token)
    # By the token and not by the tenant: one program that runs wild stops no other one.
    count(request, desk.asking, "requests", token_hash(token).hex())
    if not looks_like_key(token):
        return Asker(Role.CUSTOMER, token)
    tenant = tenant_of(desk.log.engine, token)
    if tenant is None:
        raise Problem("credentials-unknown", headers=CHALLENGE)
    return Asker(Role.TENANT, token, tenant)


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
    """An order, and who looks at it."""

    row: OrderRow
    asker: Asker


def _visible(order_id: str, asker: Asking, desk: OnDesk) -> Seen:
    """The order, if the asker may see it. Whether it is foreign or missing, the same is done and said.

    One that has been erased is gone: a problem for everybody who may know of it.
    """
    row = by_id(desk.log.engine, order_id)
    if row is None or not _may_see(row, asker, desk):
        raise Problem("order-not-found")
    if row.status.word is Word.ERASED:
        raise Problem("erased")
    return Seen(row, asker)


def _may_see(row: OrderRow, asker: Asker, desk: Desk) -> bool:
    if asker.role is not Role.CUSTOMER:
        return asker.staff or row.status.tenant == asker.tenant
    held = by_token(desk.log.engine, asker.token)
    return held is not None and _belongs(row, held)


Visible = Annotated[Seen, Depends(_visible)]


def own_tenant(asker: Asker, tenant: str) -> str:
    """Whose orders this is about: a program's own; for operators and auditors those of ``tenant`` (empty: all)."""
    if asker.role is Role.TENANT and tenant not in ("", asker.tenant):
        raise Problem("forbidden")
    return asker.tenant or tenant


def _belongs(row: OrderRow, held: OrderRow) -> bool:
    """The order itself, or a part of the bundle."""
    return held.status.order in (row.status.order, row.status.parent)


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
