"""The whole system as real processes on this machine, among stand-ins for what is not ours."""

import base64
import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from events.products import CATALOGUE
from sandbox.keeping import Kept, keep_running
from sandbox.starting import started, started_mail_sink
from storage import schema

_READY_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A running system: where everything is, and its processes by name."""

    url: str
    mail: str
    model: str
    stands_in: bool
    folder: Path
    environment: Mapping[str, str]
    processes: Kept

    @property
    def webhook_secret(self) -> str:
        """What the stand-in card company signs with."""
        return self.environment["STRIPE_WEBHOOK_SECRET"].split(",", maxsplit=1)[0].strip()


@contextmanager
def standing(
    folder: Path,
    *,
    speed: float = 1.0,
    port: int = 0,
    threads: int = 4,
    latency: float = 3.0,
    settings: Mapping[str, str] | None = None,
    copies: Mapping[str, int] | None = None,
    through: Callable[[str], str] = str,
) -> Iterator[System]:
    """Start everything over the services named in the environment; stop it all on leaving.

    ``folder`` keeps keys, files, mails and logs. The stand-in model is used unless ``OPENAI_API_KEY`` is set.
    ``settings`` go before everything else. ``copies`` says of which products there is not one worker, but more or none;
    they are named as ``workers_of`` says. ``through`` may put something between our processes and the stand-in mail
    server and model: given where one is, it says where our processes are to look for it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    given = {**os.environ, **(settings or {})}
    with ExitStack() as stack:
        mail = stack.enter_context(
            started_mail_sink(
                "--directory", str(folder / "mail"), "--smtp-port", "0", "--http-port", "0"
            )
        )
        model = given.get("OPENAI_BASE_URL", "")
        stands_in = not given.get("OPENAI_API_KEY")
        if stands_in:
            log = str(folder / "model-requests.ndjson")
            knobs = ["--latency", str(latency), "--speed", str(speed)]
            model = stack.enter_context(
                started("sandbox.model_server", "--port", "0", *knobs, "--log", log)
            )
            given |= {"OPENAI_API_KEY": "sk-stand-in", "OPENAI_BASE_URL": through(model)}
        keys = _keys(folder / "keys.json")
        if not given.get("STRIPE_API_KEY"):
            secret = given.get("STRIPE_WEBHOOK_SECRET", keys["STRIPE_WEBHOOK_SECRET"])
            signs = {"STRIPE_WEBHOOK_SECRET": secret.split(",", maxsplit=1)[0].strip()}
            api = stack.enter_context(
                started("sandbox.stripe_server", "--port", "0", "--cashier", environment=signs)
            )
            given |= {"STRIPE_API_KEY": "sk_test_stand_in", "STRIPE_API_BASE_URL": api}
        port = port or free_port()
        url = f"http://127.0.0.1:{port}"
        environment = {
            "BLOB_URL": (folder / "blobs").resolve().as_uri(),
            "SMTP_URL": through(mail.smtp),
            "MAIL_FROM": "Ledgerpress <reports@ledgerpress.example>",
            "PUBLIC_URL": url,
            "LOG_FORMAT": "json",
            "SPEED": str(speed),
            "WORKER_THREADS": str(threads),
            **keys,
            **given,
        }
        schema.upgrade(environment.get("DATABASE_OWNER_URL") or environment["DATABASE_URL"])
        commands = {"api": ["api", "--port", str(port)], "keeper": ["keeper"]}
        commands |= {
            name: ["worker", product]
            for product in CATALOGUE
            for name in workers_of(product, (copies or {}).get(product, 1))
        }
        processes = stack.enter_context(keep_running(commands, environment, folder / "logs"))
        _wait_until_ready(url, processes)
        yield System(
            url=url,
            mail=mail.http,
            model=model,
            stands_in=stands_in,
            folder=folder,
            environment=environment,
            processes=processes,
        )


def workers_of(product: str, copies: int) -> list[str]:
    """What the processes of a product are called: the first as the product, then ``.2``, ``.3``, ..."""
    return [product, *(f"{product}.{number}" for number in range(2, copies + 1))][:copies]


def free_port() -> int:
    """A port of this machine that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _keys(path: Path) -> dict[str, str]:
    # Kept from run to run, or the orders of earlier runs could not be read any more.
    if not path.exists():
        made = {
            "SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "VAULT_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
            "OPERATOR_TOKEN": secrets.token_urlsafe(24),
            "AUDITOR_TOKEN": secrets.token_urlsafe(24),
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(made), "utf-8")
    kept: dict[str, str] = json.loads(path.read_text("utf-8"))
    return kept


def _wait_until_ready(url: str, processes: Kept) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", timeout=10).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass  # not listening yet
        time.sleep(0.1)
    message = (
        f"the API was not ready within {_READY_SECONDS:.0f} s; its log: {processes.log('api')}"
    )
    raise TimeoutError(message)
