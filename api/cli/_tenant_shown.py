"""How tenants and their keys are shown on the command line."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from api.cli._answer import Rows
from storage.api_keys import ApiKey
from storage.tenants import Tenant

_MICRO = 1_000_000
_HEAD = (
    "tenant",
    "at work",
    "priority",
    "requests/min",
    "tokens/min",
    "order $",
    "month $",
    "kept days",
)


def table(tenants: Sequence[Tenant]) -> Rows:
    """The tenants, a line each."""
    return Rows(_HEAD, [_row(each) for each in tenants])


def as_data(tenant: Tenant) -> dict[str, Any]:
    """The tenant for programs."""
    return {
        "tenant": tenant.tenant,
        "title": tenant.title,
        **asdict(tenant.limits),
        "created_at": tenant.created_at.isoformat(),
    }


def _row(tenant: Tenant) -> Sequence[object]:
    limits = tenant.limits
    return (
        tenant.tenant,
        _shown(limits.at_work),
        limits.priority,
        _shown(limits.requests_per_minute),
        _shown(limits.tokens_per_minute),
        _shown_money(limits.order_budget),
        _shown_money(limits.month_budget),
        _shown(limits.retention_days),
    )


def _shown(limit: int | None) -> str:
    return "-" if limit is None else str(limit)


def _shown_money(micro: int | None) -> str:
    return "-" if micro is None else f"{Decimal(micro) / _MICRO:f}"


def key_data(known: ApiKey) -> dict[str, Any]:
    """The key for programs, which is not the key."""
    return {
        "name": known.name,
        "tenant": known.tenant,
        "label": known.label,
        "created_at": known.created_at.isoformat(),
        "revoked_at": known.revoked_at.isoformat() if known.revoked_at else None,
    }


def keys(known: Sequence[ApiKey]) -> Rows:
    """The keys, a line each."""
    rows = [
        (each.name, each.label, _at(each.created_at), _at(each.revoked_at) or "-") for each in known
    ]
    return Rows(("key", "label", "made", "revoked"), rows)


def _at(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else ""
