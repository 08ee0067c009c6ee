"""What the verbs of ``ledgerpress order`` do: to one order, or to all that match, each after a look ahead."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from api.cli._answer import Answer
from api.cli._ending import CONFLICT, USAGE, Stopped
from api.cli._order_shown import as_data, dollars, foretold, line_of, lines_of, preview_data
from events.envelope import Cause
from events.errors import Conflict, NotFound, Refused, Unavailable
from events.foresight import Preview
from events.interventions import INVALID, Erase, Wish
from events.order import Order
from events.products import CATALOGUE
from events.rates import rate
from events.views import Word as Standing
from storage.blobs import blobs_of
from storage.erasing import finish
from storage.intervening import by_person, carry_out, look_ahead
from storage.opening import opened
from storage.orders import OrderRow, by_id, matching
from storage.record import Log
from storage.settings import Settings, load

_SAMPLE = 5
_LEFT = "it is recorded; the keeper destroys the key and the files as soon as nobody works on it any more"


@contextmanager
def house() -> Iterator[tuple[Log, Settings]]:
    """The log of orders and the settings, for as long as a verb needs them."""
    settings = load()
    with opened(settings, CATALOGUE, pool=1) as log:
        yield log, settings


def found_row(log: Log, order: str) -> OrderRow:
    """The order of that id. Raises ``NotFound``."""
    row = by_id(log.engine, order)
    if row is None:
        message = f"there is no order {order!r}"
        raise NotFound(message)
    return row


def filters(status: str, tenant: str, product: str, reason: str) -> dict[str, str]:
    """What orders must match; empty words let everything through."""
    if status and status not in set(Standing):
        raise Stopped(
            USAGE,
            f"no such status: {status}",
            next_=f"one of {', '.join(Standing)}",
            reason="usage",
        )
    return {"status": status, "tenant": tenant, "product": product, "reason": reason}


def one_or_all(
    wish: Wish,
    order: str,
    why: str,
    wanted: dict[str, str],
    *,
    every: bool,
    dry_run: bool,
    yes: bool,
) -> Answer:
    """Do it to the one order, or with ``every`` to all that are ``wanted``; of many only if ``yes``."""
    filtered = any(wanted.values())
    if bool(order) == every or (order and filtered) or (every and not filtered):
        raise Stopped(
            USAGE,
            "name one order, or give --all with a filter",
            next_="ledgerpress order retry --all --status attention --reason-code ... --reason '...'",
            reason="usage",
        )
    if order:
        return one(wish, order, why, dry_run=dry_run)
    return _all(wish, why, wanted, dry_run=dry_run or not yes)


def one(wish: Wish, order: str, why: str, *, dry_run: bool) -> Answer:
    """Say what it leads to; then do it, unless somebody does something to the order in between."""
    _check_reason(why)
    with house() as (log, settings):
        row = found_row(log, order)
        try:
            found, preview = _look_ahead(row.status.order, wish, log, settings)
        except Refused as error:
            code = USAGE if error.reason in INVALID else CONFLICT
            next_ = f"ledgerpress order show {row.status.order}"
            raise Stopped(code, str(error), next_=next_, reason=error.reason) from None
        shown = foretold(preview)
        if dry_run:
            data = {"order": found.id, "version": found.version, **preview_data(preview)}
            return Answer(data=data, shown=shown, talk="nothing was done")
        _carry_out(log, wish, found.id, why, _told(), expected=found.version)
        row = found_row(log, order)
    return Answer(data=as_data(row), shown=[*shown, *lines_of(row)])


def erased(wish: Erase, order: str, why: str, *, yes: bool) -> Answer:
    """Say what it leads to; with ``yes`` do it, and bring it to its end, or leave that to the keeper."""
    answer = one(wish, order, why, dry_run=not yes)
    if not yes:
        return replace(answer, talk="nothing was done; the same with --yes does it")
    with house() as (log, settings):
        row = found_row(log, order)
        try:
            whole = finish(row.subject, log, blobs_of(settings))
        except Unavailable:
            whole = False
    talk = "the key is destroyed and the files are gone" if whole else _LEFT
    return replace(answer, talk=talk)


def _all(wish: Wish, why: str, wanted: dict[str, str], *, dry_run: bool) -> Answer:
    """Do it to each that allows it; what does not is counted, and named with its reason."""
    _check_reason(why)
    done: list[str] = []
    refused: list[dict[str, str]] = []
    most_cost = 0
    cause = _told()
    with house() as (log, settings):
        rows = matching(log.engine, wanted)
        for row in rows:
            name = row.status.order
            try:
                found, preview = _look_ahead(name, wish, log, settings)
                most_cost += preview.most_cost
                if not dry_run:
                    _carry_out(log, wish, name, why, cause, expected=found.version)
                done.append(name)
            except (Refused, Conflict) as error:
                refused.append({"order": name, "reason": error.reason, "message": str(error)})
    verb = type(wish).__name__.lower()
    would = "would be" if dry_run else "were"
    count = f"{verb}: {len(done)} of {len(rows)} orders {would} done"
    sample = [line_of(row) for row in rows[:_SAMPLE]]
    lines = [*sample, f"... and {len(rows) - _SAMPLE} more"] if len(rows) > _SAMPLE else sample
    lines += [f"skipped {each['order']}: {each['message']}" for each in refused[:_SAMPLE]]
    if len(refused) > _SAMPLE:
        lines.append(f"... and {len(refused) - _SAMPLE} more skipped")
    if most_cost:
        lines.append(f"the calls to come can cost up to {dollars(most_cost)}")
    data = {"done": [] if dry_run else done, "orders": done, "skipped": refused}
    return Answer(
        data={**data, "most_cost": most_cost, "dry_run": dry_run},
        shown=[*lines, count],
        talk="nothing was done; the same with --yes does it" if dry_run and done else "",
    )


def _look_ahead(order: str, wish: Wish, log: Log, settings: Settings) -> tuple[Order, Preview]:
    return look_ahead(
        order,
        wish,
        expected=None,
        now=datetime.now(UTC),
        rate=rate(settings.openai_model),
        log=log,
        catalogue=CATALOGUE,
    )


def _told() -> Cause:
    """The cause of all that one command does, to however many orders."""
    return by_person(f"cli-{uuid.uuid4()}")


def _carry_out(log: Log, wish: Wish, order: str, why: str, cause: Cause, *, expected: int) -> None:
    carry_out(
        order,
        wish,
        why,
        expected=expected,
        now=datetime.now(UTC),
        cause=cause,
        log=log,
        catalogue=CATALOGUE,
    )


def _check_reason(why: str) -> None:
    if not why.strip():
        raise Stopped(USAGE, "a reason is needed", next_="--reason 'why'", reason="usage")
