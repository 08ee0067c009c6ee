"""Confirmed publishing from one thread: the only way a message leaves this process."""

import contextlib
import queue
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec
import pika
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import UnroutableError

from storage.telemetry import log

_RECONNECT_SECONDS = 1.0
# How many unpublished messages are kept here; more wait in the outbox, for the relay.
_MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message on its way: ``body`` to ``queue``. ``outbox_id`` is its row there.

    ``trace`` is the traceparent that goes with it, if any. ``sealed`` travels in place of the order's id where there is
    no order yet.
    """

    queue: str
    order: str
    correlation: str
    trace: str = ""
    outbox_id: int
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sealed: bytes = b""

    @property
    def body(self) -> bytes:
        """What travels: the order's id, or what only we can read, and nothing else."""
        return self.sealed or msgspec.json.encode({"order": self.order})


def parameters(url: str) -> pika.URLParameters:
    """How we connect: no attempt hangs for more than seconds on a silent host."""
    found = pika.URLParameters(url)
    found.heartbeat = 10
    found.socket_timeout = 5
    found.stack_timeout = 8
    found.blocked_connection_timeout = 10
    found.connection_attempts = 1
    return found


def declare(channel: BlockingChannel, name: str) -> None:
    """Make sure the queue and its dead letters' queue exist."""
    channel.queue_declare(f"{name}.XQ", durable=True)
    channel.queue_declare(
        name,
        durable=True,
        arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": f"{name}.XQ"},
    )


class Publisher:
    """Publishes letters in the order given and tells which have been confirmed.

    ``publish`` never blocks and never fails: what is not confirmed stays in the outbox, and the relay publishes it.
    """

    def __init__(self, url: str, confirmed: Callable[[list[int]], None]) -> None:
        self._parameters = parameters(url)
        self._confirmed = confirmed
        self._letters: queue.Queue[Letter | None] = queue.Queue(_MOST_WAITING)
        self._stopping = threading.Event()
        self._connection: BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self._declared: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> "Publisher":
        """Start the thread; it connects when there is something to publish."""
        self._thread.start()
        return self

    def publish(self, letters: Iterable[Letter]) -> None:
        """Hand the letters to the thread, as far as it has room."""
        for letter in letters:
            try:
                self._letters.put_nowait(letter)
            except queue.Full:
                return

    def stop(self, seconds: float = 2.0) -> None:
        """Publish what is waiting, for at most ``seconds``, then end the thread."""
        try:
            self._letters.put(None, timeout=seconds)
        except queue.Full:
            self._stopping.set()
        self._thread.join(seconds)
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                letter = self._letters.get(timeout=1.0)
            except queue.Empty:
                self._keep_alive()
                continue
            if letter is None:
                break
            try:
                self._send(letter)
            except Exception as error:  # noqa: BLE001 - this thread outlives whatever happens to one letter
                log.warning("publishing failed", error=type(error).__name__)
                self._give_up()
        self._close()

    def _give_up(self) -> None:
        """Forget what is waiting: it is all in the outbox, and must not pile up here while the broker is away."""
        self._close()
        with contextlib.suppress(queue.Empty):
            while (letter := self._letters.get_nowait()) is not None:
                pass
            self._letters.put_nowait(letter)
        self._stopping.wait(_RECONNECT_SECONDS)

    def _send(self, letter: Letter) -> None:
        try:
            channel = self._open(letter.queue)
            channel.basic_publish(
                exchange="",
                routing_key=letter.queue,
                body=letter.body,
                properties=pika.BasicProperties(
                    content_type="application/json",
                    delivery_mode=2,
                    message_id=letter.message_id,
                    correlation_id=letter.correlation,
                    headers={"traceparent": letter.trace} if letter.trace else None,
                ),
                mandatory=True,
            )
        except UnroutableError:
            self._declared.discard(
                letter.queue
            )  # somebody deleted the queue; the relay tries again
        else:
            self._confirmed([letter.outbox_id])

    def _open(self, name: str) -> BlockingChannel:
        if self._channel is None:
            self._connection = BlockingConnection(self._parameters)
            channel = self._connection.channel()
            channel.confirm_delivery()
            self._channel = channel
        if name not in self._declared:
            declare(self._channel, name)
            self._declared.add(name)
        return self._channel

    def _keep_alive(self) -> None:
        if self._connection is None:
            return
        try:
            self._connection.process_data_events()
        except Exception:  # noqa: BLE001 - a lost connection is made anew when it is needed
            self._close()

    def _close(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        self._declared.clear()
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()
