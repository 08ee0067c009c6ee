"""The keys by which a tenant's programs are known. Only their SHA-256 is kept."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from events.errors import NotFound, Refused
from storage.database import again_once, connected, rows
from storage.tables import api_keys
from storage.vault import token_hash

_RANDOM_BYTES = 32
_KEY = re.compile(r"lp_[a-z0-9][a-z0-9_-]{0,62}_[A-Za-z0-9_-]{43}")
_LONGEST_LABEL = 80
# How much of a key's hash names the key: enough that two never meet.
_NAME_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is known of a key. ``name`` is the beginning of its hash, and tells nothing about it."""

    name: str
    tenant: str
    label: str
    created_at: datetime
    revoked_at: datetime | None


def make(engine: Engine, tenant: str, label: str) -> tuple[str, ApiKey]:
    """A new key of 256 random bits, and what is known of it: nobody can tell the key again. Raises ``NotFound``.

    A tenant may have any number of keys at once, so that a new one can be handed out before the old one is revoked.
    """
    if not label.isprintable() or not 0 < len(label.strip()) <= _LONGEST_LABEL:
        message = f"a key's label is 1 to {_LONGEST_LABEL} printable characters"
        raise Refused(message, reason="bad-label")
    key = f"lp_{tenant}_{secrets.token_urlsafe(_RANDOM_BYTES)}"
    fresh = insert(api_keys).values(key_hash=token_hash(key), tenant=tenant, label=label.strip())
    with connected(engine) as connection:
        try:
            row = connection.execute(fresh.returning(*api_keys.c)).one()
        except IntegrityError:
            message = f"there is no tenant {tenant!r}"
            raise NotFound(message, reason="unknown-tenant") from None
    return key, _known(row)


def listed(engine: Engine, tenant: str | None = None) -> list[ApiKey]:
    """The keys of a tenant, or of all, oldest first; revoked ones too."""
    query = select(*api_keys.c).order_by(api_keys.c.tenant, api_keys.c.created_at)
    if tenant is not None:
        query = query.where(api_keys.c.tenant == tenant)
    return [_known(row) for row in rows(engine, query)]


def revoke(engine: Engine, tenant: str, name: str) -> ApiKey:
    """From now on the key opens nothing. Safe to repeat. Raises ``NotFound`` if the tenant has no key of that name."""
    for each in listed(engine, tenant):
        if each.name == name:
            break
    else:
        message = f"{tenant} has no key {name!r}"
        raise NotFound(message, reason="unknown-key")
    ours = func.substr(api_keys.c.key_hash, 1, _NAME_BYTES) == bytes.fromhex(name)
    ended = (
        update(api_keys)
        .where(api_keys.c.tenant == tenant, ours)
        .values(revoked_at=func.coalesce(api_keys.c.revoked_at, func.clock_timestamp()))
        .returning(*api_keys.c)
    )
    with connected(engine) as connection:
        return _known(connection.execute(ended).one())


def looks_like_key(token: str) -> bool:
    """Whether this could be a key, and no other kind of token."""
    return _KEY.fullmatch(token) is not None


def tenant_of(engine: Engine, key: str) -> str | None:
    """Whose key this is; ``None`` if it is none, or has been revoked. Always asked, so that revoking works at once."""
    if not looks_like_key(key):
        return None
    query = select(api_keys.c.tenant).where(
        api_keys.c.key_hash == token_hash(key), api_keys.c.revoked_at.is_(None)
    )

    def ask() -> str | None:
        with connected(engine) as connection:
            return connection.execute(query).scalar_one_or_none()

    return again_once(ask)


def _known(row: Row[Any]) -> ApiKey:
    return ApiKey(
        name=bytes(row.key_hash)[:_NAME_BYTES].hex(),
        tenant=row.tenant,
        label=row.label,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
