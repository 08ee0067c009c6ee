"""An API process as in production, and a bare one beside it, on the same database."""

import json
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.api.line import Answer, Line, request
from benchmarks.engine.ground import Ground, Process, wait_for
from events.products import CATALOGUE
from sandbox.purchase import checkout_completed, signature
from sandbox.system import free_port
from storage import api_keys, tenants
from storage.opening import opened
from storage.record import Log
from storage.settings import read_from

PRODUCT = CATALOGUE["life_clarity"]
_SECRET = "whsec_bench"  # noqa: S105 - of nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Where both listen. ``key`` is a tenant's; ``log`` is that of the house, for events from elsewhere."""

    port: int
    bare: int
    api: Process
    key: str
    log: Log

    def payments(self, number: int) -> list[bytes]:
        """So many signed events of new payments, as bytes for the default tenant's webhook."""
        return [_payment("/webhooks/stripe") for _ in range(number)]

    def bare_payments(self, number: int) -> list[bytes]:
        """The same for the bare route."""
        return [_payment("/webhook") for _ in range(number)]

    async def order(self) -> str:
        """An order of the tenant's, placed by its program; its id."""
        line = await Line.open(self.port)
        body = b'{"product": "life_clarity", "fields": {"name": "Jenny"}, "email": "j@example.com"}'
        placed = await line.ask(
            request(
                "POST",
                "/v1/orders",
                body,
                Authorization=f"Bearer {self.key}",
                Idempotency_Key=secrets.token_hex(8),
                Content_Type="application/json",
            )
        )
        await line.close()
        return placed.header("location").rpartition("/")[2]

    def ask(self, path: str, **headers: str) -> bytes:
        """A question of the tenant's program."""
        return request("GET", path, b"", Authorization=f"Bearer {self.key}", **headers)


@contextmanager
def house(ground: Ground) -> Iterator[House]:
    """Both processes, ready to answer."""
    port, bare = free_port(), free_port()
    more = {
        "STRIPE_WEBHOOK_SECRET": _SECRET,
        "API_REQUESTS_PER_MINUTE": "100000000",
        "OPERATOR_TOKEN": "operator",
    }
    ours = [sys.executable, "-m", "api.cli", "run", "api", "--port", str(port)]
    theirs = [sys.executable, "-m", "benchmarks.api.bare", str(bare)]
    with (
        opened(read_from({**ground.environment, **more}), CATALOGUE) as log,
        ground.running(ours, **more) as api,
        ground.running(theirs, **more) as process,
    ):
        wait_for(lambda: _answers(port, "/readyz"), 30, "the API did not start", api)
        wait_for(lambda: _answers(bare, "/json"), 30, "the bare routes did not start", process)
        name = f"bench-{secrets.token_hex(4)}"
        tenants.add(log.engine, name, name)
        key, _ = api_keys.make(log.engine, name, "bench")
        yield House(port=port, bare=bare, api=api, key=key, log=log)
        ground.forget_queues(*(each.queue for each in CATALOGUE.values()))


def fine(answer: Answer) -> bool:
    """Whether it is a success."""
    return answer.status in (200, 202)


def unchanged(answer: Answer) -> bool:
    """Whether there was nothing new."""
    return answer.status == 304  # noqa: PLR2004 - Not Modified


def _payment(path: str) -> bytes:
    body = json.dumps(checkout_completed(PRODUCT, email="jenny.rosen@example.com")).encode()
    return request("POST", path, body, Stripe_Signature=signature(body, _SECRET))


def _answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
