"""``ledgerpress vault``: which keys lock what customers and tenants gave us, and how an old one is dropped."""

from api.cli._answer import Answer, Rows
from api.cli._ending import FAILURE, OK
from api.cli._progress import progress
from api.cli._word import Word
from storage import rewrapping, stripe_secrets
from storage.opening import database, vault_of
from storage.settings import load, load_database
from storage.vault import Vault

word = Word("The keys behind VAULT_KEY: who hangs on which, and how an old one is dropped.")

_LACKS = (
    "put the missing keys back into VAULT_KEY, behind the new one; then: ledgerpress vault rewrap"
)


@word.verb("status")
def status() -> Answer:
    """Show how many customers and tenants hang on each key; a key's name tells nothing about it."""
    settings = load()
    with database(load_database()) as engine:
        vault = vault_of(settings, engine)
        customers = rewrapping.customers(engine)
        tenants = stripe_secrets.sealed_with(engine)
    names = [*dict.fromkeys([*vault.names, *customers, *tenants])]
    found = [
        {
            "key": name,
            "standing": _standing(name, vault),
            "customers": customers.get(name, 0),
            "tenants": tenants.get(name, 0),
        }
        for name in names
    ]
    missing = any(each["standing"] == "missing" for each in found)
    return Answer(
        data=found,
        shown=Rows(
            ("key", "standing", "customers", "tenants"), [[*each.values()] for each in found]
        ),
        code=FAILURE if missing else OK,
        next_=_LACKS if missing else "",
    )


@word.verb("rewrap")
def rewrap() -> Answer:
    """Wrap all keys with the first of VAULT_KEY, and seal tenants' secrets with it; an old one can then be dropped."""
    settings = load()
    with database(load_database()) as engine, progress("wrapping anew", lines=True) as told:
        done = rewrapping.rewrap(engine, vault_of(settings, engine), told)
        tenants = stripe_secrets.reseal(engine, settings)
    locked = sum(done.locked.values())
    lines = [
        f"{done.done} customers' keys are wrapped anew, {tenants} tenants' secrets sealed anew"
    ]
    lines += [f"{count} need the key {name}" for name, count in done.locked.items()]
    return Answer(
        data={"rewrapped": done.done, "resealed": tenants, "locked": done.locked},
        shown=lines,
        code=FAILURE if locked else OK,
        next_=_LACKS if locked else "",
    )


def _standing(name: str, vault: Vault) -> str:
    if not vault.knows(name):
        return "missing"
    return "first" if name == vault.first else "old"
