"""What the process says of its own health: that it lives, that it is ready, and that it can take payments."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Literal
from urllib.parse import urlsplit

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.desk import Desk, OnDesk
from api.problems import Problem
from events.errors import Unavailable
from storage import inbox, schema
from storage.database import connected

_AMQP_PORT = 5672
# How long Postgres is waited for before the inbox is asked instead, in seconds. Whoever polls waits for less than 4.
_PATIENCE = 1.5
# Apart from the threads of all other routes, which may hang on Postgres.
_looking = ThreadPoolExecutor(4, thread_name_prefix="readiness")
_greeting = ThreadPoolExecutor(4, thread_name_prefix="greeting")

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """What the API stands on."""

    database: str = Field(examples=["ok"])
    broker: str = Field(examples=["ok", "away"])


@router.get("/livez", operation_id="isAlive")
async def livez() -> dict[str, bool]:
    """The process answers. Nothing is checked, so that nobody restarts it because something else is away."""
    return {"alive": True}


@router.get("/readyz", operation_id="isReady")
def readyz(desk: OnDesk) -> Health:
    """Postgres answers and its schema is the newest. Without the broker, payments are recorded all the same."""
    found = Health(database=_database(desk), broker=_broker(desk))
    if found.database != "ok":
        detail = f"database: {found.database}, broker: {found.broker}"
        raise Problem("unavailable", detail, headers={"Retry-After": "2"})
    return found


class Taking(BaseModel):
    """Where a payment would go now."""

    payments: Literal["recorded", "queued"] = Field(examples=["recorded"])


@router.get("/readyz/webhooks", operation_id="canTakePayments")
async def readyz_webhooks(desk: OnDesk) -> Taking:
    """A payment would be recorded, or wait in the durable inbox while Postgres is away.

    What polls this instead of `/readyz` keeps sending Stripe's events here when the inbox is there for them.
    Answers within 3 seconds.
    """
    looking = asyncio.wrap_future(_looking.submit(_usable, desk))
    with suppress(Unavailable, TimeoutError):
        if await asyncio.wait_for(looking, _PATIENCE):
            return Taking(payments="recorded")
        raise Problem("unavailable", "the schema is out of date", headers={"Retry-After": "2"})
    if await asyncio.wrap_future(_greeting.submit(inbox.answers, desk.settings)):
        return Taking(payments="queued")
    detail = "neither Postgres nor RabbitMQ can take a payment"
    raise Problem("unavailable", detail, headers={"Retry-After": "2"})


def _usable(desk: Desk) -> bool:
    with connected(desk.log.engine) as connection:
        return schema.usable(connection)


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
