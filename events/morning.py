"""What the operator reads in the morning: what has become of orders and money while they were away. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from events.estimates import Estimate
from events.folding import Key
from events.money import Money

_OUTCOMES = ("placed", "delivered", "attention", "disputed", "refunded", "cancelled")
# Somebody who was away longer reads of the last days only.
_MOST_DAYS = 7
_COST = "cost"
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The days that are told of, the first and the last of them, by UTC."""

    first: date
    last: date

    @property
    def shown(self) -> str:
        """As it is read."""
        if self.first == self.last:
            return f"{self.first:%A, %-d %B}"
        return f"{self.first:%-d %B} to {self.last:%-d %B}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A product: how many orders came to which outcome; what they cost; how many windows held of how many."""

    title: str
    counts: Mapping[str, int]
    cost: str
    held: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release that was not there before."""

    at: datetime
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Orders that need a person now, by reason."""

    reason: str
    count: int


def covered(now: datetime, since: datetime | None) -> Span:
    """The whole days before ``now`` that the last mail, sent at ``since``, could not tell of."""
    last = now.date() - timedelta(days=1)
    first = since.date() if since else last
    return Span(first=min(last, max(first, last - timedelta(days=_MOST_DAYS - 1))), last=last)


def lines(
    outcomes: Mapping[Key, int],
    money: Mapping[Key, int],
    estimates: Mapping[str, Estimate],
    titles: Mapping[str, str],
    span: Span,
) -> list[Line]:
    """A line for each product that anything happened to, from the sums of the projections; the busiest first."""
    counts: dict[str, dict[str, int]] = {}
    costs: dict[str, int] = {}
    for (product, day, outcome), number in outcomes.items():
        if _within(day, span):
            named = counts.setdefault(product, {})
            named[outcome] = named.get(outcome, 0) + number
    for (day, product, _, measure), amount in money.items():
        if measure == _COST and _within(day, span):
            costs[product] = costs.get(product, 0) + amount
    found = [
        Line(
            title=titles.get(product, "what we do not sell"),
            counts={each: n for each in _OUTCOMES if (n := counts.get(product, {}).get(each, 0))},
            cost=_dollars(costs.get(product, 0)),
            held=_held(estimates.get(product, Estimate())),
        )
        for product in sorted({*counts, *costs})
    ]
    return sorted(found, key=lambda line: -sum(line.counts.values()))


def totals(money: Mapping[Key, int], span: Span) -> dict[str, str]:
    """What was paid, what went back and what the model cost, as read."""
    sums: dict[str, dict[str, int]] = {}
    for (day, _, currency, measure), amount in money.items():
        if _within(day, span) and amount:
            named = sums.setdefault(measure, {})
            named[currency] = named.get(currency, 0) + amount
    told = {
        measure: ", ".join(
            str(Money(amount, currency)) for currency, amount in sorted(each.items())
        )
        for measure, each in sums.items()
        if measure != _COST
    }
    return (
        {"paid": "nothing", "refunded": "nothing"}
        | told
        | {_COST: _dollars(sum(sums.get(_COST, {}).values()))}
    )


def subject(found: Sequence[Line], waiting: Sequence[Waiting], span: Span) -> str:
    """The subject: the day, what was delivered, and what waits for a person."""
    delivered = sum(line.counts.get("delivered", 0) for line in found)
    needs = sum(each.count for each in waiting)
    need = f", {needs} {'needs' if needs == 1 else 'need'} you" if needs else ""
    return f"{span.shown}: {delivered} delivered{need}"


def _within(day: str, span: Span) -> bool:
    return span.first.isoformat() <= day <= span.last.isoformat()


def _held(estimate: Estimate) -> str:
    kept = estimate.kept
    return f"{100 * kept.held // kept.promised} % of {kept.promised}" if kept.promised else "-"


def _dollars(millionths: int) -> str:
    return f"${millionths / _MILLION:.2f}"
