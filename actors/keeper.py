"""The keeper: publishes nudges that are due, and looks after all that must be done whoever else is away."""

import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial

from actors import announcing, forgetting, inbox, notices, projecting, sealing, timing
from actors.morning import Morning
from actors.post import operator_of, post_of
from actors.reconciling import RECONCILIATION, Reconciliation
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
# What is in flight when it is told to stop is waited for: a mail, and the record that it went out. compose.yaml gives
# it 45 s.
_GRACE_SECONDS = 38.0
# No thread takes so long for anything but a timer, whose row says how long it takes.
_SILENT_SECONDS = 300.0
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
        clock = timing.start(
            orders, _timed(orders, catalogue, settings), _unset(settings), stopping
        )
        going_round = (
            threading.current_thread(),
            inbox.start(orders, catalogue, settings, stopping),
            notices.start(orders, catalogue, settings, stopping),
            sealing.start(orders, settings, stopping),
            forgetting.start(orders, settings, stopping),
            projecting.start(settings, stopping),
            announcing.start(orders, settings, stopping),
        )
        threads = (*going_round[1:], clock)
        if served := serve_metrics(
            settings,
            Levels(orders.engine, settings, catalogue).read,
            silent=lambda: stopping.silent(going_round, _SILENT_SECONDS),
        ):
            held.callback(served.close)
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
        patience = time.monotonic() + _GRACE_SECONDS
        for thread in threads:
            thread.join(max(0.0, patience - time.monotonic()))
        if unfinished := [thread.name for thread in threads if thread.is_alive()]:
            log.warning("the keeper stops in the midst of something", threads=unfinished)
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
        due.append(timing.Every(RECONCILIATION, _RECONCILE_SECONDS, asking.run))
    return due


def _unset(settings: Settings) -> list[str]:
    """What is done from time to time only if it is set up, and is not."""
    needed = {RECONCILIATION: settings.stripe_api_key, sealing.CHECKPOINTS: settings.signing_key}
    return [name for name, setting in needed.items() if not setting]


def _clear(orders: Log, blobs: Blobs, turn: Turn) -> str:
    """Clear up behind the orders that were settled since the last good run."""
    until = turn.now - REST
    since = turn.since - REST if turn.since else _BEGINNING
    return f"{clear(orders, blobs, since, until)} files removed that no event speaks of"
