"""The promise, checked afterwards: from an order's log, what the mail server kept, and what the model was asked."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from events.chain import Link, first_break
from events.envelope import Recorded
from events.facts import (
    AttemptEnded,
    AttemptFailed,
    AttemptStarted,
    MailIntended,
    MailSent,
    SectionsAsked,
    SectionWritten,
)
from events.notices import ALERT
from events.order import Order, fold
from events.plan import Product
from events.products import CATALOGUE

ONCE = ("order-placed", "payment-received", "order-delivered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """An order's history and the stored bytes it was read from; its mails by Message-ID, its calls by section title."""

    stream: str
    history: Sequence[Recorded]
    links: Sequence[Link]
    mails: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)

    @property
    def order(self) -> Order:
        """What the events add up to."""
        return fold(self.stream.removeprefix("order-"), (each.event for each in self.history))

    @property
    def product(self) -> Product:
        """What was bought."""
        placed = self.order.placed
        assert placed is not None  # the first event of every order
        return CATALOGUE[placed.product]

    @property
    def lost(self) -> Counter[str]:
        """Section title to how many attempts asked for it and never recorded an answer: the calls in flight."""
        written = {
            (each.event.attempt, each.event.section)
            for each in self.history
            if isinstance(each.event, SectionWritten)
        }
        return Counter(
            self.product.section(name).title
            for each in self.history
            if isinstance(each.event, SectionsAsked)
            for name in each.event.sections
            if (each.event.attempt, name) not in written
        )

    @property
    def crashed(self) -> set[int]:
        """The attempts that never said how they ended, although another one followed."""
        events = [each.event for each in self.history]
        started = {each.number for each in events if isinstance(each, AttemptStarted)}
        ended = {each.number for each in events if isinstance(each, AttemptEnded | AttemptFailed)}
        return started - ended - {max(started, default=0)}

    @property
    def spent(self) -> int:
        """How many of its attempts failed and count against it."""
        events = [each.event for each in self.history]
        return sum(isinstance(each, AttemptFailed) and each.spent for each in events)

    @property
    def doubtful(self) -> int:
        """How often it says that a mail may have been sent before."""
        intended = [
            each.event.mail for each in self.history if isinstance(each.event, MailIntended)
        ]
        return len(intended) - len(set(intended))


def complaints(found: Evidence) -> Iterator[str]:
    """Everything that the promise forbids and that happened to this order all the same."""
    if not found.history:
        yield "the log knows nothing of it"
        return
    types = Counter(each.type for each in found.history)
    for kind in ONCE:
        if types[kind] != 1:
            yield f"{kind} {types[kind]} times"
    if attention := found.order.attention:
        yield f"left to a person: {attention.reason}, {attention.detail}"
    broken = first_break(found.stream, found.links)
    if broken is not None:
        yield f"the hash chain is broken at version {broken}"
    yield from _against_sections(found)
    yield from _against_mails(found)


def _against_sections(found: Evidence) -> Iterator[str]:
    written = Counter(
        each.event.section for each in found.history if isinstance(each.event, SectionWritten)
    )
    for section in found.product.sections:
        if written[section.name] != 1:
            yield f"{section.name} written {written[section.name]} times"
    lost = found.lost
    for title, asked in found.calls.items():
        # Every attempt announces what it is about to ask, and asks it once.
        if asked > 1 + lost[title]:
            yield f"{title!r} asked {asked} times, {lost[title]} of them lost"


def _against_mails(found: Evidence) -> Iterator[str]:
    delivered = found.order.delivered
    expected = 1 if delivered and delivered.by == "mail" else 0
    sent = Counter(each.event.mail for each in found.history if isinstance(each.event, MailSent))
    if sent["report"] != expected:
        yield f"the report mailed {sent['report']} times"
    yield from (f"{mail} sent {times} times" for mail, times in sent.items() if times > 1)
    # One alert to the operator tells of many orders, and is named after one of them.
    to_customer = sum(not mail.startswith(ALERT) for mail in sent)
    arrived = sum(f".{ALERT}" not in name for name in found.mails)
    if arrived != to_customer:
        yield f"{arrived} Message-IDs at the mail server, {to_customer} in the log"
    for name, copies in found.mails.items():
        if copies > 1 + found.doubtful:
            yield f"{copies} copies of {name}, {found.doubtful} in doubt"
