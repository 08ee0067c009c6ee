"""One good example of every event, to build histories from."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from events.envelope import NAMESPACE, Cause, Recorded, Unknown, all_kinds, kind_of
from events.facts import (
    AttemptEnded,
    AttemptFailed,
    AttemptStarted,
    AttentionNeeded,
    CallFailed,
    ChunkRendered,
    DisputeClosed,
    DisputeOpened,
    DocumentBound,
    MailFailed,
    MailIntended,
    MailSent,
    NoteMade,
    OrderCancelled,
    OrderCorrected,
    OrderDelivered,
    OrderErased,
    OrderPlaced,
    OrderRetried,
    PartFinished,
    PartHeld,
    PartResumed,
    PartsPlaced,
    PaymentReceived,
    PaymentRefunded,
    ResendAsked,
    SectionsAsked,
    SectionWritten,
)
from events.money import Money, Tokens
from events.order import Order, fold

ORDER = "0b4bd1a6-54f1-5cc4-9df1-6a3d9b9f3c11"
SUBJECT = "a6b2f3c0-3f0e-4a53-9a5e-2f8f1f7f4b10"
NINE = datetime(2026, 11, 21, 9, tzinfo=UTC)


def placed(product: str = "life_clarity", **changes: Any) -> OrderPlaced:
    values = {
        "product": product,
        "tenant": "default",
        "subject": SUBJECT,
        "at": "2026-11-21T08:00:00+00:00",
        "session": "cs_test_example",
        "intent": "pi_example",
        "price": Money(4900, "usd"),
        "email": "jenny.rosen@example.com",
        "fields": {"name": "Jenny Rosen", "birth_date": "1990-05-17"},
    }
    return OrderPlaced(**{**values, **changes})


def paid() -> PaymentReceived:
    return PaymentReceived(amount=Money(4900, "usd"))


def started(number: int = 1) -> AttemptStarted:
    return AttemptStarted(number=number, worker="life_clarity@example:1")


def asked(*sections: str, attempt: int = 1) -> SectionsAsked:
    most = 15_000 * len(sections)
    return SectionsAsked(attempt=attempt, sections=sections, model="gpt-4.1-mini", most=most)


def written(section: str, attempt: int = 1, **changes: Any) -> SectionWritten:
    values = {
        "section": section,
        "attempt": attempt,
        "model": "gpt-4.1-mini",
        "tokens": Tokens(800, 600),
        "cost": 1280,
        "milliseconds": 3100,
        "text": f"What there is to say about {section}.",
    }
    return SectionWritten(**{**values, **changes})


def rendered(chunk: str, pages: int = 1) -> ChunkRendered:
    return ChunkRendered(chunk=chunk, blob="ab" * 32, pages=pages, attempt=1, recipe="cd" * 32)


def bound(**changes: Any) -> DocumentBound:
    values = {
        "blob": "cd" * 32,
        "filename": "life-clarity.pdf",
        "media_type": "application/pdf",
        "pages": 11,
        "size": 123_456,
    }
    return DocumentBound(**{**values, **changes})


def failed(number: int = 1, **changes: Any) -> AttemptFailed:
    values = {
        "number": number,
        "reason": "model-away",
        "detail": "the connection to the model was lost",
        "retry_at": "2026-11-21T08:00:30+00:00",
    }
    return AttemptFailed(**{**values, **changes})


def order(*events: Any) -> Order:
    return fold(ORDER, events)


def recorded(*events: Any, causes: Mapping[int, str] | None = None) -> list[Recorded]:
    """The events as the log would give them back, one a minute from nine o'clock; by version, what caused them."""
    return [
        Recorded(
            event=event,
            id=uuid.uuid5(NAMESPACE, str(version)),
            stream=f"order-{ORDER}",
            version=version,
            type=event.name if isinstance(event, Unknown) else kind_of(event).name,
            schema=1,
            recorded_at=NINE + timedelta(minutes=version - 1),
            fence=None,
            cause=Cause(
                correlation="c", causation=(causes or {}).get(version, "m"), actor="worker"
            ),
            code="1",
            previous=bytes(32),
            hash=bytes(32),
        )
        for version, event in enumerate(events, start=1)
    ]


EXAMPLES: dict[str, Any] = {
    kind_of(example).name: example
    for example in (
        placed(),
        paid(),
        AttentionNeeded(reason="model-refusal", attempt=1, detail="It would not.", advice="Ask."),
        started(),
        failed(),
        AttemptEnded(number=1, why="leg"),
        asked("section-001", "section-002"),
        written("section-001"),
        rendered("cover"),
        bound(),
        PartsPlaced(parts={"life_clarity": ORDER}),
        PartFinished(product="life_clarity", order=ORDER, document=bound()),
        MailIntended(mail="report", attempt=1, message_id="<x.report@example.com>"),
        MailSent(mail="report", message_id="<x.report@example.com>"),
        OrderDelivered(by="mail"),
        OrderCancelled(reason="payment-failed"),
        OrderErased(by="customer", reason="Request 2027-12."),
        CallFailed(
            section="section-001",
            attempt=1,
            model="gpt-4.1-mini",
            reason="model-truncated",
            tokens=Tokens(800, 8000),
            cost=13_120,
        ),
        PartHeld(product="life_clarity", order=ORDER, number=1, reason="model-refusal"),
        PartResumed(product="life_clarity", number=1),
        MailFailed(
            mail="trouble", attempt=1, reason="mail-away", retry_at="2026-11-21T08:01:00+00:00"
        ),
        NoteMade(number=1, text="The customer wrote that the name was misspelt."),
        ResendAsked(number=1),
        OrderRetried(number=1, at="2026-11-21T09:00:00+00:00"),
        OrderCorrected(number=1, email="j.rosen@example.com", fields={"name": "Jenny Rosén"}),
        PaymentRefunded(amount=Money(2000, "usd"), full=False),
        DisputeOpened(dispute="du_example", amount=Money(4900, "usd"), reason="fraudulent"),
        DisputeClosed(dispute="du_example", outcome="won"),
    )
}

assert EXAMPLES.keys() == {kind.name for kind in all_kinds()}
