"""DBOS: a workflow of four steps on a queue; it checkpoints every step in Postgres by itself.

``place NUMBER`` or ``work``; settings from the environment.
"""

import json
import os
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSClient

QUEUE = "bench_dbos"
TEXT = json.dumps({"text": (Path(__file__).parent.parent / "section.md").read_text("utf-8")})
SECONDS = float(os.environ.get("BENCH_MODEL_SECONDS", "0"))
VERSION = "bench"


@DBOS.step()
def model() -> str:
    """The stand-in for a call: in the process, as it is for everyone compared."""
    if SECONDS:
        time.sleep(SECONDS)
    return TEXT


@DBOS.workflow()
def write(order: str) -> None:
    """Write one order."""
    assert order
    for _ in range(4):
        model()


def place(number: int) -> None:
    """Enqueue orders."""
    client = DBOSClient(system_database_url=os.environ["DATABASE_URL"])
    for _ in range(number):
        options: Any = {"queue_name": QUEUE, "workflow_name": "write", "app_version": VERSION}
        client.enqueue(options, str(uuid.uuid4()))


def work() -> None:
    """Be a worker process until told to stop. Looking every 10 ms instead of every second helps DBOS."""
    DBOS(
        config={
            "name": "bench",
            "system_database_url": os.environ["DATABASE_URL"],
            "application_version": VERSION,
            "max_executor_threads": int(os.environ["WORKER_THREADS"]),
            "log_level": "WARNING",
        }
    )
    DBOS.launch()
    DBOS.register_queue(QUEUE, polling_interval_sec=0.01)
    threading.Event().wait()


if __name__ == "__main__":
    place(int(sys.argv[2])) if sys.argv[1] == "place" else work()
