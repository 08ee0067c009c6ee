"""``ledgerpress buy``: a trial purchase through the real webhook, with an event signed like Stripe's."""

from collections.abc import Iterable
from typing import Annotated

import typer

from api.cli._answer import Answer
from api.cli._ending import USAGE, Stopped
from api.cli._order_watch import follow
from api.cli._word import Word
from events.errors import Unavailable
from events.products import CATALOGUE, find
from storage.settings import Settings, load
from storage.trial import backwards, checkout_completed, deliver

word = Word("Buy a report for trial, through the real webhook.")


@word.alone
def buy(
    product: Annotated[
        str, typer.Argument(help="What to buy.", autocompletion=lambda: list(CATALOGUE))
    ],
    *,
    email: Annotated[str, typer.Option(help="Who gets it.")] = "jenny.rosen@example.com",
    duplicate: Annotated[bool, typer.Option("--duplicate", help="Send each event twice.")] = False,
    out_of_order: Annotated[
        bool,
        typer.Option("--out-of-order", help="Say that it is paid, then that it is waited for."),
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Then follow the order.")] = False,
) -> Iterable[Answer]:
    """Post to PUBLIC_URL what Stripe would, signed with STRIPE_WEBHOOK_SECRET. Nobody pays, the report is real."""
    settings = load()
    if settings.stripe_livemode:
        message = "this installation takes real money: trial purchases are off while STRIPE_LIVEMODE is set"
        raise Stopped(USAGE, message, next_="buy it in the shop, and refund it", reason="live")
    event = checkout_completed(find(product), email=email)
    order = ""
    for each in backwards(event) if out_of_order else (event,):
        for _ in range(2 if duplicate else 1):
            answer = deliver(each, url=settings.public_url, secret=_secret(settings))
            order = answer.get("order", order)
            told = {"event": each["id"], "type": each["type"], **answer}
            said = f"{each['type']}  {answer['verdict']}  {order or 'not recorded yet'}"
            yield Answer(data=told, shown=[said], talk=_page(settings, event))
    if watch and not order:
        raise Unavailable("it waits in the durable inbox until Postgres is back", reason="queued")
    if watch:
        yield from follow(order)


def _secret(settings: Settings) -> str:
    return settings.stripe_webhook_secret[0].get_secret_value()


def _page(settings: Settings, event: dict[str, object]) -> str:
    session = event["data"]["object"]["id"]  # type: ignore[index]
    return f"the customer comes back to {settings.public_url}/checkout/return?session_id={session}"
