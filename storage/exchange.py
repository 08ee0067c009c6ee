"""The exchange on which events are announced: every message is confirmed before the next is sent."""

import contextlib

import pika
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from events.announcement import CONTENT_TYPE, EXCHANGE
from events.errors import Unavailable
from storage.publisher import parameters


class Exchange:
    """Connects when something is to be published, and again after whatever went wrong. For one thread."""

    def __init__(self, url: str) -> None:
        self._parameters = parameters(url)
        self._connection: BlockingConnection | None = None
        self._channel: BlockingChannel | None = None

    def publish(self, key: str, body: bytes, message_id: str) -> None:
        """Return once RabbitMQ has it, durably for whatever durable queue is bound. Raises ``Unavailable``.

        After that nobody knows whether it was published.
        """
        try:
            self._open().basic_publish(
                exchange=EXCHANGE,
                routing_key=key,
                body=body,
                properties=pika.BasicProperties(
                    content_type=CONTENT_TYPE, delivery_mode=2, message_id=message_id
                ),
            )
        except (AMQPError, AMQPConnectorException, OSError):
            self.close()
            raise Unavailable("RabbitMQ cannot be reached", reason="broker-away") from None

    def keep_alive(self) -> None:
        """Answer the heartbeats; a connection that is lost is made anew when it is needed."""
        if self._connection is None:
            return
        try:
            self._connection.process_data_events()
        except (AMQPError, OSError):
            self.close()

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(AMQPError, OSError):
                connection.close()

    def _open(self) -> BlockingChannel:
        # A broker that has lost its disk, or whose exchange was deleted, closes the channel: then it is declared again.
        if self._channel is None:
            self._connection = BlockingConnection(self._parameters)
            channel = self._connection.channel()
            channel.confirm_delivery()
            channel.exchange_declare(EXCHANGE, "topic", durable=True)
            self._channel = channel
        return self._channel
