"""The proofs bite: with any one safeguard taken out, the simulation finds an order that suffers.

Half of them are taken out of the real code; what Postgres and RabbitMQ guard, out of the world's own. How the real ones
guard it shows ``tests/integration/test_safeguards.py``.
"""

import random
import uuid
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from msgspec import structs

from actors import posting, writing
from events.facts import MailIntended, SectionsAsked
from storage import record
from storage.event_log import Writing, Written
from tests.simulation.memory import Broker, Database
from tests.simulation.test_schedules import MOMENTS, after, complaints, silence
from tests.simulation.world import Moment

__all__ = ["silence"]

SCHEDULES = 3000
Mutation = Callable[[pytest.MonkeyPatch], None]


def no_fence(patch: pytest.MonkeyPatch) -> None:
    """The database takes events of an attempt that is over as if it were the latest."""
    write = Database.record

    def unfenced(database: Database, writing: Writing) -> Written:
        stream = database.streams.get(writing.stream)
        if stream and writing.fence is not None and not writing.take:
            writing = structs.replace(writing, fence=stream.fence)
        return write(database, writing)

    patch.setattr(Database, "record", unfenced)


def no_expected_version(patch: pytest.MonkeyPatch) -> None:
    """An intent is recorded whatever else happened to the order meanwhile."""
    write = Database.record

    def careless(database: Database, writing: Writing) -> Written:
        expected = writing.expected if writing.take else None
        return write(database, structs.replace(writing, expected=expected))

    patch.setattr(Database, "record", careless)


def events_without_names_of_their_own(patch: pytest.MonkeyPatch) -> None:
    """The same fact gets another id each time it is recorded."""
    patch.setattr(record, "event_id", lambda *_: uuid.uuid4())


def calls_before_their_intent(patch: pytest.MonkeyPatch) -> None:
    """The model is asked first, and what was asked is recorded with the answers."""
    write = writing.write

    def eager(*given: Any) -> Generator[Any]:
        held: list[Any] = []
        for facts in write(*given):
            held.append(facts)
            if not any(isinstance(fact, SectionsAsked) for fact in facts):
                yield from held
                held.clear()

    patch.setattr("actors.perform.write", eager)


def mails_before_their_intent(patch: pytest.MonkeyPatch) -> None:
    """The mail goes out first, and is recorded then."""
    send = posting.mail

    def eager(*given: Any, **named: Any) -> Generator[Any]:
        facts = list(send(*given, **named))
        assert isinstance(facts[0], MailIntended)
        yield from facts

    patch.setattr("actors.perform.mail", eager)


def a_new_name_for_every_mail(patch: pytest.MonkeyPatch) -> None:
    """A mail that is sent again is another mail."""
    patch.setattr(
        posting,
        "message_id",
        lambda order, mail, domain: f"<{order}.{mail}.{uuid.uuid4()}@{domain}>",
    )


def acknowledged_early(patch: pytest.MonkeyPatch) -> None:
    """A message is acknowledged as soon as it arrives."""
    deliver = Broker.deliver

    def gone(broker: Broker, channel: object) -> Any:
        message = deliver(broker, channel)
        if message:
            broker.settle(channel, message, seen_to=True)
        return message

    patch.setattr(Broker, "deliver", gone)


def no_outbox(patch: pytest.MonkeyPatch) -> None:
    """A message is published by whoever records its cause, or never: it is written down nowhere."""
    nudge = Database._nudge

    def unwritten(database: Database, values: Any) -> list[int]:
        fresh = nudge(database, values)
        database.outbox.clear()
        return fresh

    patch.setattr(Database, "_nudge", unwritten)


# True: the sweeper is about. What is forgotten it would find again, so these two are looked for without it.
TAKEN_OUT: dict[Mutation, bool] = {
    no_fence: True,
    no_expected_version: True,
    events_without_names_of_their_own: True,
    calls_before_their_intent: True,
    mails_before_their_intent: True,
    a_new_name_for_every_mail: True,
    acknowledged_early: False,
    no_outbox: False,
}


@pytest.mark.parametrize("mutation", TAKEN_OUT, ids=lambda each: each.__name__)
def test_a_safeguard_that_is_taken_out_is_missed(
    mutation: Mutation, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps = TAKEN_OUT[mutation]

    for schedule in schedules():
        with monkeypatch.context() as patch:
            mutation(patch)
            suffered = complaints(after("life_clarity", schedule, sweeps=sweeps))
        if suffered and not complaints(after("life_clarity", schedule, sweeps=sweeps)):
            return
    raise AssertionError(f"nobody misses it in {SCHEDULES} schedules")


def schedules() -> Iterator[list[Moment]]:
    """The same in every run."""
    for seed in range(SCHEDULES):
        yield random.Random(seed).choices(MOMENTS, k=60)
