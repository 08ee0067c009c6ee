"""What became of an order, told from its log, the mail sink and the stand-in model's own request log."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from events import chain
from events.envelope import Recorded
from events.facts import (
    AttemptEnded,
    AttemptFailed,
    AttemptStarted,
    AttentionNeeded,
    ChunkRendered,
    DocumentBound,
    MailIntended,
    MailSent,
    OrderDelivered,
    OrderPlaced,
    PartFinished,
    PaymentReceived,
    SectionsAsked,
    SectionWritten,
)
from events.order import Calls, Order, fold
from events.plan import Product
from events.products import CATALOGUE
from sandbox.calls import Calls as Asked
from sandbox.system import System
from storage.blobs import Blobs, blobs_of
from storage.history import stream_of
from storage.opening import opened
from storage.record import Log
from storage.settings import read_from

# A long history shows its beginning and its end.
_MOST_ROWS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A purchase that has ended."""

    system: System
    product: Product
    order_id: str
    session: str
    seconds: float
    killed: str
    told_at: datetime
    reports: Path


def tell(story: Story, console: Console) -> None:
    """Print the report's path, the mail, the history, what it cost, and whether the log is sound."""
    settings = read_from(story.system.environment)
    with opened(settings, CATALOGUE, pool=2) as log:
        history = log.recorded(story.order_id)
        order = fold(story.order_id, (each.event for each in history))
        family = [order, *(log.read(part).order for part in order.parts.values())]
        console.print(_history(history))
        for path in _save(log, family, blobs_of(settings), story):
            console.print(f"Report   {path}", soft_wrap=True)
        _mail(story, order, console)
        _bill(story, family, console)
        _asked(story, log, family, console)
        _soundness(log, family, console)


def _history(history: list[Recorded]) -> Table:
    table = Table("version", "after", "event", "", title="What the log says", title_justify="left")
    began = history[0].recorded_at
    hidden = len(history) - _MOST_ROWS
    for each in history:
        if hidden > 0 and _MOST_ROWS - 6 < each.version <= _MOST_ROWS - 6 + hidden:
            if each.version == _MOST_ROWS - 5:
                table.add_row("...", "", f"{hidden} more", "")
            continue
        after = f"{(each.recorded_at - began).total_seconds():.2f} s"
        table.add_row(str(each.version), after, each.type, _detail(each.event))
    return table


def _detail(event: Any) -> str:  # noqa: C901, PLR0911 - one line for each kind of event
    match event:
        case OrderPlaced(product=product):
            return product
        case PaymentReceived(amount=amount):
            return str(amount)
        case AttemptStarted(number=number, worker=worker):
            return f"attempt {number} by {worker}"
        case AttemptEnded(why=why):
            return why
        case AttemptFailed(reason=reason) | AttentionNeeded(reason=reason):
            return reason
        case SectionsAsked(sections=names):
            return ", ".join(names)
        case SectionWritten(section=name, milliseconds=taken):
            return f"{name} in {taken / 1000:.1f} s"
        case ChunkRendered(chunk=name, pages=pages):
            return f"{name}, {pages} page{'s' if pages != 1 else ''}"
        case DocumentBound(pages=pages, size=size):
            return f"{pages} pages, {size / 1000:.0f} kB"
        case PartFinished(product=product):
            return product
        case MailIntended(message_id=identity) | MailSent(message_id=identity):
            return str(identity)
        case OrderDelivered(by=by):
            return f"by {by}"
    return ""


def _save(log: Log, family: list[Order], blobs: Blobs, story: Story) -> Iterable[Path]:
    sealer = log.read(story.order_id).sealer
    for order in family:
        if order.document:
            folder = story.reports / story.order_id
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / order.document.filename
            path.write_bytes(blobs.get(order.document.blob, sealer))
            yield path


def _mail(story: Story, order: Order, console: Console) -> None:
    mails = httpx.get(f"{story.system.mail}/mails.json", timeout=10).json()
    ours = [mail for mail in mails if order.id in (mail["message_id"] or "")]
    for mail in ours:
        console.print(
            f"Mail     to {mail['to']}: {mail['subject']!r}, "
            f"{len(mail['attachments'])} attached; kept in {story.system.folder / 'mail'}",
            soft_wrap=True,
        )
    if not ours:
        console.print("Mail     none: this product is fetched, not mailed")


def _bill(story: Story, family: list[Order], console: Console) -> None:
    written = [section for order in family for section in order.sections.values()]
    tokens = sum(section.tokens.prompt + section.tokens.completion for section in written)
    cost = sum(order.cost for order in family) / 1_000_000
    console.print(
        f"Cost     {len(written)} calls, {tokens:,} tokens, ${cost:.4f} in {story.seconds:.1f} s"
    )
    lost = sum((order.lost for order in family), start=Calls())
    if lost.number:
        most = lost.cost / 1_000_000
        console.print(
            f"Lost     {lost.number} calls were in flight at a crash: at most ${most:.4f}"
        )


def _asked(story: Story, log: Log, family: list[Order], console: Console) -> None:
    if story.killed:
        console.print(f"Killed   the worker of {story.killed}")
    if not story.system.stands_in:
        return
    base = story.system.model.removesuffix("/v1")
    requests = httpx.get(f"{base}/_requests", timeout=10).json()
    calls = Asked.of(requests, {order.id: log.recorded(order.id) for order in family})
    console.print(
        f"Asked    {calls.asked} calls reached the model for {calls.written} sections: "
        f"{calls.repeated} asked again, {calls.needless} of them after they were written"
    )


def _soundness(log: Log, family: list[Order], console: Console) -> None:
    for order in family:
        broken = chain.first_break(stream_of(order.id), log.links(order.id))
        if broken is not None:
            console.print(f"[red]The log of order {order.id} is broken at version {broken}[/red]")
            return
    events = sum(order.version for order in family)
    console.print(f"Checked  all {events} events follow from one another: the hash chain is whole")
