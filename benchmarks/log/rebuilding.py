"""How fast all projections are folded afresh from a long log, beside Postgres telling the same events to nobody."""

import time
from typing import Any

import psycopg

from benchmarks.engine.ground import Ground
from benchmarks.figures import Figure, Report, times
from benchmarks.log.sizes import Sizes
from benchmarks.log.ways import META, SEALED
from benchmarks.machine import say
from events.codec import encode
from events.envelope import kind_of
from events.facts import (
    AttemptEnded,
    AttemptStarted,
    ChunkRendered,
    DocumentBound,
    MailIntended,
    MailSent,
    OrderDelivered,
    OrderPlaced,
    PaymentReceived,
    SectionsAsked,
    SectionWritten,
)
from events.money import Money, Tokens
from events.projections import PROJECTIONS
from storage import rebuilding
from storage.database import PROJECTOR_ROLE, connect
from storage.garbage import SELDOM, collect_seldom
from storage.projector import Projector

_SHARE = 0.3
# So many orders are made side by side, so that their events lie among each other.
_ABREAST = 16
_MAIL = "<report@bench.example>"
_FILL = """
    insert into streams (stream, version, head)
    select 'order-' || md5('stream ' || s)::uuid, %(each)s, '' from generate_series(%(first)s::int, %(last)s::int) s
"""
_EVENTS = """
    insert into events (stream, version, event_id, type, schema, data, meta, recorded_at, previous, hash)
    select 'order-' || md5('stream ' || s)::uuid, n, md5(s || '/' || n)::uuid, t, v, d::json, %(meta)s::json,
        clock_timestamp(), '', sha256(convert_to(s || '/' || n, 'UTF8'))
    from generate_series(%(first)s::int, %(last)s::int) s
    cross join unnest(%(types)s::text[], %(schemas)s::smallint[], %(data)s::text[]) with ordinality as e (t, v, d, n)
    order by s / %(abreast)s, n, s
"""
_SEAL = """
    insert into sealed (position, seq) select row_number() over (order by seq), seq from events;
    update tree set size = (select count(*) from events);
    vacuum analyze events, sealed;
"""


def measure(ground: Ground, sizes: Sizes, report: Report) -> None:
    """Fill; then by turns COPY the events away and fold all projections from them."""
    say(f"filling a log with {sizes.verified:,} events of delivered orders")
    number = _fill(ground.ask, sizes.verified)
    url = ground.environment["DATABASE_URL"]
    told, folded = [], []
    for turn in range(min(sizes.rounds, 3)):
        say(f"rebuilding, turn {turn + 1}")
        told.append(number / _telling(ground.ask))
        folded.append(number / _folding(url))
    name = f"all projections folded afresh from {number:,} events"
    ours = Figure(name=name, unit="events/s", runs=tuple(folded))
    floor = Figure(name="COPY events TO STDOUT", unit="events/s", runs=tuple(told))
    says = f"rebuilding all projections from {number:,} events at least {_SHARE} of COPY's speed"
    report.add(times(says, ours, floor, _SHARE, at_least=True))


def _fill(ask: psycopg.Connection[Any], number: int) -> int:
    """Stories of delivered orders, straight into the tables: what a projection reads is what append() would write."""
    events = [(kind_of(each), encode(each, lambda _: SEALED.encode())) for each in _story()]
    orders = max(1, number // len(events))
    values = {
        "first": 1,
        "last": orders,
        "each": len(events),
        "abreast": _ABREAST,
        "types": [kind.name for kind, _ in events],
        "schemas": [kind.schema for kind, _ in events],
        "data": [data for _, data in events],
        "meta": META % "bench",
    }
    ask.execute("set search_path = ledgerpress")
    ask.execute("set statement_timeout = 0")
    ask.execute(_FILL.encode(), values)
    ask.execute(_EVENTS.encode(), values)
    for statement in filter(None, map(str.strip, _SEAL.split(";"))):
        ask.execute(statement.encode())
    return orders * len(events)


def _story() -> list[Any]:
    sections = tuple(f"section-{n:03}" for n in range(1, 5))
    text = "It is the same nine times out of ten. " * 20
    written = [
        SectionWritten(
            section=name,
            attempt=1,
            model="gpt-4.1-mini",
            tokens=Tokens(800, 600),
            cost=1280,
            milliseconds=3100,
            text=text,
        )
        for name in sections
    ]
    chunks = [
        ChunkRendered(chunk=f"chunk-{number}", blob="ab" * 32, pages=2) for number in range(7)
    ]
    return [
        OrderPlaced(product="bench", tenant="bench", subject="s", at="2026-11-21T08:00:00+00:00"),
        PaymentReceived(amount=Money(4900, "usd")),
        AttemptStarted(number=1, worker="bench@worker-1:41"),
        SectionsAsked(attempt=1, sections=sections, model="gpt-4.1-mini", most=60_000),
        *written,
        *chunks,
        DocumentBound(
            blob="cd" * 32,
            filename="life-clarity.pdf",
            media_type="application/pdf",
            pages=16,
            size=180_000,
        ),
        MailIntended(mail="report", attempt=1, message_id=_MAIL),
        MailSent(mail="report", message_id=_MAIL),
        OrderDelivered(by="mail"),
        AttemptEnded(number=1, why="rest"),
    ]


def _telling(ask: psycopg.Connection[Any]) -> float:
    before = time.perf_counter()
    with ask.cursor().copy(b"copy events to stdout") as told:
        for _ in told:
            pass
    return time.perf_counter() - before


def _folding(url: str) -> float:
    engine = connect(url, role=PROJECTOR_ROLE, pool=2)
    collect_seldom(SELDOM)  # as the command does
    try:
        before = time.perf_counter()
        for _ in rebuilding.rebuild(Projector(engine), list(PROJECTIONS)):
            pass
        return time.perf_counter() - before
    finally:
        engine.dispose()
