"""RabbitMQ: whether it is there, takes and confirms messages, and who listens to its queues."""

import base64
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import quote

from pika import BlockingConnection, URLParameters
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import (
    AMQPConnectionError,
    AMQPError,
    ChannelClosedByBroker,
    ConnectionBlockedTimeout,
    NackError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    UnroutableError,
)

from events.plan import MINUTE, Product
from storage.checks.settings import HERE
from storage.findings import Finding, attempt, away, failure, warning, well
from storage.inbox import QUEUE as INBOX
from storage.publisher import declare, parameters
from storage.settings import Settings

_OLDEST = (3, 10)
_PATIENCE = 4.0
_NOT_FOUND, _REFUSED, _OTHERWISE = 404, 403, 406
# What RabbitMQ gives a consumer to acknowledge, unless its configuration says otherwise.
_CONSUMER_TIMEOUT = 30 * MINUTE
_MANAGEMENT_PORT, _MANAGEMENT_TLS_PORT = 15672, 15671


def look(settings: Settings, catalogue: Mapping[str, Product]) -> Iterator[Finding]:
    """All of it."""
    url = settings.rabbitmq_url.get_secret_value()
    given = parameters(url)
    given.blocked_connection_timeout = _PATIENCE
    given.stack_timeout = _PATIENCE + 1
    yield from _account(given)
    yield _patience(catalogue)
    try:
        connection = BlockingConnection(given)
    except (AMQPError, AMQPConnectorException, OSError) as error:
        yield _unreachable(error)
        return
    yield well("rabbitmq.reachable", "answers, and takes the user")
    queues = {product.queue: name for name, product in catalogue.items()} | {INBOX: ""}
    try:
        yield _version(connection)
        yield from _confirming(connection)
        for queue, product in queues.items():
            yield from attempt(f"rabbitmq.{queue}", partial(_queue, connection, queue, product))
    finally:
        with suppress(AMQPError, OSError):
            connection.close()
    yield from attempt("rabbitmq.management", lambda: _management(given))


def _account(given: URLParameters) -> Iterator[Finding]:
    if given.credentials.username == "guest" and given.host not in HERE:
        yield warning(
            "rabbitmq.account",
            "the account is RabbitMQ's own 'guest'",
            why="everybody knows its password, and RabbitMQ lets it in from its own machine only",
            do="make a user that may configure, write and read, and delete 'guest'",
        )


def _patience(catalogue: Mapping[str, Product]) -> Finding:
    longest = max(product.pacing.hard_limit for product in catalogue.values())
    if longest >= _CONSUMER_TIMEOUT:
        slow = ", ".join(
            n for n, p in catalogue.items() if p.pacing.hard_limit >= _CONSUMER_TIMEOUT
        )
        return failure(
            "rabbitmq.consumer-timeout",
            f"{slow}: a leg may take longer than the {_CONSUMER_TIMEOUT / MINUTE:.0f} min"
            " after which RabbitMQ takes a message back",
            why="the order would be given to a second worker while the first is at work, again and again",
            do="shorten the product's leg and hard_limit: an order is handed on as often as it needs",
        )
    return well(
        "rabbitmq.consumer-timeout",
        f"the longest hard limit is {longest / MINUTE:.0f} min,"
        f" RabbitMQ's own default {_CONSUMER_TIMEOUT / MINUTE:.0f} min",
    )


def _unreachable(error: BaseException) -> Finding:
    why = "new orders are recorded and not begun; payments cannot wait here while Postgres is away"
    match error:
        case ProbableAuthenticationError():
            found, do = "it refuses the user or the password", "check RABBITMQ_URL; write @ as %40"
        case ProbableAccessDeniedError():
            found, do = (
                "the virtual host is not there, or not open to this user",
                ("rabbitmqctl add_vhost and set_permissions; '/' is written as %2F, or left out"),
            )
        case _:
            return away(
                "rabbitmq.reachable",
                "nobody answers there"
                if isinstance(error, AMQPConnectionError)
                else "it cannot be reached",
                why=why,
                do="check RABBITMQ_URL, and whether RabbitMQ runs and can be reached from here",
            )
    return failure("rabbitmq.reachable", found, why=why, do=do)


def _version(connection: BlockingConnection) -> Finding:
    told = getattr(connection, "_impl").server_properties  # noqa: B009 - pika shows it nowhere else
    version = str(told.get("version", ""))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < _OLDEST:
        return warning(
            "rabbitmq.version",
            f"{told.get('product', 'a broker')} {version or 'of unknown version'}",
            why="it was never tried with this",
            do="use RabbitMQ 3.10 or newer",
        )
    return well("rabbitmq.version", f"{told.get('product', 'RabbitMQ')} {version}")


def _confirming(connection: BlockingConnection) -> Iterator[Finding]:
    """Publish to a queue of our own, which goes with the connection."""
    blocked: list[object] = []
    connection.add_on_connection_blocked_callback(lambda _, frame: blocked.append(frame))
    began = time.monotonic()
    try:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.confirm_delivery()
        channel.basic_publish("", queue, b"{}", mandatory=True)
        channel.close()
    except ChannelClosedByBroker as error:
        yield failure(
            "rabbitmq.permissions",
            "the user may not configure, write and read"
            if error.reply_code == _REFUSED
            else f"it closed the channel with {error.reply_code}",
            why="queues cannot be made, or messages not published",
            do="rabbitmqctl set_permissions: '.*' '.*' '.*' for this user in this virtual host",
        )
    except (ConnectionBlockedTimeout, NackError, UnroutableError, AMQPError) as error:
        alarm = bool(blocked) or isinstance(error, ConnectionBlockedTimeout)
        yield away(
            "rabbitmq.confirms",
            "it takes nothing: memory or disk is short (an alarm)"
            if alarm
            else f"a message was not confirmed ({type(error).__name__})",
            why="nothing new is begun, and payments cannot wait here while Postgres is away",
            do="rabbitmq-diagnostics alarms; then make room",
        )
    else:
        milliseconds = 1000 * (time.monotonic() - began)
        yield well("rabbitmq.confirms", f"a message was confirmed within {milliseconds:.0f} ms")


def _queue(connection: BlockingConnection, name: str, product: str) -> Iterator[Finding]:
    check, whose = f"rabbitmq.{name}", f"worker {product}" if product else "keeper"
    try:
        ready, consumers = _counted(connection, name)
        dead, _ = _counted(connection, f"{name}.XQ")
    except ChannelClosedByBroker as error:
        if error.reply_code != _NOT_FOUND:
            raise
        yield warning(
            check,
            "the queue is not there",
            why="whoever needs it first makes it: nobody has yet",
            do=f"ledgerpress run {whose}",
        )
        return
    if (wrong := _otherwise(connection, name)) is not None:
        yield wrong
    elif consumers == 0:
        yield (failure if ready else warning)(
            check,
            f"nobody listens; {ready} messages wait",
            why="no such process runs"
            if product
            else "no keeper runs: what Stripe sent waits here",
            do=f"ledgerpress run {whose}",
        )
    else:
        yield well(check, f"{consumers} listen, {ready} messages wait")
    if dead:
        yield (warning if product else failure)(
            f"{check}.XQ",
            f"{dead} dead letters lie there",
            why="the keeper takes them away once a minute: if they stay, none does, and nobody sees them",
            do="ledgerpress run keeper; then see to them on the page /ops",
        )


def _counted(connection: BlockingConnection, name: str) -> tuple[int, int]:
    """Messages that are ready, and consumers. A queue that is not there closes the channel."""
    channel = connection.channel()
    found = channel.queue_declare(name, passive=True).method
    channel.close()
    return found.message_count, found.consumer_count


def _otherwise(connection: BlockingConnection, name: str) -> Finding | None:
    """Declare it as we would; it is there, so nothing is made. It may have been made otherwise by somebody else."""
    channel = connection.channel()
    try:
        declare(channel, name)
    except ChannelClosedByBroker as error:
        if error.reply_code != _OTHERWISE:
            raise
        return failure(
            f"rabbitmq.{name}",
            "the queue was made with other properties than ours: not durable, or without dead letters",
            why="our processes cannot use it, and its messages may not outlive a restart",
            do=f"stop what uses it and delete it: rabbitmqctl delete_queue {name}; the keeper sends again",
        )
    channel.close()
    return None


def _management(given: URLParameters) -> Iterator[Finding]:
    """What only the management API tells, where it is there."""
    tls = given.ssl_options is not None
    port = _MANAGEMENT_TLS_PORT if tls else _MANAGEMENT_PORT
    root = f"{'https' if tls else 'http'}://{given.host}:{port}/api"
    login = f"{given.credentials.username}:{given.credentials.password}".encode()
    headers = {"Authorization": "Basic " + base64.b64encode(login).decode()}

    def ask(path: str) -> Any:
        request = urllib.request.Request(root + path, headers=headers)  # noqa: S310 - http, as said above
        context = ssl.create_default_context() if tls else None
        with urllib.request.urlopen(request, timeout=2, context=context) as answer:  # noqa: S310
            return json.load(answer)

    try:
        queues = ask(f"/queues/{quote(given.virtual_host, safe='')}")
    except (OSError, ValueError):
        yield well("rabbitmq.management", f"no answer on port {port}: queue types stay unknown")
        return
    ours = [queue for queue in queues if queue["name"].startswith(("queue.", INBOX))]
    yield from _types(ours)
    for queue in ours:
        policy = queue.get("effective_policy_definition") or {}
        limit = policy.get("consumer-timeout", queue["arguments"].get("x-consumer-timeout"))
        if limit is not None and limit / 1000 < _CONSUMER_TIMEOUT:
            yield warning(
                "rabbitmq.policy",
                f"{queue['name']}: a message is taken back after {limit / 1000:.0f} s",
                why="a leg that takes longer is given to a second worker while the first is at work",
                do="set consumer-timeout to 30 minutes or more",
            )
        if "message-ttl" in policy or "max-length" in policy or "expires" in policy:
            yield warning(
                "rabbitmq.policy",
                f"{queue['name']}: a policy throws messages away",
                why="payments that wait in inbox.stripe would be lost",
                do="take message-ttl, max-length and expires out of the policy",
            )


def _types(queues: list[dict[str, Any]]) -> Iterator[Finding]:
    types = sorted({str(queue.get("type", "classic")) for queue in queues})
    if types == ["classic"]:
        yield well("rabbitmq.queue-type", "classic: right for one node; not replicated")
    elif types:
        yield well("rabbitmq.queue-type", ", ".join(types))
