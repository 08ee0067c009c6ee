"""Plain Dramatiq over RabbitMQ: an actor that asks four times and inserts each answer; no checks, no resuming.

``place NUMBER`` or ``work``; settings from the environment. ``BENCH_STARTS``: write down when each order is taken up.
"""

import json
import os
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import dramatiq
import psycopg
from dramatiq.brokers.rabbitmq import RabbitmqBroker

QUEUE = "bench_dramatiq"
TEXT = json.dumps({"text": (Path(__file__).parent.parent / "section.md").read_text("utf-8")})
SECONDS = float(os.environ.get("BENCH_MODEL_SECONDS", "0"))
PAUSE = float(os.environ.get("BENCH_PAUSE", "0"))
STARTS = os.environ.get("BENCH_STARTS", "")

broker = RabbitmqBroker(url=os.environ["RABBITMQ_URL"], confirm_delivery=True)
dramatiq.set_broker(broker)
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


@dramatiq.actor(queue_name=QUEUE)
def write(order: str) -> None:
    """One order."""
    if STARTS:
        with Path(STARTS).open("a", encoding="utf-8") as file:
            file.write(f"{order} {time.time():.6f}\n")
    for section in range(4):
        database().execute(
            "insert into written (peer, order_id, section, body) values ('dramatiq', %s, %s, %s)",
            (order, section, model()),
        )


def place(number: int) -> None:
    """Commit each order, then tell the broker; print its id and when it was committed."""
    for _ in range(number):
        order = str(uuid.uuid4())
        database().execute("insert into placed (peer, order_id) values ('dramatiq', %s)", (order,))
        sys.stdout.write(f"{order} {time.time():.6f}\n")
        write.send(order)
        time.sleep(PAUSE)


def work() -> None:
    """Be a worker process until told to stop."""
    worker = dramatiq.Worker(broker, worker_threads=int(os.environ["WORKER_THREADS"]))
    worker.start()
    threading.Event().wait()


if __name__ == "__main__":
    place(int(sys.argv[2])) if sys.argv[1] == "place" else work()
