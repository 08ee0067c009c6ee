"""Who is asking: the operator, the auditor, or a customer with the token of their page."""

import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.desk import Desk, OnDesk
from api.problems import Problem
from storage.orders import OrderRow, by_id, by_token
from storage.vault import token_hash

_bearer = HTTPBearer(
    auto_error=False,
    description="The operator's or the auditor's token, or the token of the customer's page.",
)


class Role(StrEnum):
    """What the token makes of whoever holds it."""

    OPERATOR = "operator"
    AUDITOR = "auditor"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Asker:
    """Someone with a token. Whether a customer's token opens anything is not known before the order is looked up."""

    role: Role
    token: str

    @property
    def staff(self) -> bool:
        """Whether they may see every order, and what it cost."""
        return self.role is not Role.CUSTOMER


async def _asker(
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)], desk: OnDesk
) -> Asker:
    if given is None or not given.credentials:
        raise Problem(
            "credentials-missing", headers={"WWW-Authenticate": 'Bearer realm="ledgerpress"'}
        )
    return Asker(_role(given.credentials, desk), given.credentials)


Asking = Annotated[Asker, Depends(_asker)]


async def _staff(asker: Asking) -> Asker:
    if not asker.staff:
        raise Problem("forbidden")
    return asker


Staff = Annotated[Asker, Depends(_staff)]


@dataclass(frozen=True, slots=True)
class Seen:
    """An order, and who looks at it."""

    row: OrderRow
    asker: Asker


def _visible(order_id: str, asker: Asking, desk: OnDesk) -> Seen:
    """The order, if the asker may see it. Whether it is foreign or missing, the same is done and said."""
    row = by_id(desk.log.engine, order_id)
    held = by_token(desk.log.engine, asker.token)
    if row is None or not (asker.staff or (held and _belongs(row, held))):
        raise Problem("order-not-found")
    return Seen(row, asker)


Visible = Annotated[Seen, Depends(_visible)]


def _belongs(row: OrderRow, held: OrderRow) -> bool:
    """The order itself, or a part of the bundle."""
    return held.status.order in (row.status.order, row.status.parent)


def _role(token: str, desk: Desk) -> Role:
    given = token_hash(token)
    for role, secret in (
        (Role.OPERATOR, desk.settings.operator_token),
        (Role.AUDITOR, desk.settings.auditor_token),
    ):
        known = secret.get_secret_value() if secret else ""
        if known and hmac.compare_digest(given, token_hash(known)):
            return role
    return Role.CUSTOMER
