"""The morning mail: once a day the operator is told what happened while they were away."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from actors.post import Letter, Post
from events.errors import Unavailable
from events.folding import Key
from events.morning import Span, covered, lines, subject, totals
from events.plan import Product
from events.projections import money, outcomes
from storage import estimates, handover
from storage.record import Log
from storage.since import acts
from storage.sums import Sums, sums
from storage.timers import Turn

_MOST_ACTS = 50
_LONGEST_REASON = 300


class Morning:
    """Composes and sends it. Sent again for the same day, it has the same Message-ID and says the same of that day."""

    def __init__(
        self, orders: Log, post: Post, catalogue: Mapping[str, Product], operator: str
    ) -> None:
        self._log = orders
        self._post = post
        self._catalogue = catalogue
        self._operator = operator

    def run(self, turn: Turn) -> str:
        """Tell of the days since the last mail.

        Raises ``Unavailable`` while the figures of those days are not reckoned, or the mail server is away.
        """
        span = covered(turn.now, turn.since)
        self._post.send(self._letter(span, turn.now))
        return f"told of {span.shown}"

    def _letter(self, span: Span, now: datetime) -> Letter:
        engine = self._log.engine
        began = datetime.combine(span.first, time(), UTC)
        ended = datetime.combine(span.last, time(), UTC) + timedelta(days=1)
        day = span.first.isoformat()
        # Looked at first: what is sealed by then is in the sums, or they say that they are behind.
        if handover.unsealed(engine, ended):
            raise _behind()
        counted: dict[Key, int] = {}
        for product in self._catalogue:
            counted |= _reckoned(sums(engine, outcomes.projection.name, [product], day), ended)
        paid = _reckoned(sums(engine, money.projection.name, [], day), ended)
        titles = {name: product.title for name, product in self._catalogue.items()}
        found = lines(counted, paid, estimates.read(engine, now), titles, span)
        waiting = handover.waiting(engine)
        title = subject(found, waiting, span)
        return Letter(
            template="morning",
            to=self._operator,
            subject=title,
            message_id=f"<morning-{span.last.isoformat()}@{self._post.domain}>",
            told={
                "subject": title,
                "span": span.shown,
                "lines": found,
                "totals": totals(paid, span),
                "waiting": waiting,
                "acts": acts(self._log, began, ended, _MOST_ACTS)[::-1],
                "releases": handover.releases(engine, began, ended),
                "longest": _LONGEST_REASON,
                "desk": self._post.desk,
            },
        )


def _reckoned(found: Sums, until: datetime) -> Mapping[Key, int]:
    """The sums, if everything that happened before ``until`` is in them."""
    reach = found.reach
    if reach.behind and (reach.time is None or reach.time < until):
        raise _behind()
    return found.amounts


def _behind() -> Unavailable:
    message = "the projections have not read all of yesterday yet"
    return Unavailable(message, reason="projection-behind")
