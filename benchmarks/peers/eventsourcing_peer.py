"""pyeventsourcing's recorder, writing one event a call from a given moment on. Runs in the peers' environment."""

import os
import sys
import time
import uuid
from urllib.parse import unquote, urlsplit

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

WARM = 10


def say(text: str) -> None:
    """To whoever has started this."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """``table``; or SECONDS STATE, where the state is what every event holds: ``writer.py`` says how it goes."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    datastore = PostgresDatastore(
        dbname=parts.path[1:],
        host=parts.hostname or "127.0.0.1",
        port=str(parts.port or 5432),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
    recorder = PostgresApplicationRecorder(datastore, events_table_name="stored_events")
    if sys.argv[1] == "table":
        recorder.create_table()
        return 0
    seconds, state = float(sys.argv[1]), sys.argv[2].encode()
    stream = uuid.uuid4()

    def write(version: int) -> None:
        recorder.insert_events([StoredEvent(stream, version, "bench:SectionsAsked", state)])

    written = 0
    for written in range(1, WARM + 1):
        write(written)
    say("ready")
    for line in sys.stdin:
        start, before = float(line), written
        time.sleep(max(0.0, start - time.time()))
        while time.time() < start + seconds:
            written += 1
            write(written)
        say(str(written - before))
    datastore.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
