"""Gives committed events their place in the whole log; of any number of sealers one is at it at a time."""

from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from events.errors import Unavailable
from storage.database import connected

# A batch takes some tens of milliseconds, far from the limit on statements.
MOST = 1000

_SEAL = text("select count, reached from seal(:most)")


def seal(engine: Engine, most: int = MOST) -> int:
    """Seal at most ``most`` events; return how many: 0 also if somebody else is at it.

    One statement, all or nothing: who dies or freezes in it leaves nothing half done. Raises ``Unavailable`` if
    Postgres is away, or refuses: somebody has been at the tables, and a person must look.
    """
    try:
        with connected(engine) as connection:
            row = connection.execute(_SEAL, {"most": most}).one_or_none()
    except IntegrityError:
        message = "what waits to be sealed does not fit what is; run: ledgerpress audit verify"
        raise Unavailable(message, reason="not-sealable") from None
    return 0 if row is None else int(row[0])


def seal_all(engine: Engine) -> int:
    """Seal until nothing is left that can be; return how many."""
    total = 0
    while count := seal(engine):
        total += count
    return total
