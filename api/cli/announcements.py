"""``ledgerpress announcements``: what other systems are told of."""

from typing import Annotated

import typer

from api.cli._answer import Answer, Rows
from api.cli._ending import FAILURE, OK
from api.cli._word import Word
from storage import announcer
from storage.opening import database
from storage.settings import load_database

word = Word("What other systems are told of.")


@word.verb("status")
def status() -> Answer:
    """Show how far events have been announced; exit code 1 if it cannot go on."""
    with database(load_database()) as engine:
        found = announcer.standing(engine)
    state = "another-log" if found.foreign else "live"
    return Answer(
        data={"state": state, "position": found.position, "behind": found.behind},
        shown=Rows(("state", "position", "behind"), [(state, found.position, found.behind)]),
        code=FAILURE if found.foreign else OK,
        next_="ledgerpress announcements again --after POSITION" if found.foreign else "",
    )


@word.verb("again")
def again(
    *,
    after: Annotated[
        int, typer.Option("--after", min=0, help="The position of the last event to leave out.")
    ],
) -> Answer:
    """Announce all events behind a position again, as after RabbitMQ has lost what its queues held."""
    with database(load_database()) as engine:
        announcer.announce_again(engine, after)
        found = announcer.standing(engine)
    return Answer(
        data={"after": after, "behind": found.behind},
        shown=[f"{found.behind} events behind position {after} are announced from now on"],
    )
