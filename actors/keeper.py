"""The keeper: publishes nudges that are due, and looks after all that must be done whoever else is away."""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial

from actors import announcing, forgetting, inbox, notices, projecting, sealing, timing
from actors.morning import Morning
from actors.post import operator_of, post_of
from actors.reconciling import Reconciliation
from actors.stopping import told_to_stop
from actors.sweeping import Sweeper
from events.errors import Unavailable
from events.plan import Product
from storage.blobs import Blobs, blobs_of
from storage.clearing import REST, clear
from storage.dead_letters import keep
from storage.garbage import collect_seldom
from storage.inbox import QUEUE
from storage.levels import Levels
from storage.metrics import serve_metrics
from storage.opening import opened
from storage.outbox import due
from storage.record import Log
from storage.settings import Settings
from storage.stripe_api import stripe_api
from storage.telemetry import log
from storage.timers import Turn

_RELAY_SECONDS = 0.25
_GRACE_SECONDS = 5.0
_RECONCILE_SECONDS = 3600.0
_CLEAR_SECONDS = 86_400.0
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
# By UTC, so that the day it tells of is over.
_MORNING_HOUR = 5
_DEAD_SECONDS = 60.0


def run(catalogue: Mapping[str, Product], settings: Settings) -> int:
    """Keep going until SIGTERM or SIGINT. Any number of keepers may run: each nudge is taken by one of them.

    Returns the exit code: 1 if one of its threads died, so that whoever supervises starts the process anew.
    """
    stopping = told_to_stop()
    with opened(settings, catalogue) as orders, ExitStack() as held:
        if served := serve_metrics(settings, Levels(orders.engine, settings, catalogue).read):
            held.callback(served.close)
        threads = (
            inbox.start(orders, catalogue, settings, stopping),
            notices.start(orders, catalogue, settings, stopping),
            sealing.start(orders, settings, stopping),
            forgetting.start(orders, settings, stopping),
            projecting.start(settings, stopping),
            announcing.start(orders, settings, stopping),
            timing.start(orders, _timed(orders, catalogue, settings), stopping),
        )
        log.info("keeper started")
        sweeper = Sweeper(orders)
        collect_seldom()
        while not stopping.wait(_RELAY_SECONDS):
            try:
                relay(orders)
                sweeper.look()
            except Unavailable as error:
                log.warning("keeper waits", reason=error.reason)
            dead = [thread.name for thread in threads if not thread.is_alive()]
            if dead and not stopping.is_set():
                log.error("a thread of the keeper died", thread=dead[0])
                return 1
        for thread in threads:
            thread.join(_GRACE_SECONDS)
    log.info("keeper stopped")
    return 0


def relay(orders: Log) -> int:
    """Hand to the publisher what is due and was not published by whoever wrote it; return how many."""
    letters = due(orders.engine)
    orders.publisher.publish(letters)
    return len(letters)


def _bury(orders: Log, catalogue: Mapping[str, Product], settings: Settings) -> str:
    queues = [QUEUE, *(product.queue for product in catalogue.values())]
    return f"{keep(settings, orders.engine, queues)} dead letters kept"


def _timed(orders: Log, catalogue: Mapping[str, Product], settings: Settings) -> list[timing.Due]:
    """What is done every hour or every day, as far as it is set up."""
    morning = Morning(orders, post_of(settings), catalogue, operator_of(settings))
    due: list[timing.Due] = [
        timing.Daily("morning-mail", _MORNING_HOUR, morning.run),
        timing.Every("dead-letters", _DEAD_SECONDS, lambda _: _bury(orders, catalogue, settings)),
    ]
    clearing = partial(_clear, orders, blobs_of(settings))
    due.append(timing.Every("clearing", _CLEAR_SECONDS, clearing))
    if api := stripe_api(settings):
        asking = Reconciliation(orders, catalogue, api, live=settings.stripe_livemode)
        due.append(timing.Every("reconciliation", _RECONCILE_SECONDS, asking.run))
    return due


def _clear(orders: Log, blobs: Blobs, turn: Turn) -> str:
    """Clear up behind the orders that were settled since the last good run."""
    until = turn.now - REST
    since = turn.since - REST if turn.since else _BEGINNING
    return f"{clear(orders, blobs, since, until)} files removed that no event speaks of"
