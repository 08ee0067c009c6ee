"""``ledgerpress timer``: what the keepers do from time to time."""

from datetime import datetime

from api.cli._answer import Answer, Rows
from api.cli._ending import FAILURE, OK
from api.cli._word import Word
from storage import timers
from storage.opening import database
from storage.settings import load_database

word = Word("What the keepers do from time to time.")


@word.verb("list")
def show() -> Answer:
    """Show what is done, how it went last and when it is due next; exit code 1 if anything failed last."""
    with database(load_database()) as engine:
        found = timers.listed(engine)
    failed = [each for each in found if each.failures]
    head = ("timer", "began", "outcome", "next", "said")
    rows = [
        (
            each.name,
            _shown(each.began_at),
            "running" if each.running else each.outcome or "-",
            _shown(each.next_at),
            each.said,
        )
        for each in found
    ]
    return Answer(
        data=found,
        shown=Rows(head, rows),
        talk=f"{len(found)} timers, {len(failed)} failed last",
        code=FAILURE if failed else OK,
        next_=f"mend it, then: ledgerpress timer run {failed[0].name}" if failed else "",
    )


@word.verb("run")
def run(name: str) -> Answer:
    """Have a keeper run it at once."""
    with database(load_database()) as engine:
        timers.hasten(engine, name)
    return Answer(data={"timer": name}, shown=[f"{name} is due now"])


def _shown(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else "-"
