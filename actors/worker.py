"""The worker process of one product: one queue, one actor, until it is told to stop."""

import os
import platform
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime

import dramatiq

from actors.attempt import Delivery
from actors.fulfil import Outcome, fulfil
from actors.limits import HardLimits
from actors.model import models
from actors.post import post_of
from actors.press.rendering import Press
from actors.press.turns import shared_folder
from actors.processor import keep_to_one
from actors.stopping import told_to_stop
from actors.tools import Tools
from events.errors import Refused, Unavailable
from events.plan import Product
from storage.blobs import blobs_of
from storage.broker import HandedOn, NudgeBroker
from storage.endpoints import Endpoints
from storage.garbage import collect_seldom
from storage.leases import Leases
from storage.metrics import serve_metrics
from storage.opening import opened
from storage.settings import Settings
from storage.telemetry import log
from storage.tenants import Tenants

# A call in flight may finish when the process is told to stop; whatever takes longer is taken up by another worker.
GRACE_SECONDS = 25.0
_LOOK_SECONDS = 0.5
_SILENT_SECONDS = 60.0


def run(product: Product, catalogue: Mapping[str, Product], settings: Settings) -> int:
    """Work on ``product``'s orders until SIGTERM or SIGINT; return the exit code.

    0 after an orderly stop; 1 if a thread died, so that whoever supervises starts the process anew.
    """
    stopping = told_to_stop()
    processors = keep_to_one()
    threads = settings.worker_threads or product.threads
    with (
        opened(settings, catalogue, pool=max(10, threads)) as log_of_orders,
        Press(
            children=settings.press_children,
            turns=shared_folder(settings.press_folder),
            processors=processors,
        ) as press,
        ExitStack() as doors,
    ):
        # A leg that takes too long ends the process by itself; this tells whether anybody would see it.
        looking = [threading.current_thread()]
        if served := serve_metrics(
            settings, silent=lambda: stopping.silent(looking, _SILENT_SECONDS)
        ):
            doors.callback(served.close)
        asked = models(settings)
        for model in asked:
            doors.callback(model.close)
        tools = Tools(
            name=f"{product.name}@{platform.node()}:{os.getpid()}",
            log=log_of_orders,
            leases=Leases(log_of_orders.engine).start(),
            blobs=blobs_of(settings),
            models=asked,
            endpoints=Endpoints(log_of_orders.engine),
            tenants=Tenants(log_of_orders.engine),
            press=press,
            post=post_of(settings),
            limits=HardLimits(),
            catalogue=catalogue,
            stopping=stopping,
            clock=lambda: datetime.now(UTC),
            speed=settings.speed,
            asks_in_doubt=settings.mail_doubt == "ask",
            requests_per_minute=settings.openai_requests_per_minute,
            tokens_per_minute=settings.openai_tokens_per_minute,
        )
        return _consume(product, tools, settings, threads)


def _consume(product: Product, tools: Tools, settings: Settings, threads: int) -> int:
    broker = NudgeBroker(settings.rabbitmq_url.get_secret_value())
    _actor(broker, product, tools)
    worker = dramatiq.Worker(broker, queues={product.queue}, worker_threads=threads)
    # Late ack, and no message waits in this process while another worker is idle.
    worker.queue_prefetch = threads
    collect_seldom()
    worker.start()
    log.info("worker started", product=product.name, threads=threads)
    while not tools.stopping.wait(_LOOK_SECONDS):
        if not all(thread.is_alive() for thread in (*worker.workers, *worker.consumers.values())):
            log.error("a worker thread died", product=product.name)
            return 1
    worker.stop(timeout=int(GRACE_SECONDS * 1000))
    tools.leases.stop()
    log.info("worker stopped", product=product.name)
    return 0


def _actor(broker: NudgeBroker, product: Product, tools: Tools) -> None:
    @dramatiq.actor(
        broker=broker,
        queue_name=product.queue,
        actor_name=product.queue,
        throws=(Unavailable, HandedOn),
    )
    def look(**nudge: object) -> None:
        if tools.stopping.is_set():
            raise Unavailable("this process is stopping", reason="stopping")
        delivery = Delivery(**nudge)  # type: ignore[arg-type]
        try:
            again = serve(delivery, product, tools)
        except Refused as error:
            # Nothing can be recorded of it, and trying again at once would not help: the sweeper will ask again.
            log.error("nudge dropped", order=delivery.order, reason=error.reason)
            return
        if again:
            # Behind nobody: an order that was begun, or gave way, keeps its place before newer ones.
            raise HandedOn


def serve(delivery: Delivery, product: Product, tools: Tools) -> bool:
    """Work for one leg on the order of ``delivery``, or on another tenant's whose turn it is.

    Returns whether the message has not been seen to yet and must be delivered again.
    """
    if tools.tenants.fairness_matters:
        first = tools.leases.turn(product.name, delivery.order)
        if first and first != delivery.order:
            outcome = fulfil(replace(delivery, order=first), product, tools)
            if outcome is not Outcome.IDLE:
                return True
    return fulfil(delivery, product, tools) is Outcome.MORE
