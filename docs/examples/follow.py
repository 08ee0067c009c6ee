# ruff: noqa: INP001, S310 - an example that stands alone, and asks only where it was told to
"""Follows what is recorded: an example of a program that is told of every event, and misses none.

usage: follow.py FILE    (RABBITMQ_URL, PUBLIC_URL and AUDITOR_TOKEN in the environment)

Appends a line for each event to FILE, in order, each once. Kill it, cut it off, let RabbitMQ lose its disk: it goes on
behind the last line in FILE. Needs pika, and otherwise only the standard library.
"""

import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

EXCHANGE, QUEUE = "ledgerpress.events", "example.follow"


class Follower:
    """Positions have no holes: one that is not the next says that something was missed, or has come before."""

    def __init__(self, file: Path) -> None:
        self.file = file.open("a+")
        self.file.seek(0)
        self.position = max((json.loads(line)["position"] for line in self.file), default=0)

    def take(self, event: dict[str, str]) -> None:
        """Take an announced event: once, and after all before it."""
        position = int(event["position"])
        if position > self.position + 1:
            self.catch_up()
        if position == self.position + 1:
            self.write(event)

    def catch_up(self) -> None:
        """Read what was missed from the log itself."""
        for event in after(self.position):
            self.write(event)

    def write(self, event: dict[str, str]) -> None:
        """Do whatever the event is for. Here: a line."""
        self.position = int(event["position"])
        line = {"position": self.position, "type": event["type"], "subject": event["subject"]}
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()


def after(position: int) -> Iterator[dict[str, str]]:
    """The events behind a position, from ``GET /v1/events``."""
    while True:
        request = urllib.request.Request(
            f"{os.environ['PUBLIC_URL']}/v1/events?after={position}&limit=500",
            headers={"Authorization": f"Bearer {os.environ['AUDITOR_TOKEN']}"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            events = json.load(answer)["data"]
        if not events:
            return
        yield from events
        position = int(events[-1]["position"])


def follow(follower: Follower) -> None:
    """Follow until the connection is lost."""
    parameters = pika.URLParameters(os.environ["RABBITMQ_URL"])
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.exchange_declare(EXCHANGE, "topic", durable=True)
        channel.queue_declare(QUEUE, durable=True)
        channel.queue_bind(QUEUE, EXCHANGE, "#")
        follower.catch_up()  # after the binding: what comes from now on waits in the queue
        for method, _, body in channel.consume(QUEUE):
            follower.take(json.loads(body))
            channel.basic_ack(method.delivery_tag)


def main(file: str) -> None:
    """Go on for ever: connect again whenever the connection is lost."""
    follower = Follower(Path(file))
    while True:
        try:
            follow(follower)
        except (AMQPError, AMQPConnectorException, HTTPException, OSError) as error:
            sys.stderr.write(f"again in a second: {type(error).__name__}\n")
            time.sleep(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
