"""``ledgerpress tenant``: whose customers the orders are, what they may use, and how their programs are known."""

import sys
from contextlib import AbstractContextManager
from decimal import Decimal, InvalidOperation
from getpass import getpass
from typing import Annotated, Any

import typer

from api.cli._answer import Answer, Rows
from api.cli._ending import USAGE, Stopped
from api.cli._tenant_shown import as_data, key_data, keys, table
from api.cli._word import Word
from events.errors import Refused
from storage import api_keys, stripe_secrets, tenants
from storage.opening import database
from storage.settings import load, load_database

word = Word("Tenants: whose customers the orders are, what they may use, and their keys.")

_NONE = "none"
_MICRO = 1_000_000

Name = Annotated[str, typer.Argument(metavar="TENANT")]
AtWork = Annotated[str | None, typer.Option(help="Orders at work at the same time, or none.")]
Priority = Annotated[int | None, typer.Option(help="0 goes first, 9 last.", min=0, max=9)]
Requests = Annotated[str | None, typer.Option(help="Calls of the model a minute, or none.")]
Tokens = Annotated[str | None, typer.Option(help="Tokens of the model a minute, or none.")]
OrderBudget = Annotated[str | None, typer.Option(help="Dollars an order may cost, or none.")]
RetentionDays = Annotated[
    str | None, typer.Option(help="Days after which a customer is forgotten, or none.")
]
MonthBudget = Annotated[str | None, typer.Option(help="Dollars a month may cost, or none.")]


@word.verb("add")
def add(
    tenant: Name,
    title: Annotated[str, typer.Option(help="What people call it.")] = "",
) -> Answer:
    """Add a tenant, without limits; "tenant limit" sets some."""
    with _database() as engine:
        added = tenants.add(engine, tenant, title)
    talk = f"added; a key for its programs: ledgerpress tenant key {tenant} --new LABEL"
    return Answer(data=as_data(added), shown=table([added]), talk=talk)


@word.verb("list")
def show() -> Answer:
    """Show every tenant and what it may use."""
    with _database() as engine:
        found = tenants.listed(engine)
    return Answer(data=[as_data(each) for each in found], shown=table(found))


@word.verb("limit")
def limit(
    tenant: Name,
    *,
    at_work: AtWork = None,
    priority: Priority = None,
    requests_per_minute: Requests = None,
    tokens_per_minute: Tokens = None,
    order_budget: OrderBudget = None,
    month_budget: MonthBudget = None,
    retention_days: RetentionDays = None,
) -> Answer:
    """Set what a tenant may use; what is not named stays as it is, "none" lifts a limit."""
    changes: dict[str, int | None] = {}
    for name, given in (
        ("at_work", at_work),
        ("requests_per_minute", requests_per_minute),
        ("tokens_per_minute", tokens_per_minute),
        ("retention_days", retention_days),
    ):
        if given is not None:
            changes[name] = _whole(name, given)
    for name, given in (("order_budget", order_budget), ("month_budget", month_budget)):
        if given is not None:
            changes[name] = _dollars(name, given)
    if priority is not None:
        changes["priority"] = priority
    with _database() as engine:
        changed = tenants.change(engine, tenant, changes)
    return Answer(
        data=as_data(changed),
        shown=table([changed]),
        talk="in force everywhere within some seconds" if changes else "",
    )


@word.verb("key")
def key(
    tenant: Name,
    *,
    new: Annotated[
        str | None, typer.Option(metavar="LABEL", help="Make a key, and say what it is for.")
    ] = None,
    revoke: Annotated[
        str | None, typer.Option(metavar="NAME", help="Revoke the key of that name, at once.")
    ] = None,
) -> Answer:
    """List a tenant's API keys, make one (it is shown once) or revoke one."""
    _at_most_one(new, revoke)
    with _database() as engine:
        tenants.found(engine, tenant)
        if new is not None:
            made, known = api_keys.make(engine, tenant, new)
            return Answer(
                data={"key": made, **key_data(known)},
                shown=[made],
                talk=f"this is key {known.name}; it is shown now and never again",
            )
        if revoke is not None:
            known = api_keys.revoke(engine, tenant, revoke)
            return Answer(data=key_data(known), shown=keys([known]), talk="revoked")
        found = api_keys.listed(engine, tenant)
    return Answer(data=[key_data(each) for each in found], shown=keys(found))


@word.verb("secret")
def secret(
    tenant: Name,
    *,
    add: Annotated[
        bool, typer.Option("--add", help="Add the secret on stdin (whsec_...).")
    ] = False,
    remove: Annotated[
        str | None, typer.Option(metavar="NAME", help="Remove the secret of that name.")
    ] = None,
) -> Answer:
    """List, add or remove the secrets with which Stripe signs for a tenant; none is ever shown."""
    _at_most_one(add or None, remove)
    settings = load()
    with _database() as engine:
        tenants.found(engine, tenant)
        if add:
            given = getpass("signing secret: ") if sys.stdin.isatty() else sys.stdin.readline()
            stripe_secrets.add(engine, settings, tenant, given.strip())
        if remove is not None:
            stripe_secrets.remove(engine, settings, tenant, remove)
        found = stripe_secrets.fingerprints(engine, settings, tenant)
    data = [{"secret": each} for each in found]
    webhook = f"{settings.public_url.rstrip('/')}/webhooks/stripe/{tenant}"
    return Answer(
        data=data,
        shown=Rows(("secret",), [(each,) for each in found]),
        talk=f"have Stripe send to {webhook}",
    )


def _database() -> AbstractContextManager[Any]:
    return database(load_database())


def _at_most_one(*given: object) -> None:
    if sum(each is not None for each in given) > 1:
        message = "one at a time"
        raise Stopped(USAGE, message, next_="ledgerpress tenant --help", reason="usage")


def _whole(name: str, given: str) -> int | None:
    if given == _NONE:
        return None
    try:
        return int(given)
    except ValueError:
        message = f"{name} is a whole number, or none"
        raise Refused(message, reason="bad-limit") from None


def _dollars(name: str, given: str) -> int | None:
    if given == _NONE:
        return None
    try:
        micro = Decimal(given) * _MICRO
        whole = int(micro)
    except (InvalidOperation, ValueError, OverflowError):
        micro, whole = Decimal(1), 0
    if micro != whole:
        message = f"{name} is an amount in dollars, like 250 or 0.5, or none"
        raise Refused(message, reason="bad-limit")
    return whole
