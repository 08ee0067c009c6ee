"""What the customer is told: where their order stands, in plain words, folded from the same events as everything."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from api.cards import Card, Download, cards, download, together
from api.saying import order_number
from api.wording import STATES, aside, words
from events.expecting import Expected, Usual, expect
from events.order import Order
from events.plan import Delivery, Product, Section
from events.views import SETTLED, Word
from storage.orders import OrderRow

# Beyond this many sections their titles are not listed, only counted.
_MOST_TITLES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A section's title, and whether it is ``done``, ``now`` being written, or still ``to come``."""

    title: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A part of the report. ``lines`` is empty where sections are only counted."""

    title: str
    done: int
    total: int
    lines: tuple[Line, ...]

    @property
    def active(self) -> bool:
        """Something in it is being written, or it has been begun and not finished."""
        return 0 < self.done < self.total or any(line.state == "now" for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that the page shows. ``tone`` is ``calm``, ``done`` or ``trouble``; ``stages`` are the way it goes.

    ``expected`` is when it may be ready, and ``took``, once it is, how long it took, in seconds.
    """

    number: str
    title: str
    tagline: str
    headline: str
    lead: str
    aside: str
    expected: Expected | None
    took: float | None
    tone: str
    percent: int
    counted: str
    stages: tuple[Line, ...]
    now: tuple[str, ...]
    groups: tuple[Group, ...]
    cards: tuple[Card, ...]
    download: Download | None
    placed_at: datetime

    @property
    def tab(self) -> str:
        """The document's title: what can be read while the tab is in the background."""
        if self.tone == "done":
            return f"Ready · {self.title}"
        return self.title if self.tone == "trouble" else f"{self.percent} % · {self.title}"


def tell(
    row: OrderRow,
    order: Order,
    product: Product | None,
    *,
    parts: Sequence[OrderRow],
    catalogue: Mapping[str, Product],
    expected: Expected | None,
    took: float | None,
    link: str,
) -> Story:
    """The story of the order so far. ``link`` is the address of its page."""
    word = row.status.word
    headline, lead = words(row, order, product)
    reports, percent = tuple[Card, ...](), row.status.progress.percent
    if product and product.parts:
        reports = tuple(cards(product, parts, catalogue, link))
        percent = together(row, product, parts, catalogue)
    return Story(
        number=order_number(row.status.order),
        title=product.title if product else "Your order",
        tagline=product.tagline if product else "",
        headline=headline,
        lead=lead,
        aside=aside(row, order, product),
        expected=expected,
        took=took,
        tone=_tone(word),
        percent=percent,
        counted=_counted(row, reports),
        stages=_stages(word, product),
        now=() if word in SETTLED else row.status.progress.now,
        groups=tuple(_groups(order, product)) if product else (),
        cards=reports,
        download=download(row, link, order),
        placed_at=row.placed_at,
    )


def expected(row: OrderRow, usual: Usual, now: datetime) -> Expected | None:
    """When it may be ready; ``None`` where nobody can say, and for what is ready. A delivered order is graded by it."""
    if row.status.word in _UNCERTAIN or not row.status.since:
        return None
    return expect(datetime.fromisoformat(row.status.since), usual, now)


_UNCERTAIN = (
    Word.AWAITING_PAYMENT,
    Word.RETRYING,
    Word.ATTENTION,
    Word.DELIVERING,
    Word.CANCELLED,
    Word.ERASED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """What may be told to somebody who knows no more than an order's number."""

    number: str
    title: str
    state: str
    tone: str


def redacted(row: OrderRow, product: Product | None) -> Redacted:
    """The product and the state, and nothing of the customer."""
    word = row.status.word
    return Redacted(
        number=order_number(row.status.order),
        title=product.title if product else "An order",
        state=STATES[word],
        tone=_tone(word),
    )


def _tone(word: Word) -> str:
    if word in (Word.DELIVERED, Word.DELIVERING):
        return "done"
    if word in (Word.ATTENTION, Word.CANCELLED, Word.ERASED):
        return "trouble"
    return "calm"


def _stages(word: Word, product: Product | None) -> tuple[Line, ...]:
    """The way of the order, in a few words; nothing when it has left that way."""
    if product is None or word not in _STAGE_OF:
        return ()
    names = ["Payment", "Writing", "Layout", "E-mail"]
    if product.parts:
        names.remove("Layout")
    if product.delivery is not Delivery.MAIL:
        names = names[:2]
    reached = _STAGE_OF[word]
    order_of = {"Payment": 0, "Writing": 1, "Layout": 2, "E-mail": 3}
    return tuple(Line(title=name, state=_stage_state(order_of[name], reached)) for name in names)


_STAGE_OF = {
    Word.AWAITING_PAYMENT: 0,
    Word.QUEUED: 1,
    Word.WRITING: 1,
    Word.PRESSING: 2,
    Word.DELIVERING: 3,
    Word.DELIVERED: 4,
}


def _stage_state(place: int, reached: int) -> str:
    if place < reached:
        return "done"
    return "now" if place == reached else "to come"


def _counted(row: OrderRow, reports: Sequence[Card]) -> str:
    progress = row.status.progress
    if reports:
        ready = sum(each.download is not None for each in reports)
        return f"{ready} of {len(reports)} reports ready"
    return f"{progress.done} of {progress.total} {progress.unit}" if progress.total else ""


def _groups(order: Order, product: Product) -> Iterable[Group]:
    titled = len(product.sections) <= _MOST_TITLES
    for title, sections in groupby(product.sections, key=lambda section: section.part):
        members = tuple(sections)
        yield Group(
            title=title,
            done=sum(section.name in order.sections for section in members),
            total=len(members),
            lines=tuple(_line(section, order) for section in members) if titled else (),
        )


def _line(section: Section, order: Order) -> Line:
    if section.name in order.sections:
        return Line(title=section.title, state="done")
    return Line(title=section.title, state="now" if section.name in order.asked else "to come")
