"""Dead letters: what RabbitMQ's queues gave up on, kept as rows; what they say goes once a person has seen to them."""

import uuid
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pika import BasicProperties
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError
from sqlalchemy import ColumnElement, Engine, Row, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert

from events.errors import NotFound, Refused, Unavailable
from storage.database import connected, rows
from storage.inbox import QUEUE as INBOX
from storage.inbox import key_name, resealed
from storage.publisher import declare, parameters
from storage.settings import Settings
from storage.tables import dead_letters

_LONGEST_NAME = 200
_RETURNED, _DISCARDED = "returned", "discarded"
_WAITING = dead_letters.c.settled_at.is_(None)
_PAYMENTS = select(dead_letters.c.id, dead_letters.c.body).where(
    _WAITING, dead_letters.c.queue == INBOX
)
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
    query = select(dead_letters).where(_WAITING).order_by(dead_letters.c.kept_at.desc())
    return [_letter(row) for row in rows(engine, query.limit(most))]


def found(engine: Engine, letter: str) -> DeadLetter:
    """The letter of that id. Raises ``NotFound`` if it is not there, or somebody has seen to it."""
    return _letter(_found(engine, _mine(letter)))


def put_back(settings: Settings, engine: Engine, letter: str) -> str:
    """Publish it to its queue again, confirmed, then settle it; return the queue's name.

    It is another message then: if nobody can work on it now either, it comes back as a letter of its own. A crash in
    between publishes it twice: whoever takes it from the queue can tell. Raises ``NotFound`` for a letter that is not
    there or that somebody has seen to, and ``Unavailable``.
    """
    mine = _mine(letter)
    row = _found(engine, mine)
    try:
        url = settings.rabbitmq_url.get_secret_value()
        with closing(BlockingConnection(parameters(url))) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            declare(channel, row.queue)
            properties = BasicProperties(
                content_type="application/json",
                delivery_mode=2,
                message_id=str(uuid.uuid4()),
                correlation_id=row.correlation,
            )
            channel.basic_publish("", row.queue, row.body, properties, mandatory=True)
    except (AMQPError, AMQPConnectorException, OSError) as error:
        raise Unavailable("RabbitMQ cannot be reached", reason="broker-away") from error
    _settle(engine, mine, _RETURNED)
    return str(row.queue)


def discard(engine: Engine, letter: str, reason: str) -> None:
    """Let nobody work on it any more, for that reason: what it said is gone, its row stays. Raises as ``put_back``."""
    if not _settle(engine, _mine(letter), _DISCARDED, reason):
        raise _gone()


def sealed_with(engine: Engine) -> dict[str, int]:
    """How many of the payments among those that wait each key of VAULT_KEY has sealed, by its name."""
    names = (key_name(bytes(row.body)) for row in rows(engine, _PAYMENTS))
    return dict(Counter(filter(None, names)))


def reseal(engine: Engine, settings: Settings) -> int:
    """Seal the payments among those that wait with the first key of VAULT_KEY; return how many.

    What none of its keys opens is left as it is.
    """
    done = 0
    for row in rows(engine, _PAYMENTS):
        try:
            body = resealed(bytes(row.body), settings)
        except Refused:
            continue
        mine = and_(dead_letters.c.id == row.id, _WAITING)
        with connected(engine) as connection:
            done += connection.execute(update(dead_letters).where(mine).values(body=body)).rowcount
    return done


def _take(channel: BlockingChannel, queue: str, engine: Engine) -> bool:
    method, properties, body = channel.basic_get(f"{queue}.XQ")
    if method is None:
        return False
    row = insert(dead_letters).values(
        id=uuid.uuid4(),
        queue=queue,
        message_id=str(properties.message_id or "")[:_LONGEST_NAME],
        correlation=str(properties.correlation_id or "")[:_LONGEST_NAME],
        body=body,
    )
    with connected(engine) as connection:
        connection.execute(row.on_conflict_do_nothing())
    channel.basic_ack(method.delivery_tag)
    return True


def _mine(letter: str) -> ColumnElement[bool]:
    """That letter, as long as nobody has seen to it."""
    return and_(dead_letters.c.id == _identity(letter), _WAITING)


def _found(engine: Engine, mine: ColumnElement[bool]) -> Row[Any]:
    for row in rows(engine, select(dead_letters).where(mine)):
        return row
    raise _gone()


def _gone() -> NotFound:
    return NotFound("this letter is not there any more, or somebody has seen to it")


def _settle(engine: Engine, mine: ColumnElement[bool], how: str, reason: str = "") -> bool:
    """Note that a person has seen to it, and how; return whether nobody had before."""
    now = func.clock_timestamp()
    values = {"settled_at": now, "settled": how, "reason": reason, "body": b""}
    with connected(engine) as connection:
        return bool(connection.execute(update(dead_letters).where(mine).values(values)).rowcount)


def _letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        id=str(row.id),
        queue=row.queue,
        correlation=row.correlation,
        size=len(row.body),
        kept_at=row.kept_at,
    )


def _identity(letter: str) -> uuid.UUID:
    try:
        return uuid.UUID(letter)
    except ValueError:
        raise NotFound("there is no such letter") from None
