"""``ledgerpress vault``: which keys lock what customers, tenants and Stripe gave us, and how an old one is dropped."""

from collections import Counter

from api.cli._answer import Answer, Rows
from api.cli._ending import FAILURE, OK
from api.cli._progress import progress
from api.cli._word import Word
from storage import dead_letters, rewrapping, stripe_secrets
from storage.opening import database, vault_of
from storage.settings import load, load_database
from storage.vault import Vault

word = Word("The keys behind VAULT_KEY: who hangs on which, and how an old one is dropped.")

_LACKS = (
    "put the missing keys back into VAULT_KEY, behind the new one, then: ledgerpress vault rewrap;"
    " dead letters may also be discarded on the page /ops"
)


@word.verb("status")
def status() -> Answer:
    """Show how many customers, tenants and dead letters hang on each key; a key's name tells nothing about it."""
    settings = load()
    with database(load_database()) as engine:
        vault = vault_of(settings, engine)
        customers = rewrapping.customers(engine)
        tenants = stripe_secrets.sealed_with(engine)
        letters = dead_letters.sealed_with(engine)
    names = [*dict.fromkeys([*vault.names, *customers, *tenants, *letters])]
    found = [
        {
            "key": name,
            "standing": _standing(name, vault),
            "customers": customers.get(name, 0),
            "tenants": tenants.get(name, 0),
            "letters": letters.get(name, 0),
        }
        for name in names
    ]
    missing = any(each["standing"] == "missing" for each in found)
    return Answer(
        data=found,
        shown=Rows(
            ("key", "standing", "customers", "tenants", "letters"),
            [[*each.values()] for each in found],
        ),
        code=FAILURE if missing else OK,
        next_=_LACKS if missing else "",
    )


@word.verb("rewrap")
def rewrap() -> Answer:
    """Lock with the first key of VAULT_KEY all that an older one locks, so that that one can be dropped."""
    settings = load()
    with database(load_database()) as engine, progress("wrapping anew", lines=True) as told:
        vault = vault_of(settings, engine)
        done = rewrapping.rewrap(engine, vault, told)
        tenants = stripe_secrets.reseal(engine, settings)
        letters = dead_letters.reseal(engine, settings)
        left = dead_letters.sealed_with(engine)
    locked = Counter(done.locked)
    locked.update({name: count for name, count in left.items() if name != vault.first})
    renewed = f"{done.done} customers' keys are wrapped anew"
    lines = [f"{renewed}, {tenants} tenants' secrets and {letters} dead letters sealed anew"]
    lines += [f"{count} need the key {name}" for name, count in locked.items()]
    return Answer(
        data={
            "rewrapped": done.done,
            "resealed": tenants,
            "letters": letters,
            "locked": dict(locked),
        },
        shown=lines,
        code=FAILURE if locked else OK,
        next_=_LACKS if locked else "",
    )


def _standing(name: str, vault: Vault) -> str:
    if not vault.knows(name):
        return "missing"
    return "first" if name == vault.first else "old"
