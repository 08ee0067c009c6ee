"""Stripe: whether it answers us, with a key that may ask and that is of the right mode."""

from collections.abc import Iterator
from datetime import UTC, datetime

from events.errors import Refused, Unavailable
from events.payments import LISTENED
from storage.findings import Finding, away, failure, warning, well
from storage.settings import Settings
from storage.stripe_api import stripe_api

_CHECK = "stripe"


def look(settings: Settings) -> Iterator[Finding]:
    """Ask for what is asked for every hour, from now on: nothing."""
    api = stripe_api(settings)
    if api is None or settings.stripe_api_key is None:
        yield well(_CHECK, "no STRIPE_API_KEY: only its webhooks tell of payments")
        return
    mode = settings.stripe_api_key.get_secret_value().split("_")[1:2]
    if mode == (["test"] if settings.stripe_livemode else ["live"]):
        yield failure(
            _CHECK,
            "STRIPE_API_KEY and STRIPE_LIVEMODE do not go together",
            why="Stripe would be asked for payments that do not count here",
            do="set the key of the same mode",
        )
        return
    now = datetime.now(UTC)
    try:
        list(api.sessions(now))
        list(api.undelivered(now, LISTENED))
    except Unavailable as error:
        yield away(
            _CHECK, str(error), why="lost webhooks are found later", do="see status.stripe.com"
        )
    except Refused as error:
        yield failure(
            _CHECK,
            str(error),
            why="payments that no webhook told of are not found",
            do="make a restricted key that may read checkout sessions and events",
        )
    else:
        yield well(_CHECK, "answers, and its key may ask for sessions and events")
    if settings.stripe_api_key.get_secret_value().startswith("sk_live_"):
        yield warning(
            "stripe.key",
            "STRIPE_API_KEY may do everything",
            why="whoever gets it can move money",
            do="make a restricted key (rk_...): it only reads checkout sessions and events",
        )
