"""Settings that cannot work, and settings that work and should not be used to sell anything."""

import base64
import os
from collections.abc import Iterator
from difflib import get_close_matches
from email.utils import parseaddr
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from storage.findings import Finding, attempt, failure, warning, well
from storage.settings import NAMES, Salvaged, Settings

HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 - nothing is bound to it
# Names that nobody can own: RFC 2606, RFC 6761.
_NOBODYS = (
    ".example",
    ".test",
    ".invalid",
    ".localhost",
    "example.com",
    "example.org",
    "example.net",
)
_SHORTEST_TOKEN = 16
_SHORTEST_SECRET = 20
# So few different bytes never come out of 32 random ones.
_FEWEST_BYTES = 16
_PRIVATE = 0o077


def look(salvaged: Salvaged) -> Iterator[Finding]:
    """All of them."""
    yield from _complaints(salvaged)
    yield from _lookalikes()
    yield from _env_file()
    given = salvaged.settings
    looks = {
        ("VAULT_KEY",): _vault_key,
        ("PUBLIC_URL",): _public_url,
        ("STRIPE_WEBHOOK_SECRET",): _stripe,
        ("OPENAI_BASE_URL",): _model,
        ("MAIL_FROM", "PUBLIC_URL"): _mail_from,
        ("OPERATOR_TOKEN", "AUDITOR_TOKEN"): _tokens,
        ("SPEED",): _speed,
    }
    for needs, each in looks.items():
        if not set(needs) & set(salvaged.complaints):
            yield from attempt(
                f"settings.{needs[0].lower().replace('_', '-')}", partial(each, given)
            )


def _complaints(salvaged: Salvaged) -> Iterator[Finding]:
    for name, complaint in salvaged.complaints.items():
        yield failure(
            f"settings.{name.lower().replace('_', '-')}",
            f"{name} {complaint}",
            why="no process of ours starts like this",
            do="docs/settings.md says what it is",
        )
    if not salvaged.complaints:
        yield well("settings", f"all {len(NAMES)} settings can be read")


def _lookalikes() -> Iterator[Finding]:
    ours = set(NAMES)
    for name in sorted(os.environ):
        near = get_close_matches(name, ours, n=1, cutoff=0.9)
        if name not in ours and near:
            yield warning(
                "settings.unknown",
                f"{name} is set, which nothing reads; {near[0]} is a setting",
                why="a misspelled setting is silently left at its default",
                do=f"rename it to {near[0]}, or remove it",
            )


def _env_file() -> Iterator[Finding]:
    path = Path(".env")
    if path.exists() and path.stat().st_mode & _PRIVATE:
        yield warning(
            "settings.env-file",
            "other users of this machine can read .env",
            why="it holds every secret of this installation",
            do="chmod 600 .env",
        )


def _vault_key(given: Settings) -> Iterator[Finding]:
    keys = [base64.b64decode(key.get_secret_value()) for key in given.vault_key]
    if any(
        len(set(key)) < _FEWEST_BYTES or (key.isascii() and key.decode().isprintable())
        for key in keys
    ):
        yield failure(
            "settings.vault-key",
            "VAULT_KEY is not random",
            why="whoever guesses it can read every customer's data",
            do="put a new one in front (openssl rand -base64 32) and keep the old behind it, after a comma",
        )
    elif len(set(keys)) < len(keys):
        yield warning(
            "settings.vault-key",
            "VAULT_KEY names the same key twice",
            why="it looks as if it had been rotated, and has not",
            do="make a new one: openssl rand -base64 32",
        )
    else:
        yield well("settings.vault-key", f"{len(keys)}, random")


def _public_url(given: Settings) -> Iterator[Finding]:
    url = urlsplit(given.public_url)
    here = (url.hostname or "") in HERE
    if given.stripe_livemode and (here or url.scheme == "http"):
        found = "PUBLIC_URL names this machine only" if here else "PUBLIC_URL is not encrypted"
        yield failure(
            "settings.public-url",
            f"{found}, and real money is taken (STRIPE_LIVEMODE)",
            why="every mail links to it; the link opens the customer's report",
            do="set it to the https:// address that customers use",
        )
    elif url.scheme == "http" and not here:
        yield warning(
            "settings.public-url",
            "PUBLIC_URL is not encrypted",
            why="the links in mails can be read on the way, and open the customer's report",
            do="put a web server with TLS in front and set an https:// address",
        )
    else:
        yield well(
            "settings.public-url", f"{url.scheme}, {'this machine only' if here else 'a host'}"
        )


def _stripe(given: Settings) -> Iterator[Finding]:
    secrets = [each.get_secret_value() for each in given.stripe_webhook_secret]
    misshapen = [
        each for each in secrets if not each.startswith("whsec_") or len(each) < _SHORTEST_SECRET
    ]
    if misshapen:
        yield failure(
            "settings.stripe-webhook-secret",
            f"{len(misshapen)} of {len(secrets)} in STRIPE_WEBHOOK_SECRET are not signing secrets",
            why="every event of that endpoint is refused with 400, and its payments are not heard of",
            do="copy the endpoint's signing secret (whsec_...) from Stripe; an API key (sk_...) is not one",
        )
    elif len(secrets) > 1:
        yield warning(
            "settings.stripe-webhook-secret",
            f"{len(secrets)} secrets are accepted",
            why="that is for the days of a rotation: an old one that leaked still opens the door",
            do="once Stripe signs with the new one only, remove the others",
        )
    else:
        yield well("settings.stripe-webhook-secret", "one, of the right shape")


def _model(given: Settings) -> Iterator[Finding]:
    url = urlsplit(given.openai_base_url)
    here = (url.hostname or "") in HERE
    if given.stripe_livemode and here:
        yield failure(
            "settings.openai-base-url",
            "the model is on this machine, and real money is taken (STRIPE_LIVEMODE)",
            why="the stand-in of the sandbox writes no report worth paying for",
            do="set OPENAI_BASE_URL to the real endpoint, or leave it out",
        )
    elif url.scheme == "http" and not here:
        yield warning(
            "settings.openai-base-url",
            "OPENAI_BASE_URL is not encrypted",
            why="the key and what customers wrote can be read on the way",
            do="use an https:// address",
        )
    else:
        yield well(
            "settings.openai-base-url", f"{url.scheme}, {'this machine' if here else 'a host'}"
        )


def _mail_from(given: Settings) -> Iterator[Finding]:
    domain = parseaddr(given.mail_from)[1].rpartition("@")[2].lower()
    host = (urlsplit(given.public_url).hostname or "").lower()
    if domain.endswith(_NOBODYS) and given.stripe_livemode:
        yield failure(
            "settings.mail-from",
            "MAIL_FROM is at a domain that nobody owns",
            why="reports that were paid for end as spam, or nowhere",
            do="use an address at your own domain, with SPF and DKIM for SMTP_URL's server",
        )
    elif host not in HERE and domain.split(".")[-2:] != host.split(".")[-2:]:
        yield warning(
            "settings.mail-from",
            "MAIL_FROM and PUBLIC_URL belong to different domains",
            why="mails whose links lead elsewhere look like phishing to filters and to people",
            do="use an address at the domain of PUBLIC_URL",
        )
    else:
        yield well("settings.mail-from", "at the domain of PUBLIC_URL, or this is a trial")


def _tokens(given: Settings) -> Iterator[Finding]:
    tokens = {
        name: token.get_secret_value()
        for name, token in (
            ("OPERATOR_TOKEN", given.operator_token),
            ("AUDITOR_TOKEN", given.auditor_token),
        )
        if token is not None
    }
    if "OPERATOR_TOKEN" not in tokens:
        yield warning(
            "settings.operator-token",
            "OPERATOR_TOKEN is not set",
            why="nobody can look after an order that needs a person",
            do="openssl rand -hex 24",
        )
    for name, token in tokens.items():
        if len(token) < _SHORTEST_TOKEN:
            yield failure(
                f"settings.{name.lower().replace('_', '-')}",
                f"{name} has fewer than {_SHORTEST_TOKEN} characters",
                why="it can be guessed, and opens every order",
                do="openssl rand -hex 24",
            )
    if len(tokens) > len(set(tokens.values())):
        yield warning(
            "settings.auditor-token",
            "operators and auditors have the same token",
            why="whoever may look may then also act",
            do="make two: openssl rand -hex 24",
        )


def _speed(given: Settings) -> Iterator[Finding]:
    if given.speed != 1 and given.stripe_livemode:
        yield warning(
            "settings.speed",
            f"SPEED is {given.speed:g}, and real money is taken (STRIPE_LIVEMODE)",
            why="the pauses that keep the model's rate limits are shortened",
            do="leave SPEED out",
        )
