"""Dead letters: what RabbitMQ's queues gave up on, kept as rows for as long as the log, until a person sees to them."""

import hashlib
import uuid
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from pika import BasicProperties
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError
from sqlalchemy import Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert

from events.errors import NotFound, Unavailable
from storage.database import again_once, connected
from storage.publisher import declare, parameters
from storage.settings import Settings
from storage.tables import dead_letters

# Names what a letter is by what it says, so that the same delivery is kept once.
_NAMESPACE = uuid.UUID("2b3f9f4e-0c63-5b6a-8a58-0d1b5a7a6c11")
_LONGEST_NAME = 200
_MOST_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that could not be worked on. ``size`` is in bytes; what it says is not shown: it may be sealed."""

    id: str
    queue: str
    correlation: str
    size: int
    kept_at: datetime


def keep(settings: Settings, engine: Engine, queues: Iterable[str]) -> int:
    """Take the dead letters out of RabbitMQ and into the table; return how many there were.

    A letter is acknowledged once its row is written: after a crash it comes again and is known. Raises ``Unavailable``.
    """
    kept = 0
    try:
        url = settings.rabbitmq_url.get_secret_value()
        with closing(BlockingConnection(parameters(url))) as connection:
            channel = connection.channel()
            for queue in queues:
                declare(channel, queue)
                while _take(channel, queue, engine):
                    kept += 1
    except (AMQPError, AMQPConnectorException, OSError) as error:
        raise Unavailable("RabbitMQ cannot be reached", reason="broker-away") from error
    return kept


def waiting(engine: Engine, most: int = _MOST_SHOWN) -> list[DeadLetter]:
    """Those that nobody has seen to, the latest first."""
    query = (
        select(dead_letters)
        .where(dead_letters.c.returned_at.is_(None))
        .order_by(dead_letters.c.kept_at.desc())
        .limit(most)
    )

    def ask() -> list[DeadLetter]:
        with connected(engine) as connection:
            return [
                DeadLetter(
                    id=str(row.id),
                    queue=row.queue,
                    correlation=row.correlation,
                    size=len(row.body),
                    kept_at=row.kept_at,
                )
                for row in connection.execute(query)
            ]

    return again_once(ask)


def put_back(settings: Settings, engine: Engine, letter: str) -> str:
    """Publish it to its queue again, confirmed, then mark it; return the queue's name.

    A crash in between publishes it twice: whoever takes it from the queue can tell. Raises ``NotFound`` for a letter
    that is not there or has been put back, and ``Unavailable``.
    """
    mine = (dead_letters.c.id == _identity(letter)) & dead_letters.c.returned_at.is_(None)
    with connected(engine) as connection:
        row = connection.execute(select(dead_letters).where(mine)).first()
    if row is None:
        raise NotFound("this letter is not there any more, or has been put back")
    try:
        url = settings.rabbitmq_url.get_secret_value()
        with closing(BlockingConnection(parameters(url))) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            declare(channel, row.queue)
            properties = BasicProperties(
                content_type="application/json",
                delivery_mode=2,
                message_id=row.message_id,
                correlation_id=row.correlation,
            )
            channel.basic_publish("", row.queue, row.body, properties, mandatory=True)
    except (AMQPError, AMQPConnectorException, OSError) as error:
        raise Unavailable("RabbitMQ cannot be reached", reason="broker-away") from error
    with connected(engine) as connection:
        connection.execute(
            update(dead_letters).where(mine).values(returned_at=func.clock_timestamp())
        )
    return str(row.queue)


def _take(channel: BlockingChannel, queue: str, engine: Engine) -> bool:
    method, properties, body = channel.basic_get(f"{queue}.XQ")
    if method is None:
        return False
    name = str(properties.message_id or "")[:_LONGEST_NAME]
    # One that was put back and failed again is another letter.
    times = sum(
        int(death.get("count", 1)) for death in (properties.headers or {}).get("x-death", ())
    )
    digest = hashlib.sha256(body).hexdigest()
    row = insert(dead_letters).values(
        id=uuid.uuid5(_NAMESPACE, f"{queue}/{name}/{digest}/{times}"),
        queue=queue,
        message_id=name,
        correlation=str(properties.correlation_id or "")[:_LONGEST_NAME],
        body=body,
    )
    with connected(engine) as connection:
        connection.execute(row.on_conflict_do_nothing())
    channel.basic_ack(method.delivery_tag)
    return True


def _identity(letter: str) -> uuid.UUID:
    try:
        return uuid.UUID(letter)
    except ValueError:
        raise NotFound("there is no such letter") from None
