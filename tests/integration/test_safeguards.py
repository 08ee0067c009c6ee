"""What Postgres and RabbitMQ guard: without the safeguard the harm happens, with it it does not."""

import uuid
from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url

from events.envelope import Cause
from events.errors import Fenced, WrongExpectedVersion
from events.facts import MailIntended, PaymentRefunded, SectionsAsked
from events.money import Money
from storage.broker import NudgeBroker, NudgeConsumer, Nudged
from storage.database import connected
from storage.history import History
from storage.outbox import due
from storage.publisher import Letter, Publisher
from storage.record import Log
from storage.settings import Settings
from tests.examples import EXAMPLES, ORDER, SUBJECT, asked, paid, placed
from tests.taking import take_up

CAUSE = Cause(correlation="c-1", causation="m-1", actor="test")

both = pytest.mark.parametrize("guarded", [True, False], ids=["as it is", "taken out"])


@pytest.fixture
def superuser(database: str) -> Iterator[Connection]:
    engine = create_engine(
        make_url(database).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def refuse_no_more(superuser: Connection, check: str) -> None:
    """Let the functions of the schema find nothing wrong where they look for ``check``."""
    functions = superuser.execute(
        text(
            "select pg_get_functiondef(oid) from pg_proc"
            " where pronamespace = 'ledgerpress'::regnamespace and prokind = 'f'"
        )
    ).scalars()
    checked = [each for each in functions if check in each]
    assert checked
    for each in checked:
        superuser.exec_driver_sql(each.replace(check, "false").replace("%", "%%"))


def begun(log: Log) -> History:
    history = log.begin(ORDER, uuid.UUID(SUBJECT))
    return log.record(history, [placed(), paid()], CAUSE)


@both
def test_the_fence_keeps_a_worker_that_was_replaced_from_asking_the_model(
    *, guarded: bool, orders_log: Log, superuser: Connection
) -> None:
    if not guarded:
        refuse_no_more(superuser, "s.fence <> p_fence")
    begun(orders_log)
    zombie = take_up(orders_log, holder="m-1")
    superuser.exec_driver_sql("update ledgerpress.streams set held_until = '-infinity'")
    heir = take_up(orders_log, holder="m-2")
    assert zombie
    assert heir

    for lease in (heir, zombie):
        intent = asked("section-001", attempt=lease.fence)
        with suppress(Fenced):
            orders_log.record(orders_log.read(ORDER), [intent], CAUSE, fence=lease.fence)

    asking = [
        each.event.attempt
        for each in orders_log.recorded(ORDER)
        if isinstance(each.event, SectionsAsked)
    ]
    assert asking == ([heir.fence] if guarded else [heir.fence, zombie.fence])


@both
def test_the_expected_version_keeps_what_was_refunded_from_being_mailed(
    *, guarded: bool, orders_log: Log, superuser: Connection
) -> None:
    if not guarded:
        refuse_no_more(superuser, "s.version <> p_expected")
    begun(orders_log)
    lease = take_up(orders_log)
    assert lease
    seen = orders_log.read(ORDER)
    refund = PaymentRefunded(amount=Money(4900, "usd"), full=True)
    orders_log.record(orders_log.read(ORDER), [refund, EXAMPLES["order-cancelled"]], CAUSE)

    with suppress(WrongExpectedVersion):
        orders_log.record(seen, [EXAMPLES["mail-intended"]], CAUSE, fence=lease.fence)

    mailed = [isinstance(each.event, MailIntended) for each in orders_log.recorded(ORDER)]
    assert any(mailed) == (not guarded)


@both
def test_the_outbox_keeps_the_nudge_of_a_process_that_died_before_it_could_publish(
    *, guarded: bool, orders_log: Log, superuser: Connection
) -> None:
    if not guarded:
        superuser.exec_driver_sql("""
            create function ledgerpress.forget() returns trigger language plpgsql as $$
            begin
                delete from ledgerpress.outbox where id = new.id;
                return null;
            end $$;
            create trigger forgotten after insert on ledgerpress.outbox
                for each row execute function ledgerpress.forget();
        """)
    orders_log.publisher.stop()

    begun(orders_log)

    with connected(orders_log.engine) as connection:
        connection.execute(text("update outbox set written_at = written_at - interval '1 hour'"))
    assert [each.order for each in due(orders_log.engine)] == ([ORDER] if guarded else [])


class Hasty(NudgeConsumer):
    """Acknowledges what it is given before anybody has looked at it."""

    def __next__(self) -> Nudged | None:
        nudge = super().__next__()
        if nudge:
            self.ack(nudge)
        return nudge


@both
def test_the_late_acknowledgement_keeps_the_nudge_of_a_worker_that_died(
    *, guarded: bool, settings: Settings
) -> None:
    queue = f"test.{uuid.uuid4().hex}"
    url = settings.rabbitmq_url.get_secret_value()
    publisher = Publisher(url, lambda _: None).start()
    publisher.publish([Letter(queue=queue, order=ORDER, correlation="c-1", outbox_id=1)])
    publisher.stop(60)

    dying = (NudgeConsumer if guarded else Hasty)(
        NudgeBroker(url), queue, prefetch=1, timeout=60_000
    )
    assert next(dying)
    dying.close()  # as when its process ends: what is not settled goes back

    # What comes again is waited for; that nothing does can only be seen by waiting for a while.
    patience = 60_000 if guarded else 300
    heir = NudgeConsumer(NudgeBroker(url), queue, prefetch=1, timeout=patience)
    found = next(heir)
    for each in (queue, f"{queue}.XQ"):
        heir.channel.queue_delete(each)
    heir.close()
    assert (found.kwargs["order"] if found else None) == (ORDER if guarded else None)
