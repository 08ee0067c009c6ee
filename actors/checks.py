"""Looks at what workers stand on: the mail server, the model and the press. ``python -m actors.checks`` prints it."""

import http.client
import json
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from urllib.error import HTTPError, URLError

import msgspec

from actors.post import Post
from actors.press.rendering import FONTS, Press
from events.errors import LedgerpressError, Refused
from events.rates import rate
from storage.findings import Check, Finding, away, failure, look_all, warning, well
from storage.settings import Salvaged, Settings, salvage

_LIBRARIES = (
    "libgobject-2.0.so.0",
    "libpango-1.0.so.0",
    "libpangoft2-1.0.so.0",
    "libharfbuzz.so.0",
    "libharfbuzz-subset.so.0",
    "libfontconfig.so.1",
)
_LOAD = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
_UNAUTHORIZED = (401, 403)
_SECONDS = 8.0


def run(salvaged: Salvaged) -> int:
    """Print every finding as one line of JSON. Returns 0: each says itself how bad it is."""
    given = salvaged.settings
    checks = [
        Check("smtp", lambda: mail(given), needs=["SMTP_URL", "MAIL_FROM", "PUBLIC_URL"]),
        Check("model", lambda: model(given), needs=["OPENAI_API_KEY", "OPENAI_BASE_URL"]),
        Check("press", press, seconds=45),
    ]
    for finding in look_all(checks, salvaged.complaints):
        sys.stdout.write(msgspec.json.encode(finding).decode() + "\n")
        sys.stdout.flush()
    return 0


def mail(settings: Settings) -> Iterator[Finding]:
    """Say hello to the mail server, encrypt and log in as for a mail, and leave. Nothing is sent."""
    post = Post(
        smtp_url=settings.smtp_url.get_secret_value(),
        sender=settings.mail_from,
        public_url=settings.public_url,
    )
    why = "reports are made and cannot be sent"
    try:
        encrypted = post.greet(_SECONDS)
    except Refused as error:
        yield failure("smtp", str(error), why=why, do="check SMTP_URL; write @ in it as %40")
        return
    except LedgerpressError:
        do = "check SMTP_URL (smtps:// for port 465), and whether port 25, 465 or 587 is open from here"
        yield away("smtp", "the mail server does not answer, or not like one", why=why, do=do)
        return
    if encrypted or not settings.stripe_livemode:
        yield well("smtp", f"takes us in, {'encrypted' if encrypted else 'not encrypted'}")
    else:
        yield warning(
            "smtp",
            "the mail server offers no encryption",
            why="reports with names and birth dates travel readable by anybody on the way",
            do="use smtps://, or a server with STARTTLS",
        )


def model(settings: Settings) -> Iterator[Finding]:
    """Ask the endpoint which models it has: that needs the key, and costs nothing."""
    try:
        rate(settings.openai_model)
    except Refused as error:
        yield failure(
            "model.price",
            str(error),
            why="no worker starts: an order's cost and its limit could not be counted",
            do="add it to events/rates.py, or set OPENAI_MODEL to one that is there",
        )
    else:
        yield well("model.price", f"{settings.openai_model} has one")
    request = urllib.request.Request(  # noqa: S310 - http or https: the settings were checked
        settings.openai_base_url.rstrip("/") + "/models",
        headers={"Authorization": f"Bearer {settings.openai_api_key.get_secret_value()}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - the same
            listed = json.loads(answer.read(10_000_000))
    except HTTPError as error:
        yield _said(error.code)
    except (OSError, http.client.HTTPException) as error:
        yield _lost(error)
    except ValueError:
        yield warning(
            "model",
            "the endpoint answers, and not like OpenAI's",
            why="it may be a web page: then every call fails",
            do="OPENAI_BASE_URL usually ends with /v1",
        )
    else:
        yield _listed(listed, settings.openai_model)


def _said(code: int) -> Finding:
    if code in _UNAUTHORIZED:
        return failure(
            "model",
            f"the endpoint refuses the key ({code})",
            why="every order would go to attention",
            do="check OPENAI_API_KEY, and that it belongs to OPENAI_BASE_URL",
        )
    if code == http.client.NOT_FOUND:
        return warning(
            "model",
            "the endpoint cannot list its models (404)",
            why="the key cannot be tried for free, and the address may be wrong",
            do="OPENAI_BASE_URL usually ends with /v1",
        )
    if code == http.client.TOO_MANY_REQUESTS:
        return warning(
            "model",
            "the endpoint says: too many requests (429)",
            why="orders wait and try again; with no credit left, for ever",
            do="see the account's limits and balance",
        )
    return away(
        "model",
        f"the endpoint answers {code}",
        why="orders wait and try again",
        do="see the provider's status page",
    )


def _lost(error: BaseException) -> Finding:
    reason = error.reason if isinstance(error, URLError) else error
    why = "orders wait and try again, for hours"
    if isinstance(reason, ssl.SSLError):
        do = "check OPENAI_BASE_URL, this machine's clock, and its certificates (ca-certificates)"
        return failure("model", "the endpoint's certificate is not valid here", why=why, do=do)
    if isinstance(reason, socket.gaierror):
        found = "the endpoint's name is not known here"
    elif isinstance(reason, ConnectionRefusedError):
        found = "nobody listens at the endpoint"
    else:
        found = "the endpoint does not answer"
    return away("model", found, why=why, do="check OPENAI_BASE_URL, DNS, and the way out from here")


def _listed(listed: object, name: str) -> Finding:
    models = listed.get("data") if isinstance(listed, dict) else None
    names = {each.get("id") for each in models or [] if isinstance(each, dict)}
    if names and name not in names:
        return failure(
            "model",
            f"the endpoint takes the key and has no {name}",
            why="every order would go to attention",
            do="set OPENAI_MODEL to one of its models",
        )
    return well("model", f"the endpoint takes the key{' and has the model' if names else ''}")


def press() -> Iterator[Finding]:
    """The libraries, the fonts, and one page for trial."""
    missing = [name for name in _LIBRARIES if sys.platform == "linux" and not _loads(name)]
    for name in missing:
        yield failure(
            "press.libraries",
            f"{name} cannot be loaded",
            why="no report can be set",
            do="apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
        )
    if not missing:
        yield well("press.libraries", f"all {len(_LIBRARIES)} can be loaded")
    fonts = [*FONTS.rglob("*.ttf"), *FONTS.rglob("*.otf")]
    if not fonts or not (FONTS / "fonts.conf").exists():
        yield failure(
            "press.fonts",
            "the packaged fonts are not there",
            why="the press falls over without fonts",
            do="install the package again, with its data files",
        )
    else:
        yield well("press.fonts", f"{len(fonts)} packaged")
    try:
        with Press() as trial:
            pages = trial.render("<p>One page, for trial.</p>").pages
    except LedgerpressError as error:
        yield failure(
            "press",
            str(error),
            why="orders are written, and paid to the model, and never finished",
            do="see the libraries above, and the memory this process may have (400 MB for a piece)",
        )
    else:
        yield well("press", f"set {pages} page for trial")


def _loads(name: str) -> bool:
    """In a process of its own: a library may fall over when it is loaded."""
    loading = [sys.executable, "-c", _LOAD, name]
    return subprocess.run(loading, capture_output=True, timeout=20, check=False).returncode == 0  # noqa: S603


if __name__ == "__main__":
    sys.exit(run(salvage()))
