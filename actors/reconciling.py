"""Asks Stripe what no webhook told of: paid sessions without an order, and events that were never delivered."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from events.errors import NotFound, Refused
from events.payments import LISTENED, as_event
from events.plan import Product
from storage.orders import paid_sessions, unpaid_sessions
from storage.payments import Heard, Signed, hear
from storage.record import Log
from storage.stripe_api import StripeApi
from storage.telemetry import log
from storage.tenants import DEFAULT
from storage.timers import Turn

# A session can be completed a day after it was begun, and one day more is for whatever went wrong here.
_SESSIONS = timedelta(days=2)
# An event is undelivered for as long as Stripe tries: three days.
_EVENTS = timedelta(days=4)
# Stripe tells of no event that is older; and that far back it is looked the first time.
_KEPT = timedelta(days=30)
_PAGE = 100
# How many orders that wait for their money are asked for one by one.
_MOST_WAITING = 200
# Nothing can be heard before a person has set this right.
_SETTINGS = "stripe-settings"
# The timer's name.
RECONCILIATION = "reconciliation"


class Reconciliation:
    """Hears from Stripe itself what its webhooks should have told, by the same way in.

    Safe to repeat, beside webhooks that come after all: what is recorded already changes nothing. Raises
    ``Unavailable`` if Stripe or Postgres is away, and ``Refused`` if a person must look; whatever else could be heard
    is recorded.
    """

    def __init__(
        self, orders: Log, catalogue: Mapping[str, Product], api: StripeApi, *, live: bool
    ) -> None:
        self._log = orders
        self._catalogue = catalogue
        self._api = api
        self._live = live

    def run(self, turn: Turn) -> str:
        """Look back as far as is needed after the last good run; say what was found."""
        since = turn.since or turn.now - _KEPT
        found: list[Heard] = []
        refused: list[Refused] = []
        asked = 0
        for event in self._events(since, turn.now):
            asked += 1
            try:
                heard = self._hear(event, turn)
            except Refused as error:
                if error.reason == _SETTINGS:
                    raise
                refused.append(error)
                log.warning("this cannot be heard", kind=event["type"], reason=error.reason)
            else:
                found += [heard] if heard.verdict == "recorded" else []
        if refused:
            raise refused[0]
        return f"{asked} looked at, {len(found)} recorded that no webhook had told of"

    def _events(self, since: datetime, now: datetime) -> Iterator[Mapping[str, Any]]:
        yield from self._completed(since - _SESSIONS)
        for name in unpaid_sessions(self._log.engine, DEFAULT, _MOST_WAITING):
            try:
                yield from _told(self._api.session(name))
            except NotFound:
                continue  # a test session that Stripe has forgotten, or another account's
        # Oldest first, although their order does not matter: whoever reads the log expects it.
        earliest = max(since - _EVENTS, now - _KEPT)
        yield from reversed(list(self._api.undelivered(earliest, LISTENED)))

    def _completed(self, since: datetime) -> Iterator[Mapping[str, Any]]:
        """The completed sessions that have no paid order here."""
        sessions = self._api.sessions(since)
        while page := list(islice(sessions, _PAGE)):
            known = paid_sessions(self._log.engine, DEFAULT, [str(each["id"]) for each in page])
            for each in page:
                if each["id"] not in known:
                    yield from _told(each)

    def _hear(self, event: Mapping[str, Any], turn: Turn) -> Heard:
        signed = Signed(
            tenant=DEFAULT,
            live=self._live,
            at=turn.now.isoformat(),
            correlation=f"{turn.name}-{turn.run}",
            body=json.dumps(event),
        )
        heard = hear(signed, self._log, self._catalogue)
        if heard.reason == "other-livemode":
            message = (
                "STRIPE_API_KEY and STRIPE_LIVEMODE do not go together: one is live, one is not"
            )
            raise Refused(message, reason=_SETTINGS)
        if heard.verdict == "recorded":
            log.warning("no webhook had told of this", order=heard.order, kind=event["type"])
        return heard


def _told(session: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    event = as_event(session)
    return [event] if event else []
