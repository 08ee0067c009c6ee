"""RabbitMQ's own figures for the queues, asked for as any client may: no management plugin is needed."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from pika.adapters.blocking_connection import BlockingConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, ChannelClosedByBroker

from events.errors import Unavailable
from storage.publisher import parameters
from storage.settings import Settings

_PATIENCE_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages are ready in a queue, and how many listen to it. What is being worked on is not counted."""

    ready: int
    listening: int


def depths(settings: Settings, names: Iterable[str]) -> dict[str, Depth | None]:
    """By queue; ``None`` for one that nobody has made yet. Makes nothing itself. Raises ``Unavailable``."""
    given = parameters(settings.rabbitmq_url.get_secret_value())
    given.socket_timeout = given.stack_timeout = _PATIENCE_SECONDS
    given.blocked_connection_timeout = _PATIENCE_SECONDS
    try:
        with closing(BlockingConnection(given)) as connection:
            return {name: _depth(connection, name) for name in names}
    except (AMQPError, AMQPConnectorException, OSError) as error:
        raise Unavailable("RabbitMQ cannot be reached", reason="broker-away") from error


def _depth(connection: BlockingConnection, name: str) -> Depth | None:
    channel = connection.channel()
    try:
        found = channel.queue_declare(name, passive=True).method
    except ChannelClosedByBroker:
        return None
    channel.close()
    return Depth(found.message_count, found.consumer_count)
