"""What it costs to know how an order stands: reading and folding all that was recorded of it."""

import time
import uuid
from collections.abc import Callable
from pathlib import Path

from benchmarks.engine.ground import Ground
from benchmarks.figures import Figure, Report, at_most
from benchmarks.log.sizes import Sizes
from events.codec import decode_public
from events.envelope import Cause
from events.facts import (
    AttemptStarted,
    ChunkRendered,
    OrderPlaced,
    PaymentReceived,
    SectionsAsked,
    SectionWritten,
)
from events.money import Money, Tokens
from events.order import Order, fold
from events.products.personal_horoscope import PRODUCT
from storage.garbage import collect_seldom
from storage.history import History

_EVENTS = 600
_SECTION = Path(__file__).parents[1].joinpath("section.md").read_text("utf-8")


def measure(ground: Ground, sizes: Sizes, report: Report) -> None:
    """An order of 161 sections with every piece of its document, as it stands before it is bound."""
    order = _order(ground)
    log = ground.log
    collect_seldom()  # as workers do
    read = _cpu(sizes.folded, lambda: log.unopened(order))
    loaded = _cpu(
        sizes.folded,
        lambda: fold(
            order,
            (
                decode_public(each.type, each.schema, each.data)
                for each in log.unopened(order).events
            ),
        ),
    )
    opened = _cpu(sizes.folded, lambda: log.read(order))
    name = f"{_EVENTS} events: read and folded, nothing opened"
    report.add(
        at_most(
            "loading and folding 600 events at most 3 ms of processor time, without decryption",
            Figure(name=name, unit="ms", runs=tuple(loaded)),
            Figure(name=f"{_EVENTS} events: read", unit="ms", runs=tuple(read)),
            3.0,
        )
    )
    report.add(
        Figure(name=f"{_EVENTS} events: read, opened and folded", unit="ms", runs=tuple(opened))
    )


def _cpu(times: int, do: Callable[[], object]) -> list[float]:
    """The milliseconds of this process's own processor time that it takes, each time."""
    do()
    found = []
    for _ in range(times):
        before = time.process_time()
        do()
        found.append(1000 * (time.process_time() - before))
    return found


def _order(ground: Ground) -> str:
    order, subject = str(uuid.uuid4()), uuid.uuid4()
    cause = Cause(correlation=order, causation=order, actor="bench")
    placed = OrderPlaced(
        product=PRODUCT.name,
        tenant="bench",
        subject=str(subject),
        at="2026-11-21T09:00:00+00:00",
        session=f"cs_{order}",
        email="jenny.rosen@example.com",
        fields={"name": "Jenny Rosen"},
    )
    events: list[object] = [
        placed,
        PaymentReceived(amount=Money(4900, "usd")),
        AttemptStarted(number=1, worker="w"),
    ]
    for each in PRODUCT.sections:
        events += [
            SectionsAsked(attempt=1, sections=(each.name,), model="gpt-4.1-mini", most=41_216),
            SectionWritten(
                section=each.name,
                attempt=1,
                model="gpt-4.1-mini",
                tokens=Tokens(800, 600),
                cost=1_280,
                milliseconds=3_100,
                text=_SECTION,
            ),
        ]
    events += [
        ChunkRendered(chunk=f"chunk-{number}", blob=f"{number:064x}", pages=2)
        for number in range(_EVENTS - len(events))
    ]
    history = History(Order(id=order), ground.log.vault.new_sealer(subject))
    for start in range(0, len(events), 50):
        history = ground.log.record(history, events[start : start + 50], cause)
    return order
