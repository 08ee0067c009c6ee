"""Celery with RabbitMQ, set up so that a crash loses no section: late acknowledgement and a checkpoint for each.

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

import psycopg
from celery import Celery

QUEUE = "bench_celery"
TEXT = json.dumps({"text": (Path(__file__).parent.parent / "section.md").read_text("utf-8")})
SECONDS = float(os.environ.get("BENCH_MODEL_SECONDS", "0"))

app = Celery("bench", broker=os.environ["RABBITMQ_URL"].replace("%2F", "/"))
app.conf.update(
    task_default_queue=QUEUE,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
)
own = threading.local()


def database() -> Any:
    """This thread's connection, in autocommit."""
    if not hasattr(own, "connection"):
        own.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    return own.connection


def model() -> str:
    """The stand-in for a call: in the process, as it is for everyone compared."""
    if SECONDS:
        time.sleep(SECONDS)
    return TEXT


@app.task(name="write")
def write(order: str) -> None:
    """One order: whatever has no checkpoint yet."""
    found = database().execute(
        "select section from written where peer = 'celery' and order_id = %s", (order,)
    )
    done = {section for (section,) in found}
    for section in range(4):
        if section not in done:
            database().execute(
                "insert into written (peer, order_id, section, body) values ('celery', %s, %s, %s)",
                (order, section, model()),
            )


def place(number: int) -> None:
    """Commit each order, then tell the broker."""
    for _ in range(number):
        order = str(uuid.uuid4())
        database().execute("insert into placed (peer, order_id) values ('celery', %s)", (order,))
        write.delay(order)


def work() -> None:
    """Be a worker process with a pool of threads until told to stop."""
    threads = os.environ["WORKER_THREADS"]
    options = ["--pool", "threads", "--concurrency", threads, "--loglevel", "WARNING"]
    app.worker_main(["worker", *options, "--without-gossip", "--without-mingle"])


if __name__ == "__main__":
    place(int(sys.argv[2])) if sys.argv[1] == "place" else work()
