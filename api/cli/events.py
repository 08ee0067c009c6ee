"""``ledgerpress events``: the sealed log, as it grows and event by event, without personal data."""

import time
import uuid
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from api.cli._answer import Answer
from api.cli._ending import MISSING, USAGE, Stopped
from api.cli._looks import note
from api.cli._order_acts import house
from api.cli._word import Word
from api.cloud_events import told
from events.moments import BadMoment, read_moment, rfc3339
from events.why import chain
from storage import sealed
from storage.browsing import Sought, browse
from storage.database import again_once, connected
from storage.history import stream_of
from storage.naming import order_in, orders_named
from storage.readings import Reading
from storage.record import Log
from storage.sealed import Sealed

word = Word("The log: what was recorded of everything.")

_LOOK_SECONDS = 0.5
_FEW, _MOST = 20, 1000


@word.verb("tail")
def tail(
    number: Annotated[int, typer.Option("-n", help="At most so many.", min=0, max=_MOST)] = _FEW,
    kind: Annotated[str, typer.Option("--type", help="Only this type, like order-placed.")] = "",
    order: Annotated[
        str, typer.Option(help="Only this order's: its id, its number or its checkout session.")
    ] = "",
    actor: Annotated[
        str, typer.Option(help="Only what these did, like operator, stripe or keeper.")
    ] = "",
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
) -> Iterable[Answer]:
    """Show the newest sealed events, the oldest of them first; with --json a line each, as CloudEvents."""
    with house() as (log, settings):
        orders = _orders(log, order) if order else []
        streams = [stream_of(name) for name in orders] or None
        sought = Sought(streams=streams, type=kind, actor=actor)
        for name in orders:
            note(log, Reading(what="events", order=name))
        with connected(log.engine) as connection:
            seen = sealed.grown_tree(connection).size
        for each in _newest(log, sought, number, below=seen + 1):
            yield _line(each, settings.public_url)
        while follow:
            fresh = again_once(lambda after=seen: _behind(log, after))  # type: ignore[misc]
            for each in fresh:
                seen = each.position
                if sought.fits(each):
                    yield _line(each, settings.public_url)
            if not fresh:
                time.sleep(_LOOK_SECONDS)


@word.verb("show")
def show(
    event: Annotated[str, typer.Argument(help="Its id, or its position in the whole log.")],
) -> Answer:
    """Show a sealed event, and the events that led to it."""
    with house() as (log, settings):
        found = _found(log, event)
        if order := order_in(found.link.stream):
            note(log, Reading(what="event", order=order, version=found.link.version))
        data = told(found.position, found.link, settings.public_url).model_dump(
            mode="json", exclude_none=True
        )
        data["why"] = _why(log, found)
    plain = [f"{name}: {value}" for name, value in data.items() if name not in ("data", "why")]
    plain += [f"data.{name}: {value}" for name, value in data["data"].items()]
    led = [f"why: {each['version']} {each['type']}, {each['actor']}" for each in data["why"]]
    return Answer(data=data, shown=[*plain, *led])


def _newest(log: Log, sought: Sought, number: int, *, below: int) -> list[Sealed]:
    found: list[Sealed] = []
    further: int | None = below
    while further is not None and len(found) < number:
        page = browse(log.engine, sought, below=further, most=number - len(found))
        found += page.events
        further = page.further
    return found[::-1]


def _behind(log: Log, after: int) -> list[Sealed]:
    with connected(log.engine) as connection:
        return sealed.read(connection, after=after)


def _orders(log: Log, order: str) -> list[str]:
    found = orders_named(log.engine, order)
    if not found:
        raise Stopped(
            MISSING,
            f"there is no order {order!r}",
            next_="ledgerpress order list",
            reason="not-found",
        )
    return found


def _found(log: Log, event: str) -> Sealed:
    try:
        named = read_moment(event)
    except BadMoment:
        named = None
    if not isinstance(named, int | uuid.UUID):
        message = f"{event!r} is neither an event's id nor a position"
        raise Stopped(USAGE, message, next_="ledgerpress events tail", reason="usage")
    with connected(log.engine) as connection:
        found = (
            sealed.at(connection, named)
            if isinstance(named, int)
            else sealed.named(connection, named)
        )
    if found is None:
        message = (
            f"no sealed event is named {event}; an event is sealed a moment after it is recorded"
        )
        raise Stopped(MISSING, message, next_="ledgerpress events tail", reason="event-not-found")
    return found


def _why(log: Log, found: Sealed) -> list[dict[str, Any]]:
    """What led to it, for an event of an order."""
    order = order_in(found.link.stream)
    if not order:
        return []
    return [
        {
            "version": each.version,
            "type": each.type,
            "at": rfc3339(each.recorded_at),
            "actor": each.cause.actor,
            "causation": each.cause.causation,
        }
        for each in chain(log.recorded(order), found.link.version)
    ]


def _line(each: Sealed, source: str) -> Answer:
    event = told(each.position, each.link, source)
    at = rfc3339(each.link.recorded_at)
    shown = f"{each.position:>8}  {at}  {each.link.type:<18} {event.subject} {event.version}  {event.actor}"
    return Answer(data=event.model_dump(mode="json", exclude_none=True), shown=[shown])
