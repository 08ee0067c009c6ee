"""The application: everything under ``api/`` put together, and its own health."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

from api import (
    documentation,
    history,
    interventions,
    orders,
    pages,
    problems,
    products,
    webhooks,
)
from api.desk import Desk, OnDesk
from api.problems import Problem
from api.reception import Reception
from api.requests import Frame
from api.templating import STATIC
from events.errors import Unavailable
from events.products import CATALOGUE
from storage import schema
from storage.blobs import Blobs
from storage.database import connected
from storage.inbox import Inbox
from storage.opening import opened
from storage.settings import Settings

# As many as Starlette's threads, in which the routes run.
_POOL = 20
_AMQP_PORT = 5672
_ABOUT = "Sells AI-written reports and never loses a paid one."

health = APIRouter(tags=["health"])


class Health(BaseModel):
    """What the API stands on."""

    database: str = Field(examples=["ok"])
    broker: str = Field(examples=["ok", "away"])


def create_app(settings: Settings) -> FastAPI:
    """The API and the pages; the log is opened when the server starts and closed when it stops."""

    @asynccontextmanager
    async def open_log(app: FastAPI) -> AsyncIterator[None]:
        with (
            opened(settings, CATALOGUE, pool=_POOL) as log,
            closing(Inbox(settings)) as inbox,
            closing(Reception(log, inbox, CATALOGUE)) as reception,
        ):
            app.state.desk = Desk(
                settings=settings,
                catalogue=CATALOGUE,
                log=log,
                reception=reception,
                blobs=Blobs(settings.blob_url),
                clock=lambda: datetime.now(UTC),
            )
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
    app.add_middleware(Frame)
    problems.install(app)
    for part in (
        webhooks,
        orders,
        interventions,
        history,
        products,
        pages,
        problems,
        documentation,
    ):
        app.include_router(part.router)
    app.include_router(health)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


@health.get("/livez", operation_id="isAlive")
async def livez() -> dict[str, bool]:
    """The process answers. Nothing is checked, so that nobody restarts it because something else is away."""
    return {"alive": True}


@health.get("/readyz", operation_id="isReady")
def readyz(desk: OnDesk) -> Health:
    """Postgres answers and its schema is the newest. Without the broker, payments are recorded all the same."""
    found = Health(database=_database(desk), broker=_broker(desk))
    if found.database != "ok":
        detail = f"database: {found.database}, broker: {found.broker}"
        raise Problem("unavailable", detail, headers={"Retry-After": "2"})
    return found


def _database(desk: Desk) -> str:
    try:
        with connected(desk.log.engine) as connection:
            reached, newest = schema.current(connection)
    except Unavailable as error:
        return error.reason
    return "ok" if reached == newest else "schema-out-of-date"


def _broker(desk: Desk) -> str:
    place = urlsplit(desk.settings.rabbitmq_url.get_secret_value())
    try:
        socket.create_connection((place.hostname or "", place.port or _AMQP_PORT), 1).close()
    except OSError:
        return "away"
    return "ok"
