"""``ledgerpress db``: the database's schema."""

from api.cli._answer import Answer
from api.cli._ending import FAILURE, OK
from api.cli._word import Word
from events.errors import Unavailable
from storage import schema
from storage.database import connect, connected
from storage.settings import load_database

word = Word("The database's schema.")


@word.verb("upgrade")
def upgrade() -> Answer:
    """Bring the database to the newest schema. Safe to run again, and from several places at once."""
    settings = load_database()
    url = settings.database_owner_url or settings.database_url
    revision = schema.upgrade(url.get_secret_value())
    return Answer(data={"revision": revision}, shown=[f"the schema is at {revision}"])


@word.verb("check")
def check() -> Answer:
    """Tell whether the database is at the newest schema; exit code 1 if it is not."""
    engine = connect(load_database().database_url.get_secret_value(), pool=1)
    reached, newest = None, schema.newest()
    try:
        with connected(engine) as connection:
            reached, newest = schema.current(connection)
    except Unavailable as error:
        if error.reason != "database-not-ready":  # it has never been upgraded
            raise
    behind = reached != newest
    return Answer(
        data={"revision": reached, "newest": newest},
        shown=[f"the schema is at {reached}, the newest is {newest}"],
        code=FAILURE if behind else OK,
        next_="ledgerpress db upgrade" if behind else "",
    )
