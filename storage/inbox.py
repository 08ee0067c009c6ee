"""The inbox: where what Stripe says waits, durable and sealed, while Postgres is away."""

import base64
import itertools
import re
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing

import msgspec
from pika.adapters.blocking_connection import BlockingConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from events.errors import Refused, Unavailable
from storage.payments import Signed
from storage.publisher import Letter, Publisher, declare, parameters
from storage.settings import Settings
from storage.telemetry import log
from storage.vault import Courier, key_of

QUEUE = "inbox.stripe"
# How long RabbitMQ may take to confirm, twice: the first time the connection may turn out to have died.
_CONFIRM_SECONDS = 0.95
_TRIES = 2
_COME_BACK_SECONDS = 30.0
_PAUSE_SECONDS = 1.0
_LOOK_SECONDS = 0.5
# The header with which an AMQP 0-9-1 client opens, and how the answer begins: a method frame, connection.start.
_GREETING = b"AMQP\x00\x00\x09\x01"
_METHOD = b"\x01"
# What a key of VAULT_KEY is called. Whatever else stands there was not sealed by one of us.
_KEY = re.compile(r"[0-9a-f]{16}", re.ASCII)


class Inbox:
    """The way in."""

    def __init__(self, settings: Settings) -> None:
        self._courier = _courier(settings)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, threading.Event] = {}
        url = settings.rabbitmq_url.get_secret_value()
        self._publisher = Publisher(url, self._confirmed).start()

    def put(self, signed: Signed) -> None:
        """Leave it there; it is safe once this returns. Raises ``Unavailable`` if that takes more than 2 s."""
        number, confirmed = next(self._numbers), threading.Event()
        letter = Letter(
            queue=QUEUE,
            order="",
            correlation=signed.correlation,
            outbox_id=number,
            sealed=_message(msgspec.json.encode(signed), self._courier),
        )
        self._waiting[number] = confirmed
        try:
            for _ in range(_TRIES):
                self._publisher.publish([letter])
                if confirmed.wait(_CONFIRM_SECONDS):
                    return
        finally:
            del self._waiting[number]
        raise Unavailable(
            "neither Postgres nor RabbitMQ can take the payment",
            reason="inbox-away",
            retry_after=_COME_BACK_SECONDS,
        )

    def close(self) -> None:
        """End the publishing thread."""
        self._publisher.stop()

    def _confirmed(self, numbers: list[int]) -> None:
        for number in numbers:
            if waiting := self._waiting.get(number):
                waiting.set()


def answers(settings: Settings, seconds: float = 1.0) -> bool:
    """Whether RabbitMQ answers its greeting. Accepting a connection is not enough: a frozen host does that too."""
    given = parameters(settings.rabbitmq_url.get_secret_value())
    tls = given.ssl_options
    try:
        with ExitStack() as held:
            line = held.enter_context(socket.create_connection((given.host, given.port), seconds))
            if tls is not None:
                line = held.enter_context(
                    tls.context.wrap_socket(line, server_hostname=tls.server_hostname or given.host)
                )
            line.sendall(_GREETING)
            return line.recv(1) == _METHOD
    except OSError:
        return False


def empty(
    settings: Settings, see_to: Callable[[Signed], object], stopping: threading.Event
) -> None:
    """Hand over what lies in the inbox, one at a time, until ``stopping``.

    What ``see_to`` finds ``Unavailable`` is kept and offered again; it is acknowledged only afterwards, so that it may
    come again if this process dies. What cannot be recorded at all becomes a dead letter, for a person.
    """
    url, courier = settings.rabbitmq_url.get_secret_value(), _courier(settings)
    while not stopping.is_set():
        try:
            with closing(BlockingConnection(parameters(url))) as connection:
                _empty(connection, courier, see_to, stopping)
        except (AMQPError, AMQPConnectorException, OSError, AssertionError) as error:
            log.warning("the inbox cannot be reached", error=type(error).__name__)
            stopping.wait(_PAUSE_SECONDS)


def _empty(
    connection: BlockingConnection,
    courier: Courier,
    see_to: Callable[[Signed], object],
    stopping: threading.Event,
) -> None:
    channel = connection.channel()
    declare(channel, QUEUE)
    channel.basic_qos(prefetch_count=1)
    for method, _, body in channel.consume(QUEUE, inactivity_timeout=_LOOK_SECONDS):
        while method is not None and not stopping.is_set():
            try:
                see_to(_opened(body, courier))
            except Unavailable as error:
                log.warning("the inbox waits", reason=error.reason)
                connection.sleep(_PAUSE_SECONDS)  # the broker goes on hearing that we live
            except Exception as error:  # noqa: BLE001 - whatever it was, the others must not wait for it
                reason = getattr(error, "reason", type(error).__name__)
                log.error("dead letter: this cannot be recorded", queue=QUEUE, reason=reason)
                channel.basic_nack(method.delivery_tag, requeue=False)
                break
            else:
                channel.basic_ack(method.delivery_tag)
                break
        if stopping.is_set():
            return


def key_name(body: bytes) -> str | None:
    """The name of the key of VAULT_KEY with which this message was sealed; ``None`` if it is none of ours."""
    try:
        name = key_of(_sealed(body))
    except Refused:
        return None
    return name if _KEY.fullmatch(name) else None


def resealed(body: bytes, settings: Settings) -> bytes:
    """The same message, sealed with the first key of VAULT_KEY. Raises ``Refused`` if none of them opens it."""
    courier = _courier(settings)
    return _message(courier.open(_sealed(body), QUEUE), courier)


def _message(plain: bytes, courier: Courier) -> bytes:
    sealed = courier.seal(plain, QUEUE)
    return msgspec.json.encode(_Message(base64.b64encode(sealed).decode()))


def _opened(body: bytes, courier: Courier) -> Signed:
    return msgspec.json.decode(courier.open(_sealed(body), QUEUE), type=Signed)


def _sealed(body: bytes) -> bytes:
    try:
        return base64.b64decode(msgspec.json.decode(body, type=_Message).sealed, validate=True)
    except (msgspec.DecodeError, ValueError):
        raise Refused("this message is none of ours", reason="foreign-message") from None


def _courier(settings: Settings) -> Courier:
    return Courier([key.get_secret_value() for key in settings.vault_key])


class _Message(msgspec.Struct):
    sealed: str
