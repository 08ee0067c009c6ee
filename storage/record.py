"""Append plus reactions plus the status row, in one transaction; one log line for each event."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce
from typing import Any

import msgspec
from msgspec import structs
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
from storage.database import again_once
from storage.event_log import REFUSALS, Fact, Outgoing, Taking, Writing, Written
from storage.group_commit import GroupCommit
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
        self._commits = GroupCommit(engine)
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
        after, writing = self._prepared(history, events, cause, fence)
        written = again_once(lambda: self._write(writing))
        if refusal := REFUSALS.get(written.outcome):
            raise refusal(f"{writing.stream} is no longer as it was at version {writing.expected}")
        if not written.new:
            return self.catch_up(history)
        meter(after, events, self.catalogue)
        return self._told(history, after, writing, written, cause)

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
        has the order, it is no longer at ``history``'s version, or its tenant has its fill at work; nothing is recorded
        then. ``holder`` names the delivery: when the broker delivers that very message again its holder's connection is
        gone, and if its heart has stopped beating too, the order is taken over without waiting for the lease's end. Not
        repeated by itself when Postgres is away: the lease may have been taken, and passes with the message.
        """
        started, *_ = events
        assert isinstance(started, AttemptStarted)
        assert history.order.placed is not None
        after, writing = self._prepared(history, events, cause, started.number)
        take = Taking(
            tenant=history.order.placed.tenant,
            holder=holder,
            redelivered=redelivered,
            seconds=LEASE_SECONDS,
            silent=SILENT_SECONDS,
        )
        writing = structs.replace(writing, take=take)
        written = self._write(writing)
        if not written.new:
            return None
        meter(after, events, self.catalogue)
        told = self._told(history, after, writing, written, cause)
        return told, Lease(writing.stream, started.number)

    def _links(self, order_id: str) -> tuple[list[Link], Sealer]:
        return linked(self.engine, self.vault, order_id)

    def _prepared(
        self, history: History, events: Sequence[Any], cause: Cause, fence: int | None
    ) -> tuple[Order, Writing]:
        """The order after ``events``, and what is to be written."""
        after, nudges = self._consequences(history.order, events)
        stream = stream_of(after.id)
        writing = Writing(
            stream=stream,
            facts=[self._fact(stream, each, history.sealer) for each in events],
            meta=event_log.metadata(cause, self.code),
            expected=history.order.version,
            fence=fence,
            entry=self._entry(after, history.sealer),
            nudges=nudges,
            release=fence is not None and not after.running,
        )
        return after, writing

    def _told(
        self, history: History, after: Order, writing: Writing, written: Written, cause: Cause
    ) -> History:
        """Log what has been written, and publish what is due at once."""
        for offset, fact in enumerate(writing.facts, start=1):
            log.info(
                fact.type,
                order=after.id,
                version=history.order.version + offset,
                correlation=cause.correlation,
            )
        now = [each for each in writing.nudges if each.due_at is None]
        self.publisher.publish(
            Letter(
                queue=queue_of(each.product),
                order=each.order_id,
                correlation=cause.correlation,
                trace=cause.trace,
                outbox_id=row,
            )
            for each, row in zip(now, written.nudges, strict=True)
        )
        return replace(history, order=after, wrote=True)

    def _write(self, writing: Writing) -> Written:
        return self._commits.write(writing)

    def _consequences(self, order: Order, events: Sequence[Any]) -> tuple[Order, list[Outgoing]]:
        nudges: list[Nudge] = []
        after = reduce(evolve, events, order)
        for each in events:
            nudges += react(after, each)
        # What we do not sell has no queue: such an order waits for a person.
        return after, [
            Outgoing(order_id=each.order, product=each.product, due_at=each.due_at)
            for each in nudges
            if each.product in self.catalogue
        ]

    def _fact(self, stream: str, event: Any, sealer: Sealer) -> Fact:
        kind = kind_of(event)
        identity = event_id(stream, event)
        data = encode(event, lambda plain: sealer.seal(plain, str(identity)))
        return Fact(id=identity, type=kind.name, schema=kind.schema, data=data)

    def _entry(self, order: Order, sealer: Sealer) -> msgspec.Raw:
        row = {
            **columns(order, self.catalogue),
            "token_hash": "\\x" + token_hash(sealer.token(order.id) or f"erased/{order.id}").hex(),
        }
        return msgspec.Raw(msgspec.json.encode(row))
