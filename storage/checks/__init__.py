"""Looks at what the house stands on and names the traps: one module for each part, gathered by ``everything``."""

from collections.abc import Mapping

from events.plan import Product
from storage.checks import blobs, machine, postgres, rabbitmq, readers, settings, stripe, work
from storage.findings import Check
from storage.settings import Salvaged


def everything(salvaged: Salvaged, catalogue: Mapping[str, Product]) -> list[Check]:
    """All checks of this floor."""
    given = salvaged.settings
    return [
        Check("settings", lambda: settings.look(salvaged)),
        Check("postgres", lambda: postgres.look(given, catalogue), needs=["DATABASE_URL"]),
        Check("readers", lambda: readers.look(given), needs=["DATABASE_URL"]),
        Check("work", lambda: work.look(given), needs=["DATABASE_URL", "VAULT_KEY"]),
        Check(
            "rabbitmq",
            lambda: rabbitmq.look(given, catalogue),
            needs=["RABBITMQ_URL"],
            seconds=25,
        ),
        Check("blobs", lambda: blobs.look(given), needs=["BLOB_URL"]),
        Check("blobs.shared", lambda: blobs.look_shared(given), needs=["BLOB_URL", "DATABASE_URL"]),
        Check("stripe", lambda: stripe.look(given), needs=["STRIPE_API_KEY"], seconds=30),
        Check("machine", machine.look),
        Check("public-url", lambda: machine.look_from_outside(given), needs=["PUBLIC_URL"]),
    ]
