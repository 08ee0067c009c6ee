"""Append plus reactions plus the status row, in one transaction; one log line for each event."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce
from typing import Any, NamedTuple

import msgspec
import psycopg
from sqlalchemy import Engine

from events.chain import Link
from events.codec import encode
from events.envelope import Cause, Recorded, event_id, kind_of
from events.errors import NotFound
from events.facts import AttemptStarted
from events.order import Order, evolve
from events.plan import Product, queue_of
from events.react import Nudge, react
from storage import event_log
from storage.database import again_once, directly, failed
from storage.event_log import Fact
from storage.history import (
    History,
    Unopened,
    caught_up,
    first_recorded,
    folded,
    linked,
    opened,
    stream_of,
    unopened,
)
from storage.leases import LEASE_SECONDS, SILENT_SECONDS, Lease
from storage.metering import meter
from storage.orders import columns
from storage.publisher import Letter, Publisher
from storage.telemetry import log
from storage.vault import Sealer, Vault, token_hash

RECORD = """
    select created, nudges from record(
        %(stream)s, %(expected)s, %(fence)s, %(ids)s::uuid[], %(types)s::text[], %(schemas)s::smallint[],
        %(data)s::text[], %(meta)s, %(row)s::json, %(nudges)s::json, %(release)s)
"""
_TAKE_UP = """
    select created, nudges from take_up(
        %(stream)s, %(expected)s, %(fence)s, %(tenant)s, %(holder)s, %(redelivered)s, %(seconds)s, %(silent)s,
        %(ids)s::uuid[], %(types)s::text[], %(schemas)s::smallint[], %(data)s::text[], %(meta)s, %(row)s::json,
        %(nudges)s::json, %(release)s)
"""


class _Written(NamedTuple):
    created: bool
    nudges: list[int]


class Log:
    """The log of orders: read one, or record what has become true of it."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        publisher: Publisher,
        *,
        catalogue: Mapping[str, Product],
        code: str,
    ) -> None:
        self.engine = engine
        self.vault = vault
        self.publisher = publisher
        self.catalogue = catalogue
        self.code = code

    def begin(self, order_id: str, subject: uuid.UUID) -> History:
        """The order as recorded so far, or an empty one whose personal data will be ``subject``'s."""
        # Nothing is recorded of an order before its customer has a key.
        if made := self.vault.made(subject):
            return History(Order(id=order_id), made)
        try:
            return self.read(order_id)
        except NotFound:
            return History(Order(id=order_id), self.vault.sealer(subject))

    def read(self, order_id: str) -> History:
        """The order. Raises ``NotFound`` if nothing was ever recorded of it."""
        return folded(order_id, self.unopened(order_id))

    def unopened(self, order_id: str) -> Unopened:
        """The order as it is stored, sealed. Raises ``NotFound`` if nothing was ever recorded of it."""
        return unopened(self.engine, self.vault, order_id)

    def links(self, order_id: str) -> list[Link]:
        """The order's events exactly as they are stored, oldest first, for whoever checks their hashes."""
        return self._links(order_id)[0]

    def recorded(self, order_id: str) -> list[Recorded]:
        """The order's events with all the log knows of them, oldest first."""
        links, sealer = self._links(order_id)
        return [event_log.recorded(each, opened(each, sealer)) for each in links]

    def recorded_at(self, order_id: str, kind: str) -> datetime | None:
        """When an event of that kind was recorded of the order, first; ``None`` if none was."""
        return first_recorded(self.engine, order_id, kind)

    def catch_up(self, history: History) -> History:
        """The same order with what has been recorded since."""
        return caught_up(self.engine, history)

    def record(
        self,
        history: History,
        events: Sequence[Any],
        cause: Cause,
        *,
        fence: int | None = None,
    ) -> History:
        """Record events that follow on ``history``; all or none, with what they set in motion.

        Safe to repeat: events that are there already stay as they are, and the history comes back caught up. Raises
        ``WrongExpectedVersion`` if the stream has moved on, ``Fenced`` if the attempt is no longer the latest, and
        ``Unavailable`` if Postgres cannot be reached, in which case nobody knows whether they were recorded.
        A fenced event that ends its attempt lets go of the order in the same transaction, so that the nudge it may
        leave behind finds the order free.
        """
        if not events:
            return replace(history, wrote=False)
        after, nudges, values = self._prepared(history, events, cause, fence)
        written = again_once(lambda: self._write(values))
        if not written.created:
            return self.catch_up(history)
        meter(after, events, self.catalogue)
        return self._told(history, after, values, written, nudges, cause)

    def take_up(
        self,
        history: History,
        events: Sequence[Any],
        cause: Cause,
        *,
        holder: str,
        redelivered: bool,
    ) -> tuple[History, Lease] | None:
        """Take the order for a new attempt and record its first events, in one statement.

        The first of ``events`` is ``attempt-started``: its number is the fencing token. Returns ``None`` if somebody
        has the order, it is no longer at ``history``'s version, or its tenant has its fill at work. ``holder`` names
        the delivery: when the broker delivers that very message again its holder's connection is gone, and if its
        heart has stopped beating too, the order is taken over without waiting for the lease's end. Not repeated by
        itself when Postgres is away: the lease may have been taken, and passes with the message.
        """
        started, *_ = events
        assert isinstance(started, AttemptStarted)
        assert history.order.placed is not None
        after, nudges, values = self._prepared(history, events, cause, started.number)
        values |= {
            "tenant": history.order.placed.tenant,
            "holder": holder,
            "redelivered": redelivered,
            "seconds": LEASE_SECONDS,
            "silent": SILENT_SECONDS,
        }
        written = self._take(values)
        if written is None:
            return None
        meter(after, events, self.catalogue)
        told = self._told(history, after, values, written, nudges, cause)
        return told, Lease(stream_of(after.id), started.number)

    def _links(self, order_id: str) -> tuple[list[Link], Sealer]:
        return linked(self.engine, self.vault, order_id)

    def _prepared(
        self, history: History, events: Sequence[Any], cause: Cause, fence: int | None
    ) -> tuple[Order, list[Nudge], dict[str, Any]]:
        """The order after ``events``, the nudges they call for, and what the database's functions are given."""
        after, nudges = self._consequences(history.order, events)
        stream = stream_of(after.id)
        facts = [self._fact(stream, each, history.sealer) for each in events]
        values = {
            "stream": stream,
            "expected": history.order.version,
            "fence": fence,
            **event_log.arrays(facts),
            "meta": event_log.metadata(cause, self.code),
            "row": self._row(after, history.sealer),
            "nudges": msgspec.json.encode([_outgoing(each) for each in nudges]).decode(),
            "release": fence is not None and not after.running,
        }
        return after, nudges, values

    def _told(  # noqa: PLR0917 - all that has just been written
        self,
        history: History,
        after: Order,
        values: Mapping[str, Any],
        written: "_Written",
        nudges: Sequence[Nudge],
        cause: Cause,
    ) -> History:
        """Log what has been written, and publish what is due at once."""
        for offset, name in enumerate(values["types"], start=1):
            log.info(
                name,
                order=after.id,
                version=history.order.version + offset,
                correlation=cause.correlation,
            )
        now = [each for each in nudges if each.due_at is None]
        self.publisher.publish(
            Letter(
                queue=queue_of(each.product),
                order=each.order,
                correlation=cause.correlation,
                trace=cause.trace,
                outbox_id=row,
            )
            for each, row in zip(now, written.nudges, strict=True)
        )
        return replace(history, order=after, wrote=True)

    def _write(self, values: Mapping[str, Any]) -> _Written:
        written = self._call(RECORD, values)
        assert written is not None
        return written

    def _take(self, values: Mapping[str, Any]) -> _Written | None:
        return self._call(_TAKE_UP, values)

    def _call(self, function: str, values: Mapping[str, Any]) -> _Written | None:
        lists = {name: event_log.literal(values[name]) for name in event_log.ARRAYS}
        try:
            with directly(self.engine) as connection:
                row = connection.execute(function, {**values, **lists}).fetchone()
            return _Written(*row) if row else None
        except psycopg.Error as error:
            if ours := failed(error, event_log.REFUSALS):
                raise ours from None
            raise

    def _consequences(self, order: Order, events: Sequence[Any]) -> tuple[Order, list[Nudge]]:
        nudges: list[Nudge] = []
        after = reduce(evolve, events, order)
        for each in events:
            nudges += react(after, each)
        # What we do not sell has no queue: such an order waits for a person.
        return after, [each for each in nudges if each.product in self.catalogue]

    def _fact(self, stream: str, event: Any, sealer: Sealer) -> Fact:
        kind = kind_of(event)
        identity = event_id(stream, event)
        data = encode(event, lambda plain: sealer.seal(plain, str(identity)))
        return Fact(id=identity, type=kind.name, schema=kind.schema, data=data)

    def _row(self, order: Order, sealer: Sealer) -> str:
        row = {
            **columns(order, self.catalogue),
            "token_hash": "\\x" + token_hash(sealer.token(order.id) or f"erased/{order.id}").hex(),
        }
        return msgspec.json.encode(row).decode()


def _outgoing(nudge: Nudge) -> dict[str, Any]:
    return {"order_id": nudge.order, "product": nudge.product, "due_at": nudge.due_at}
