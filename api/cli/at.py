"""``ledgerpress at``: an order as it was at any moment, and what was different at another."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from api.cli._answer import Answer
from api.cli._ending import MISSING, USAGE, Stopped
from api.cli._looks import note
from api.cli._order_acts import found_row, house
from api.cli._order_shown import as_data, lines_of
from api.cli._word import Word
from events.moments import BadMoment, NoSuchMoment, read_moment, rfc3339
from events.products import CATALOGUE
from events.state import Change, Personal, State, Value, diff, state
from events.why import chain
from storage.naming import orders_named
from storage.past import Past, Then, past
from storage.readings import Reading
from storage.record import Log

word = Word("An order as it was at any moment.")

_NAME_ONE = "ledgerpress at ORDER 37, or an event's id, or 2026-11-21T13:02:11Z"
_SEALED = "(personal)"


@word.alone
def at(
    order: Annotated[str, typer.Argument(help="The order's id, number or checkout session.")],
    moment: Annotated[
        str, typer.Argument(metavar="VERSION|TIME", help="A version, an event's id or a time.")
    ],
    other: Annotated[
        str, typer.Option("--diff", metavar="OTHER", help="Only what has changed since OTHER.")
    ] = "",
) -> Answer:
    """Show an order as it was at a version, an event or a time (RFC 3339); or what changed between two."""
    with house() as (log, _):
        row = found_row(log, _named(log, order))
        history = past(row, log, CATALOGUE)
        then = _then(history, moment)
        before = _then(history, other) if other else None
        note(log, Reading(what="state", order=row.status.order, version=then.by.version))
    why = [
        {"version": each.version, "type": each.type}
        for each in chain(history.recorded, then.by.version)
    ]
    led = " > ".join(f"{each['version']} {each['type']}" for each in why)
    data: dict[str, Any] = {
        **as_data(then.row),
        "version": then.by.version,
        "last": history.last,
        "at": rfc3339(then.by.recorded_at),
        "event": {"id": str(then.by.id), "type": then.by.type, "actor": then.by.cause.actor},
        "why": why,
    }
    head = [
        f"version {then.by.version} of {history.last}, {data['at']}",
        *lines_of(then.row),
        f"why: {led}, by {then.by.cause.actor}",
        "",
    ]
    fields = _fields(then)
    if before is None:
        data["state"] = {path: _plain(value) for path, value in fields.items()}
        return Answer(data=data, shown=[*head, *_lines(data["state"])])
    changes = diff(_fields(before), fields)
    data["since"] = {"version": before.by.version, "at": rfc3339(before.by.recorded_at)}
    data["diff"] = [_change(each) for each in changes]
    since = f"since version {before.by.version}, {data['since']['at']}:"
    talk = "" if changes else "nothing is different"
    return Answer(data=data, shown=[*head, since, *_changed(changes)], talk=talk)


def _named(log: Log, order: str) -> str:
    """The id of the order of that name; what names none is left as it is."""
    found = orders_named(log.engine, order)
    if len(found) > 1:
        message = f"{len(found)} orders are called {order}: {', '.join(found)}"
        raise Stopped(USAGE, message, next_="the same with one of these ids", reason="ambiguous")
    return found[0] if found else order


def _then(history: Past, named: str) -> Then:
    try:
        return history.at(read_moment(named))
    except BadMoment as error:
        raise Stopped(USAGE, str(error), next_=_NAME_ONE, reason=error.reason) from None
    except NoSuchMoment as error:
        order = history.row.status.order
        next_ = f"ledgerpress order show {order}"
        raise Stopped(MISSING, str(error), next_=next_, reason=error.reason) from None


def _fields(then: Then) -> State:
    assert then.order.placed is not None
    return state(then.order, CATALOGUE.get(then.order.placed.product))


def _plain(value: Value) -> Any:
    return _SEALED if isinstance(value, Personal) else value


def _change(each: Change) -> dict[str, Any]:
    return {"path": each.path, "before": _plain(each.before), "after": _plain(each.after)}


def _lines(fields: dict[str, Any]) -> Iterable[str]:
    width = max(map(len, fields))
    return [f"{path:<{width}}  {value}" for path, value in fields.items()]


def _changed(changes: Iterable[Change]) -> Iterable[str]:
    for each in changes:
        before, after = _plain(each.before), _plain(each.after)
        shown = "" if before is None else f"{before} "
        yield f"{each.path}: {shown}-> {'(gone)' if after is None else after}"
