"""Postgres and RabbitMQ as a simulation needs them: the rules of ``0001_log.sql`` and ``outbox.py``, in memory."""

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec

from actors.sweeping import _AGAIN_SECONDS, _IDLE_SECONDS
from events.chain import Link
from storage.event_log import Taking, Writing, Written
from storage.leases import LEASE_SECONDS
from storage.publisher import Letter

EPOCH = datetime(2026, 11, 21, tzinfo=UTC)
NEVER = float("-inf")
GRACE_SECONDS = 2.0
CONFIRM_SECONDS = 10.0
SWEEPER = "sweeper"


@dataclass(slots=True)
class Stream:
    """A row of ``streams`` with its events."""

    links: list[Link] = field(default_factory=list)
    fence: int = 0
    holder: str | None = None
    held_until: float = NEVER
    nudged_at: float = NEVER


@dataclass(slots=True)
class Nudge:
    """A row of ``outbox``."""

    order: str
    product: str
    correlation: str
    due_at: float
    written_at: float


class Database:
    """What one Postgres knows. ``now`` is its clock, in seconds since ``EPOCH``."""

    def __init__(self) -> None:
        self.now = 0.0
        self.streams: dict[str, Stream] = {}
        self.known: dict[uuid.UUID, Link] = {}
        self.rows: dict[str, Any] = {}
        self.outbox: dict[int, Nudge] = {}
        self._nudges = 0

    def record(self, writing: Writing) -> Written:
        """The function ``record`` for one stream: all or nothing."""
        stream = self.streams.setdefault(writing.stream, Stream())
        if refusal := self._refusal(stream, writing):
            return Written(refusal)
        if writing.take:
            assert writing.fence is not None
            stream.fence = writing.fence
            stream.holder = writing.take.holder
            stream.held_until = self.now + writing.take.seconds
        self._append(stream, writing)
        if writing.release:
            stream.held_until, stream.holder = NEVER, None
        row = msgspec.json.decode(writing.entry)
        self.rows[row["order_id"]] = SimpleNamespace(
            workable=row["workable"], product=row["product"], updated_at=self.now
        )
        return Written("new", self._nudge(writing))

    def _refusal(self, stream: Stream, writing: Writing) -> str:
        moved = writing.expected is not None and len(stream.links) != writing.expected
        if writing.take:
            assert writing.fence is not None
            behind = moved or stream.fence >= writing.fence
            return "held" if behind or not self._free(stream, writing.take) else ""
        if writing.fence is not None and stream.fence != writing.fence:
            return "fenced"
        known = [fact.id in self.known for fact in writing.facts]
        if all(known):
            return "known"
        return "moved" if moved or any(known) else ""

    def _free(self, stream: Stream, take: Taking) -> bool:
        """The function ``free``."""
        silent = stream.held_until < self.now + take.seconds - take.silent
        again = take.redelivered and stream.holder == take.holder and silent
        return stream.held_until < self.now or again

    def _append(self, stream: Stream, writing: Writing) -> None:
        for fact in writing.facts:
            link = Link(
                id=fact.id,
                stream=writing.stream,
                version=len(stream.links) + 1,
                type=fact.type,
                schema=fact.schema,
                recorded_at=EPOCH + timedelta(seconds=self.now),
                fence=writing.fence,
                data=fact.data,
                meta=writing.meta,
                previous=b"",
                hash=b"",
            )
            stream.links.append(link)
            self.known[fact.id] = link

    def _nudge(self, writing: Writing) -> list[int]:
        correlation = msgspec.json.decode(writing.meta)["correlation"]
        fresh: list[int] = []
        for each in writing.nudges:
            due = self.now
            if each.due_at:
                due = (each.due_at - EPOCH).total_seconds()
            self._nudges += 1
            self.outbox[self._nudges] = Nudge(
                each.order_id, each.product, correlation, due, self.now
            )
            if not each.due_at:
                fresh.append(self._nudges)
        return fresh

    def beat(self, leases: Iterable[tuple[str, int]]) -> None:
        """The function ``beat``."""
        for name, fence in leases:
            stream = self.streams[name]
            if stream.fence == fence and stream.held_until > NEVER:
                stream.held_until = self.now + LEASE_SECONDS

    def due(self) -> list[Letter]:
        """What the relay publishes."""
        found = {
            number: nudge
            for number, nudge in sorted(self.outbox.items())
            if nudge.due_at <= self.now and nudge.written_at < self.now - GRACE_SECONDS
        }
        for nudge in found.values():
            nudge.due_at = self.now + CONFIRM_SECONDS
        return [letter(number, nudge) for number, nudge in found.items()]

    def sweep(self) -> list[Letter]:
        """What the sweeper writes down and publishes."""
        told = {nudge.order for nudge in self.outbox.values()}
        letters = []
        for order, row in self.rows.items():
            stream = self.streams[f"order-{order}"]
            if (
                row.workable
                and order not in told
                and stream.held_until < self.now
                and (stream.held_until > NEVER or row.updated_at < self.now - _IDLE_SECONDS)
                and stream.nudged_at < self.now - _AGAIN_SECONDS
            ):
                stream.nudged_at = self.now
                self._nudges += 1
                nudge = Nudge(order, row.product, SWEEPER, self.now, self.now)
                self.outbox[self._nudges] = nudge
                letters.append(letter(self._nudges, nudge))
        return letters


def letter(number: int, nudge: Nudge) -> Letter:
    """The outbox row as it travels."""
    return Letter(
        queue=f"queue.{nudge.product}",
        order=nudge.order,
        correlation=nudge.correlation,
        outbox_id=number,
    )


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """A nudge in a queue, or delivered and not yet settled."""

    letter: Letter
    id: str
    redelivered: bool = False


class Broker:
    """One queue for all products, and what is delivered to whom."""

    def __init__(self) -> None:
        self.queue: list[Message] = []
        self.unsettled: list[tuple[object, Message]] = []
        self._published: Counter[int] = Counter()

    def publish(self, letter: Letter) -> None:
        """Take a letter. Each publication has an id of its own, the same in every run."""
        self._published[letter.outbox_id] += 1
        identity = f"{letter.outbox_id}.{self._published[letter.outbox_id]}"
        self.queue.append(Message(letter=letter, id=identity))

    def deliver(self, channel: object) -> Message | None:
        """The next message, held until it is settled on that very channel."""
        if not self.queue:
            return None
        message = self.queue.pop(0)
        self.unsettled.append((channel, message))
        return message

    def settle(self, channel: object, message: Message, *, seen_to: bool) -> None:
        """Acknowledged, or handed back; on another channel than its own, nothing."""
        mine = (channel, message)
        if mine in self.unsettled:
            self.unsettled.remove(mine)
            if not seen_to:
                message.redelivered = True
                self.queue.insert(0, message)

    def hang_up(self, channel: object) -> None:
        """The channel is gone: take back what it had."""
        for of, message in list(self.unsettled):
            if of is channel:
                self.settle(channel, message, seen_to=False)
