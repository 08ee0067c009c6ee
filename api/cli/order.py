"""``ledgerpress order``: look at orders, and do what only a person may do to them."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from api.cli._answer import Answer
from api.cli._ending import USAGE, Stopped
from api.cli._looks import note
from api.cli._order_acts import erased, filters, found_row, house, one, one_or_all
from api.cli._order_shown import as_data, lines_of, table
from api.cli._order_watch import follow
from api.cli._word import Word
from events.facts import NoteMade
from events.interventions import Arrived, Cancel, Correct, Erase, Resend, Retry
from storage.orders import matching
from storage.readings import Reading

word = Word("Orders: look at them, and do what only a person may.")

_MOST = 50

Order = Annotated[str, typer.Argument(help="The order's id.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept with the order, sealed.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what it would lead to.")]
Every = Annotated[bool, typer.Option("--all", help="All orders that the filters let through.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it to all of them.")]
ByStatus = Annotated[str, typer.Option("--status", help="Only with this status, like attention.")]
ByTenant = Annotated[str, typer.Option("--tenant", help="Only this tenant's.")]
ByProduct = Annotated[str, typer.Option("--product", help="Only of this product.")]
ByReason = Annotated[
    str, typer.Option("--reason-code", help="Only in trouble for this reason, like model-settings.")
]


@word.verb("list")
def show_all(
    status: ByStatus = "",
    tenant: ByTenant = "",
    product: ByProduct = "",
    reason: Annotated[
        str, typer.Option("--reason", "--reason-code", help="Only in trouble for this reason.")
    ] = "",
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = _MOST,
) -> Answer:
    """Show orders, the newest first."""
    wanted = filters(status, tenant, product, reason)
    with house() as (log, _):
        rows = matching(log.engine, wanted, most=limit)
    more = f"the newest {limit}; --limit shows more" if len(rows) == limit else ""
    return Answer(data=[as_data(row) for row in rows], shown=table(rows), talk=more)


@word.verb("show")
def show(order: Order) -> Answer:
    """Show where an order stands, and all that happened to it."""
    with house() as (log, _):
        row = found_row(log, order)
        note(log, Reading(what="history", order=row.status.order, version=row.status.version))
        recorded = log.recorded(row.status.order)
    history: list[dict[str, Any]] = [
        {
            "version": each.version,
            "at": each.recorded_at.isoformat(),
            "type": each.type,
            "actor": each.cause.actor,
            **({"note": each.event.text} if isinstance(each.event, NoteMade) else {}),
        }
        for each in recorded
    ]
    lines = [
        f"{each['version']:>5}  {each['at'][:19]}  {each['type']:<18} {each['actor']}"
        + (f"  {each['note']}" if "note" in each else "")
        for each in history
    ]
    return Answer(data={**as_data(row), "history": history}, shown=[*lines_of(row), "", *lines])


@word.verb("watch")
def watch(order: Order) -> Iterable[Answer]:
    """Follow an order until it is settled, or needs a person."""
    yield from follow(order)


@word.verb("retry")
def retry(
    why: Why,
    order: Annotated[str, typer.Argument(help="The order's id; or --all and filters.")] = "",
    *,
    dry_run: DryRun = False,
    every: Every = False,
    yes: Yes = False,
    status: ByStatus = "",
    tenant: ByTenant = "",
    product: ByProduct = "",
    reason_code: ByReason = "",
) -> Answer:
    """Let an order in attention go on where it stopped, and one that waits go on now."""
    wanted = filters(status, tenant, product, reason_code)
    return one_or_all(Retry(), order, why, wanted, every=every, dry_run=dry_run, yes=yes)


@word.verb("cancel")
def cancel(
    why: Why,
    order: Annotated[str, typer.Argument(help="The order's id; or --all and filters.")] = "",
    *,
    dry_run: DryRun = False,
    every: Every = False,
    yes: Yes = False,
    status: ByStatus = "",
    tenant: ByTenant = "",
    product: ByProduct = "",
    reason_code: ByReason = "",
) -> Answer:
    """Make and spend nothing further; a bundle's parts are cancelled with it. Gives no money back."""
    wanted = filters(status, tenant, product, reason_code)
    return one_or_all(Cancel(), order, why, wanted, every=every, dry_run=dry_run, yes=yes)


@word.verb("resend")
def resend(order: Order, why: Why, *, dry_run: DryRun = False) -> Answer:
    """Mail a delivered report once more."""
    return one(Resend(), order, why, dry_run=dry_run)


@word.verb("correct")
def correct(
    order: Order,
    why: Why,
    product: Annotated[str, typer.Option(help="What was meant to be bought.")] = "",
    email: Annotated[str, typer.Option(help="The buyer's address.")] = "",
    field: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A field; may be repeated.")
    ] = None,
    *,
    dry_run: DryRun = False,
) -> Answer:
    """Put right what was filled in. An order in attention then still has to be retried."""
    pairs = [each.partition("=") for each in field or []]
    if wrong := [name for name, equals, _ in pairs if not (name and equals)]:
        raise Stopped(
            USAGE, f"not NAME=VALUE: {wrong[0]}", next_="--field name='Ada Moreau'", reason="usage"
        )
    fields = {name: value for name, _, value in pairs}
    wish = Correct(product=product, email=email, fields=fields)
    return one(wish, order, why, dry_run=dry_run)


@word.verb("erase")
def erase(
    order: Order,
    why: Annotated[
        str,
        typer.Option("--reason", help="Why; kept for ever in the clear: name a request, nobody."),
    ],
    by: Annotated[str, typer.Option(help="Whose wish: customer, tenant or operator.")] = "customer",
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; nothing brings it back.")] = False,
) -> Answer:
    """Forget the customer: destroy the key to their data, and the files; a bundle's parts too."""
    return erased(Erase(by), order, why, yes=yes)


@word.verb("arrived")
def arrived(order: Order, why: Why, *, dry_run: DryRun = False) -> Answer:
    """Say that the mail has arrived of which nobody knew whether it went out."""
    return one(Arrived(), order, why, dry_run=dry_run)
