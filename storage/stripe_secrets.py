"""The secrets with which Stripe signs what it sends for a tenant: sealed under VAULT_KEY, several at once."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable

import msgspec
from sqlalchemy import Engine, select, update

from events.errors import NotFound, Refused, Unavailable
from storage.database import again_once, connected, transaction
from storage.kept import Kept
from storage.settings import Settings
from storage.tables import tenants
from storage.tenants import DEFAULT
from storage.vault import Courier, key_of

_SECRET = re.compile(r"whsec_[\x21-\x7e]{2,250}")
_MOST = 10
# How long a payment waits for them to be read anew; the last ones read will do.
_PATIENCE = 0.5


class StripeSecrets:
    """Everybody's secrets, at most ``seconds`` old while Postgres answers, and the last that were read while not.

    The default tenant's are in the settings, and need no Postgres at all.
    """

    def __init__(self, engine: Engine, settings: Settings, *, seconds: float = 5.0) -> None:
        self._own = _shown(settings)
        self._courier = _courier(settings)
        self._kept = Kept(lambda: _read(engine), seconds=seconds, patience=_PATIENCE)

    def begin(self) -> None:
        """Have them read, so that every tenant is known should Postgres go away."""
        self._kept.begin()

    def close(self) -> None:
        """Wait a moment for a reading under way."""
        self._kept.close()

    def of(self, tenant: str) -> list[str]:
        """The tenant's secrets.

        Raises ``NotFound`` if there is no such tenant, ``Refused`` if VAULT_KEY does not open its secrets, and
        ``Unavailable`` if they are not known and cannot be read now.
        """
        if tenant == DEFAULT:
            return self._own
        known = self._kept.get()
        if tenant not in known:
            if self._kept.stale:  # it may have been added since
                raise Unavailable("Postgres cannot be reached", reason="database-away")
            message = f"there is no tenant {tenant!r}"
            raise NotFound(message, reason="unknown-tenant")
        return _opened(known[tenant], tenant, self._courier)


def fingerprints(engine: Engine, settings: Settings, tenant: str) -> list[str]:
    """What names each of a tenant's secrets without telling it, oldest first. Raises ``NotFound``, ``Refused``."""
    if tenant == DEFAULT:
        return [_fingerprint(each) for each in _shown(settings)]
    known = again_once(lambda: _read(engine))
    if tenant not in known:
        message = f"there is no tenant {tenant!r}"
        raise NotFound(message, reason="unknown-tenant")
    return [_fingerprint(each) for each in _opened(known[tenant], tenant, _courier(settings))]


def add(engine: Engine, settings: Settings, tenant: str, secret: str) -> None:
    """Let Stripe sign with ``secret``, too. Safe to repeat."""
    if not _SECRET.fullmatch(secret):
        raise Refused("a webhook's signing secret begins with whsec_", reason="bad-secret")
    _change(
        engine,
        settings,
        tenant,
        lambda known: known if secret in known else [*known, secret],
    )


def remove(engine: Engine, settings: Settings, tenant: str, fingerprint: str) -> None:
    """Let Stripe sign with it no longer. Raises ``NotFound`` if the tenant has none of that fingerprint."""

    def without(known: list[str]) -> list[str]:
        left = [each for each in known if _fingerprint(each) != fingerprint]
        if len(left) == len(known):
            message = f"{tenant} has no secret {fingerprint!r}"
            raise NotFound(message, reason="unknown-secret")
        return left

    _change(engine, settings, tenant, without)


def reseal(engine: Engine, settings: Settings) -> int:
    """Seal all tenants' secrets with the first key of VAULT_KEY; return how many tenants have some."""
    sealed = [tenant for tenant, each in again_once(lambda: _read(engine)).items() if each]
    for tenant in sealed:
        _change(engine, settings, tenant, lambda known: known)
    return len(sealed)


def sealed_with(engine: Engine) -> dict[str, int]:
    """How many tenants' secrets each key of VAULT_KEY has sealed, by its name."""
    sealed = [each for each in again_once(lambda: _read(engine)).values() if each]
    return dict(Counter(key_of(each) for each in sealed))


def _change(
    engine: Engine,
    settings: Settings,
    tenant: str,
    changed: Callable[[list[str]], list[str]],
) -> None:
    if tenant == DEFAULT:
        raise Refused(
            "the default tenant's secrets are STRIPE_WEBHOOK_SECRET in the settings",
            reason="in-settings",
        )
    courier = _courier(settings)
    theirs = tenants.c.tenant == tenant
    with transaction(engine) as connection:
        found = connection.execute(
            select(tenants.c.stripe_secrets).where(theirs).with_for_update()
        ).one_or_none()
        if found is None:
            message = f"there is no tenant {tenant!r}"
            raise NotFound(message, reason="unknown-tenant")
        after = changed(_opened(found.stripe_secrets, tenant, courier))
        if len(after) > _MOST:
            message = f"{_MOST} secrets at once are enough: remove those that are not used any more"
            raise Refused(message, reason="too-many-secrets")
        sealed = courier.seal(msgspec.json.encode(after), _place(tenant)) if after else None
        connection.execute(update(tenants).where(theirs).values(stripe_secrets=sealed))


def _read(engine: Engine) -> dict[str, bytes | None]:
    with connected(engine) as connection:
        rows = connection.execute(select(tenants.c.tenant, tenants.c.stripe_secrets)).all()
    return {row.tenant: row.stripe_secrets for row in rows}


def _opened(sealed: bytes | None, tenant: str, courier: Courier) -> list[str]:
    if sealed is None:
        return []
    return msgspec.json.decode(courier.open(bytes(sealed), _place(tenant)), type=list[str])


def _place(tenant: str) -> str:
    """Where they lie: secrets moved to another tenant's row do not open."""
    return f"stripe-secrets/{tenant}"


def _shown(settings: Settings) -> list[str]:
    return [each.get_secret_value() for each in settings.stripe_webhook_secret]


def _courier(settings: Settings) -> Courier:
    return Courier([key.get_secret_value() for key in settings.vault_key])


def _fingerprint(secret: str) -> str:
    return hashlib.sha256(b"ledgerpress stripe secret " + secret.encode()).hexdigest()[:16]
