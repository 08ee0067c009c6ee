"""How everything stands, for the operator's page: read anew once for all who look at the same moment."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from api.desk import Desk
from events.errors import Unavailable
from storage import dead_letters, standing, troubles
from storage.endpoints import Condition, conditions
from storage.kept import Kept
from storage.outbox import overdue
from storage.queues import Depth, depths
from storage.since import FailedCalls, failed_calls
from storage.spending import this_month
from storage.standing import Pace, Trade, Waiting
from storage.tenants import Limits, Tenant, listed
from storage.troubles import Cause

# In seconds. The more rows something is counted from, the less often it is: a day's may be a hundred thousand.
_FRESH, _FRESH_DAY, _FRESH_MONTH = 1.0, 5.0, 60.0
_FRESH_BROKER = 5.0
_ERRORS = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An endpoint of the model that this installation asks, and the calls of the last hour that brought nothing."""

    endpoint: str
    condition: Condition | None
    failed: Sequence[FailedCalls]


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """A tenant, how many of its orders are being worked on, and what its month has cost, in millionths of a dollar."""

    tenant: Tenant
    at_work: int
    month: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Everything. ``overdue`` counts nudges that no keeper has looked at, ``unsealed`` events without a position."""

    causes: Sequence[Cause]
    waiting: Mapping[str, Waiting]
    providers: Sequence[Provider]
    dead: Sequence[dead_letters.DeadLetter]
    overdue: int
    unsealed: int


@dataclass(frozen=True, slots=True)
class Day:
    """What has been sold in the last day, and how fast orders come and go just now; by product."""

    trade: Mapping[str, Trade]
    pace: Mapping[str, Pace]


class Survey:
    """One for the whole process."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._board = Kept(self._read, seconds=_FRESH)
        self._day = Kept(self._read_day, seconds=_FRESH_DAY)
        self._depths = Kept(self._ask_broker, seconds=_FRESH_BROKER)
        self._tenants = Kept(self._read_tenants, seconds=_FRESH_MONTH)

    def close(self) -> None:
        """Wait a moment for readings under way."""
        with ExitStack() as stack:
            for kept in (self._board, self._day, self._depths, self._tenants):
                stack.callback(kept.close)

    def board(self) -> Board:
        """At most a second old. Raises ``Unavailable`` if it was never read and cannot be read now."""
        return self._board.get()

    def day(self) -> Day:
        """At most five seconds old. Raises like ``board``."""
        return self._day.get()

    def depths(self) -> Mapping[str, Depth | None]:
        """By product, at most five seconds old; nothing while RabbitMQ is away."""
        if (found := self._depths.get()) is None:
            return {}
        return {name: found[product.queue] for name, product in self._desk.catalogue.items()}

    def tenants(self) -> Sequence[Busy]:
        """At most a minute old; nothing if there is only the house itself, without limits."""
        return self._tenants.get()

    def late(self) -> dict[str, datetime]:
        """For each product, before when an order that still runs must have been paid for to be late.

        It is what the customer's page says, too: nine of ten were faster.
        """
        now = self._desk.clock()
        return {
            name: now - timedelta(seconds=self._desk.usual(each).most)
            for name, each in self._desk.catalogue.items()
        }

    def _read(self) -> Board:
        engine = self._desk.log.engine
        return Board(
            causes=troubles.causes(engine),
            waiting=standing.waiting(engine),
            providers=self._providers(),
            dead=dead_letters.waiting(engine),
            overdue=overdue(engine),
            unsealed=standing.unsealed(engine),
        )

    def _read_day(self) -> Day:
        engine = self._desk.log.engine
        return Day(standing.trade(engine, self.late()), standing.pace(engine))

    def _providers(self) -> list[Provider]:
        engine, settings = self._desk.log.engine, self._desk.settings
        known = conditions(engine)
        failed = failed_calls(engine, self._desk.clock() - _ERRORS)
        asked = [(settings.openai_model, settings.openai_base_url)]
        if settings.openai_fallback_model:
            other = settings.openai_fallback_base_url or settings.openai_base_url
            asked.append((settings.openai_fallback_model, other))
        return [
            Provider(
                endpoint=(name := f"{model} at {urlsplit(url).hostname}"),
                condition=known.get(name),
                failed=[each for each in failed if each.model == model],
            )
            for model, url in asked
        ]

    def _ask_broker(self) -> Mapping[str, Depth | None] | None:
        try:
            return depths(
                self._desk.settings, [each.queue for each in self._desk.catalogue.values()]
            )
        except Unavailable:
            return None

    def _read_tenants(self) -> list[Busy]:
        engine = self._desk.log.engine
        known = listed(engine)
        if len(known) == 1 and known[0].limits == Limits():
            return []
        working = standing.at_work(engine)
        return [
            Busy(
                tenant=each,
                at_work=working.get(each.tenant, 0),
                month=this_month(engine, each.tenant),
            )
            for each in known
        ]


async def _survey(request: Request) -> Survey:
    found: Survey = request.app.state.survey
    return found


OnSurvey = Annotated[Survey, Depends(_survey)]
