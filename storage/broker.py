"""RabbitMQ for workers: Dramatiq's broker with deliveries that are settled only where they came from.

Three ways in which a message can be lost with Dramatiq as it comes are closed here: a late acknowledgement never
settles another delivery on a new channel, a failed actor's message goes back to its queue instead of away, and no
middleware may lose a message between the actor and the acknowledgement, because there is none of Dramatiq's.
"""

import time
import uuid
from contextlib import ExitStack
from typing import Any

import dramatiq
import msgspec
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.errors import ConnectionClosed
from pika.adapters.blocking_connection import BlockingConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from storage.metrics import HANDED_BACK
from storage.publisher import declare, parameters
from storage.telemetry import log, where


class HandedOn(Exception):
    """The order is not finished: its nudge goes back to its place in the queue, at once."""


# A message that could not be worked on goes back after this pause, so that it does not spin.
HAND_BACK_SECONDS = 1.0


class NudgeBroker(RabbitmqBroker):
    """Consumes nudges. Publishing is the publisher's business: this broker never enqueues."""

    def __init__(self, url: str) -> None:
        super().__init__(parameters=[], middleware=[HandBack()])
        self.parameters = parameters(url)

    @property
    def consumer_class(self) -> type["NudgeConsumer"]:
        """What consumes a queue."""
        return NudgeConsumer

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Know the queue. No delay queue is made: waiting happens in the outbox, where it can be seen."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)


class Nudged(MessageProxy):
    """A delivered nudge, bound to the consumer whose channel delivered it."""

    def __init__(self, message: dramatiq.Message[Any], consumer: "NudgeConsumer", tag: int) -> None:
        super().__init__(message)
        self.consumer = consumer
        self.tag = tag


class NudgeConsumer(Consumer):
    """One connection and one channel on one queue; everything it delivers is settled on it or not at all."""

    def __init__(self, broker: NudgeBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        self.queue_name = queue_name
        with ExitStack() as opened:
            try:
                self.connection = BlockingConnection(broker.parameters)
                opened.callback(self.close)
                self.channel = self.connection.channel()
                declare(self.channel, queue_name)
                self.channel.basic_qos(prefetch_count=prefetch)
                self._deliveries = self.channel.consume(
                    queue_name, inactivity_timeout=timeout / 1000
                )
            except (AMQPError, AMQPConnectorException, OSError) as error:
                raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]
            opened.pop_all()

    def __next__(self) -> Nudged | None:
        try:
            method, properties, body = next(self._deliveries)
        except (AMQPError, OSError, AssertionError) as error:
            raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]
        if method is None:
            return None
        try:
            order = str(uuid.UUID(msgspec.json.decode(body, type=_Body).order))
        except (msgspec.DecodeError, ValueError):
            log.error("dead letter: this message is not a nudge", queue=self.queue_name)
            self.channel.basic_nack(method.delivery_tag, requeue=False)
            return None
        identity = properties.message_id or str(uuid.uuid4())
        delivery = {
            "order": order,
            "correlation": properties.correlation_id or order,
            "id": identity,
            "redelivered": bool(method.redelivered),
        }
        message: dramatiq.Message[Any] = dramatiq.Message(
            queue_name=self.queue_name,
            actor_name=self.queue_name,
            args=(),
            kwargs=delivery,
            options={},
            message_id=identity,
        )
        return Nudged(message, self, method.delivery_tag)

    def ack(self, message: MessageProxy) -> None:
        """The nudge has been seen to."""
        self._settle(message, "basic_ack")

    def nack(self, message: MessageProxy) -> None:
        """Back to its queue: whatever went wrong, the nudge is not lost."""
        self._settle(message, "basic_nack")

    def requeue(self, messages: Any) -> None:
        """Nothing to do: the broker takes back what is unsettled when the connection closes."""

    def _settle(self, message: MessageProxy, how: str) -> None:
        assert isinstance(message, Nudged)
        if message.consumer is not self:
            return  # its channel is gone, and the broker has taken it back

        def settle() -> None:
            try:
                getattr(self.channel, how)(message.tag)
            except (AMQPError, OSError):
                log.warning("settling failed; the message will come again", queue=self.queue_name)

        try:
            self.connection.add_callback_threadsafe(settle)
        except (AMQPError, OSError):
            return  # the connection is gone, and the broker has taken it back

    def close(self) -> None:
        """Send what is still to be settled, then close the connection."""
        try:
            if self.connection.is_open:
                settled: list[bool] = []
                self.connection.add_callback_threadsafe(lambda: settled.append(True))
                while not settled:
                    self.connection.process_data_events(0)
                self.connection.close()
        except (AMQPError, OSError, AssertionError):
            return


class HandBack(dramatiq.Middleware):
    """An actor that raised has its message handed back, after a pause."""

    @property
    def actor_options(self) -> set[str]:
        """``throws``: what an actor raises on purpose, without a stack trace in the log."""
        return {"throws"}

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """Mark the message for ``nack`` if the actor could not see to it."""
        if isinstance(exception, HandedOn):
            message.fail()
        elif exception is not None:
            reason = getattr(exception, "reason", type(exception).__name__)
            HANDED_BACK.labels(reason).inc()
            log.warning("nudge handed back", reason=reason, **_told(message), **where(exception))
            time.sleep(HAND_BACK_SECONDS)
            message.fail()


def _told(message: MessageProxy) -> dict[str, str]:
    return {name: message.kwargs[name] for name in ("order", "correlation")}


class _Body(msgspec.Struct):
    order: str
