"""The application: everything under ``api/`` put together."""

import resource
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from datetime import UTC, datetime
from functools import partial

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from api import (
    audit,
    audit_log,
    audit_order,
    checkout,
    customer,
    documentation,
    feed,
    following,
    health,
    history,
    interventions,
    links,
    log_in,
    measures,
    ops,
    ordering,
    orders,
    problems,
    products,
    schemas,
    sessions,
    shop,
    usage,
    webhooks,
)
from api.desk import Desk
from api.limits import Meter
from api.looking import Looking
from api.news import News
from api.reception import Reception
from api.requests import Frame
from api.shortcut import Shortcut
from api.sieve import Sieve
from api.survey import Survey
from api.templating import STATIC
from api.watching import Watch
from events.products import CATALOGUE
from storage.blobs import blobs_of
from storage.estimates import Estimates
from storage.glances import Glances
from storage.inbox import Inbox
from storage.levels import Levels
from storage.metrics import serve_metrics
from storage.opening import opened
from storage.orders import moved
from storage.settings import Settings
from storage.stripe_api import stripe_api
from storage.stripe_secrets import StripeSecrets
from storage.tenants import Tenants
from storage.tracing import tracing

# As many as Starlette's threads, in which the routes run.
_POOL = 20
# How many orders somebody may look for by their numbers alone, a minute.
_LOOKS = 60
# How often a minute Stripe is asked about one checkout session.
_QUESTIONS = 12
# And about how many sessions in a minute for one address, which can make up as many as it likes.
_SESSIONS = 60
_MOST_WAITING = 5000
_MOST_FOR_ONE_ORDER = 30
_OTHER_DESCRIPTORS = 200
_ABOUT = "Sells AI-written reports and never loses a paid one."


def _room() -> int:
    """How many clients may wait at the same time: each has a descriptor, and the rest of the house needs some."""
    return min(_MOST_WAITING, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _OTHER_DESCRIPTORS)


def _clock() -> datetime:
    return datetime.now(UTC)


def create_app(settings: Settings) -> FastAPI:
    """The API and the pages; the log is opened when the server starts and closed when it stops."""

    @asynccontextmanager
    async def open_log(app: FastAPI) -> AsyncIterator[None]:
        with (
            tracing(settings, "api"),
            opened(settings, CATALOGUE, pool=_POOL) as log,
            closing(Inbox(settings)) as inbox,
            closing(Reception(log, inbox, CATALOGUE)) as reception,
            closing(Tenants(log.engine)) as tenants,
            closing(Estimates(log.engine, _clock)) as estimates,
            closing(StripeSecrets(log.engine, settings)) as stripe_secrets,
            ExitStack() as held,
            closing(
                News(partial(moved, log.engine), most=_room(), share=_MOST_FOR_ONE_ORDER)
            ) as news,
            closing(Looking(Glances(log.engine).at)) as looking,
        ):
            stripe_secrets.begin()
            levels = Levels(log.engine, settings, CATALOGUE)
            if served := serve_metrics(settings, levels.read):
                held.callback(served.close)
            app.state.desk = Desk(
                settings=settings,
                catalogue=CATALOGUE,
                log=log,
                reception=reception,
                news=news,
                asking=Meter(settings.api_requests_per_minute),
                searching=Meter(_LOOKS),
                looking=looking,
                reconciling=Meter(_QUESTIONS),
                returning=Meter(_SESSIONS),
                stripe=stripe_api(settings),
                blobs=blobs_of(settings),
                tenants=tenants,
                estimates=estimates,
                stripe_secrets=stripe_secrets,
                levels=levels,
                clock=_clock,
            )
            app.state.survey = held.enter_context(closing(Survey(app.state.desk)))
            yield

    app = FastAPI(
        title="Ledgerpress",
        version="1",
        description=_ABOUT,
        lifespan=open_log,
        docs_url=None,
        redoc_url=None,
        responses=problems.DESCRIBED,
    )
    app.add_middleware(Shortcut)
    app.add_middleware(Sieve)
    app.add_middleware(Watch)
    app.add_middleware(Frame, https=settings.https)
    problems.install(app)
    sessions.install(app)
    for part in (
        webhooks,
        ordering,
        orders,
        following,
        interventions,
        usage,
        history,
        feed,
        audit,
        audit_log,
        audit_order,
        products,
        shop,
        checkout,
        customer,
        links,
        log_in,
        ops,
        problems,
        documentation,
        schemas,
        health,
        measures,
    ):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
