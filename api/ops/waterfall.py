"""An order's time as bars, one below the other: who waited for what, with the idle time folded away. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from api.terse import short
from events.envelope import Recorded
from events.facts import (
    AttemptStarted,
    AttentionNeeded,
    CallFailed,
    DocumentBound,
    MailFailed,
    MailIntended,
    MailSent,
    OrderPlaced,
    OrderRetried,
    PaymentReceived,
    SectionsAsked,
    SectionWritten,
)
from events.order import Order
from events.plan import Product

# Beyond this many sections each part of the report has a line, and not each section.
_MOST_LINES = 60
# Nothing happening for longer than this share of all the work, or than so many seconds, is folded to a narrow strip.
_FOLD_SHARE = 0.08
_FOLD_SECONDS = 2.0
_STRIP = 4.0
_MOST_STRIPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """From where and how wide, in percent of the whole. ``kind`` is ``done``, ``now``, ``failed`` or ``ghost``."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: its bars, and in words how long it took."""

    title: str
    bars: tuple[Bar, ...]
    took: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """A strip in place of a time in which nothing happened. In percent, like bars."""

    x: float
    width: float
    length: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """All lines over one axis that goes from ``begin`` to ``end``, without what is folded."""

    begin: datetime
    end: datetime
    lines: tuple[Line, ...]
    folds: tuple[Fold, ...]
    ghosts: bool


@dataclass(frozen=True, slots=True)
class _Span:
    begin: datetime
    end: datetime
    kind: str
    median: timedelta | None = None


def waterfall(
    recorded: Sequence[Recorded],
    order: Order,
    product: Product | None,
    medians: Mapping[str, float],
    now: datetime,
) -> Waterfall | None:
    """The waterfall of an order; ``None`` while nothing has been done for it.

    ``medians`` are how long the sections take usually, in milliseconds, by name.
    """
    found = [*_waiting(recorded), *_sections(recorded, order, product, medians, now)]
    found += [*_layout(recorded), *_mails(recorded, now)]
    lines = [(title, spans) for title, spans in found if spans]
    if not lines:
        return None
    axis = _Axis([each for _, spans in lines for each in spans])
    return Waterfall(
        begin=axis.begin,
        end=axis.end,
        lines=tuple(_line(title, spans, axis) for title, spans in lines),
        folds=axis.folds,
        ghosts=any(each.median for _, spans in lines for each in spans),
    )


class _Axis:
    """Where a moment lies, in percent; long gaps between the spans are strips."""

    def __init__(self, spans: Sequence[_Span]) -> None:
        busy: list[tuple[datetime, datetime]] = []
        for each in sorted(spans, key=lambda span: span.begin):
            if busy and each.begin <= busy[-1][1]:
                busy[-1] = (busy[-1][0], max(busy[-1][1], each.end))
            else:
                busy.append((each.begin, each.end))
        self.begin, self.end = busy[0][0], busy[-1][1]
        worked = sum((end - begin for begin, end in busy), timedelta())
        least = max(worked * _FOLD_SHARE, timedelta(seconds=_FOLD_SECONDS))
        gaps = [(a[1], b[0]) for a, b in pairwise(busy)]
        longest = sorted((gap for gap in gaps if gap[1] - gap[0] > least), key=_length)
        self._gaps = sorted(longest[-_MOST_STRIPS:])
        folded = sum((gap[1] - gap[0] for gap in self._gaps), timedelta())
        shown = max((self.end - self.begin - folded).total_seconds(), 0.001)
        self.scale = (100 - _STRIP * len(self._gaps)) / shown
        self.folds = tuple(
            Fold(x=self.at(begin), width=_STRIP, length=short((end - begin).total_seconds()))
            for begin, end in self._gaps
        )

    def at(self, moment: datetime) -> float:
        """The place of ``moment``."""
        passed, strips = (moment - self.begin).total_seconds(), 0.0
        for begin, end in self._gaps:
            if moment >= end:
                passed -= (end - begin).total_seconds()
                strips += _STRIP
        return round(max(0.0, passed * self.scale + strips), 3)


def _length(gap: tuple[datetime, datetime]) -> timedelta:
    return gap[1] - gap[0]


def _line(title: str, spans: Sequence[_Span], axis: _Axis) -> Line:
    ghosts = [
        Bar(
            x=axis.at(each.begin),
            width=round(
                min(each.median.total_seconds() * axis.scale, 100 - axis.at(each.begin)), 3
            ),
            kind="ghost",
        )
        for each in spans
        if each.median
    ]
    bars = [
        Bar(
            x=axis.at(each.begin),
            width=round(max(axis.at(each.end) - axis.at(each.begin), 0.3), 3),
            kind=each.kind,
        )
        for each in spans
    ]
    took = sum((each.end - each.begin).total_seconds() for each in spans if each.kind != "failed")
    return Line(title=title, bars=(*ghosts, *bars), took=short(took) if took else "")


_Found = tuple[str, list[_Span]]


def _waiting(recorded: Sequence[Recorded]) -> Iterable[_Found]:
    """From when it could be taken up, for the first time or again, until it was."""
    free: datetime | None = None
    spans: list[_Span] = []
    for each in recorded:
        match each.event:
            case OrderPlaced() | PaymentReceived() | OrderRetried():
                free = each.recorded_at
            case AttentionNeeded():
                free = None
            case AttemptStarted() if free:
                spans.append(_Span(free, each.recorded_at, "wait"))
                free = None
    yield "Waiting for a worker", spans


def _sections(
    recorded: Sequence[Recorded],
    order: Order,
    product: Product | None,
    medians: Mapping[str, float],
    now: datetime,
) -> Iterable[_Found]:
    if product is None or not product.sections:
        return
    spans: dict[str, list[_Span]] = {}
    asked_at: dict[str, datetime] = {}
    for each in recorded:
        match each.event:
            case SectionsAsked(sections=names):
                asked_at |= dict.fromkeys(names, each.recorded_at)
            case SectionWritten(section=name, milliseconds=taken):
                began = each.recorded_at - timedelta(milliseconds=taken)
                usual = timedelta(milliseconds=medians[name]) if name in medians else None
                spans.setdefault(name, []).append(_Span(began, each.recorded_at, "done", usual))
            case CallFailed(section=name):
                began = asked_at.get(name, each.recorded_at)
                spans.setdefault(name, []).append(_Span(began, each.recorded_at, "failed"))
    for name in order.asked:
        spans.setdefault(name, []).append(_Span(asked_at.get(name, now), now, "now"))
    if len(product.sections) <= _MOST_LINES:
        yield from ((each.title, spans.get(each.name, [])) for each in product.sections)
        return
    for part, members in groupby(product.sections, key=lambda section: section.part):
        # Without ghosts: a part's sections lie so close that they would hide each other.
        ones = [one for member in members for one in spans.get(member.name, [])]
        yield part, [_Span(one.begin, one.end, one.kind) for one in ones]


def _layout(recorded: Sequence[Recorded]) -> Iterable[_Found]:
    """From the last section to the bound document, or to its last piece."""
    end = next((each for each in recorded if isinstance(each.event, DocumentBound)), None)
    pieces = [each for each in recorded if each.type in ("chunk-rendered", "document-bound")]
    if not pieces:
        return
    first = recorded.index(pieces[0])
    begin = recorded[max(0, first - 1)].recorded_at
    yield "Layout", [_Span(begin, (end or pieces[-1]).recorded_at, "done")]


def _mails(recorded: Sequence[Recorded], now: datetime) -> Iterable[_Found]:
    begun: dict[str, datetime] = {}
    spans: dict[str, list[_Span]] = {}
    for each in recorded:
        match each.event:
            case MailIntended(mail=name):
                begun[name] = each.recorded_at
            case MailSent(mail=name) | MailFailed(mail=name):
                kind = "done" if isinstance(each.event, MailSent) else "failed"
                began = begun.pop(name, each.recorded_at)
                spans.setdefault(name, []).append(_Span(began, each.recorded_at, kind))
    for name, began in begun.items():
        spans.setdefault(name, []).append(_Span(began, now, "now"))
    yield from ((f"Mail: {name}", each) for name, each in spans.items())
