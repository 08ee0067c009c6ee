"""A process that writes events, one a statement: ``python -m benchmarks.log.writer house 4``.

It says ``ready`` when it has warmed up. For each moment that it then reads, it begins at that moment, and says how
many it has written in its time.
"""

import os
import sys
import time
import uuid

import psycopg

from benchmarks.log.ways import Write, bare, house

_WARM = 10


def main() -> int:
    """WAY, SECONDS, and the pause between two events; as fast as it goes without one."""
    way, seconds, pause = sys.argv[1], float(sys.argv[2]), float((*sys.argv, "0")[3])
    options = "-c search_path=ledgerpress"
    with psycopg.connect(
        os.environ["DATABASE_URL"], autocommit=True, options=options
    ) as connection:
        if way == "house":
            connection.execute("set role ledgerpress_app")
        write = {"bare": bare, "house": house}[way](connection, str(uuid.uuid4()))
        written = 0
        for written in range(1, _WARM + 1):
            write(written)
        _say("ready")
        for line in sys.stdin:
            count = _run(write, written, float(line), seconds, pause)
            written += count
            _say(str(count))
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _run(write: Write, written: int, start: float, seconds: float, pause: float) -> int:
    time.sleep(max(0.0, start - time.time()))
    count = 0
    while (now := time.time()) < start + seconds:
        if pause and (early := start + count * pause - now) > 0:
            time.sleep(early)
        write(written + count + 1)
        count += 1
    return count


if __name__ == "__main__":
    sys.exit(main())
