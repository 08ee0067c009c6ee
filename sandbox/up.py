"""Keeps the whole system up and prints where everything is: ``./dev up``."""

import argparse
import signal
import socket
import sys
from urllib.parse import urljoin

import httpx
from rich.console import Console
from rich.table import Table

from events.errors import LedgerpressError
from events.plan import Product
from events.products import CATALOGUE
from sandbox.purchase import checkout_completed, post
from sandbox.running import ROOT, alone
from sandbox.starting import NotStartedError
from sandbox.system import System, standing

_PORT = 8000


def main(arguments: list[str] | None = None) -> int:
    """Stay up until Ctrl-C or SIGTERM; return 0, or 1 if the system does not start."""
    parser = argparse.ArgumentParser(prog="./dev up", description=__doc__)
    parser.add_argument("--port", type=int, default=_PORT if _is_free(_PORT) else 0)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument(
        "--product",
        choices=sorted(CATALOGUE),
        default="life_clarity",
        help="what is bought at the start, so that there is something to see",
    )
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    console = Console(highlight=False)
    try:
        with (
            alone(),
            standing(ROOT / ".run" / "sandbox", speed=options.speed, port=options.port) as system,
        ):
            table = Table.grid(padding=(0, 2))
            table.add_row("shop", f"{system.url}/")
            if system.stands_in:  # a real model would cost real money
                table.add_row("customer's page", bought(CATALOGUE[options.product], system))
            table.add_row("API", f"{system.url}/docs")
            table.add_row("mails", f"{system.mail}/")
            table.add_row("model", system.model)
            table.add_row("operator's page", f"{system.url}/ops")
            table.add_row("auditor's page", f"{system.url}/audit")
            table.add_row("operator's token", system.environment["OPERATOR_TOKEN"])
            table.add_row("auditor's token", system.environment["AUDITOR_TOKEN"])
            table.add_row("logs", str(system.folder / "logs"))
            console.print(table)
            console.print("Press Ctrl-C to stop.")
            while True:
                signal.pause()
    except KeyboardInterrupt:
        return 0
    except (NotStartedError, LedgerpressError, TimeoutError, httpx.HTTPError) as error:
        console.print(str(error), style="red", markup=False)
        return 1


def bought(product: Product, system: System) -> str:
    """Buy one and return the address of its customer's page, as Stripe's return address would lead there."""
    event = checkout_completed(product, email="jenny.rosen@example.com")
    post(event, url=system.url, secret=system.webhook_secret).raise_for_status()
    session = event["data"]["object"]["id"]
    led = httpx.get(f"{system.url}/checkout/return", params={"session_id": session}, timeout=30)
    return urljoin(system.url, led.headers["Location"])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


if __name__ == "__main__":
    sys.exit(main())
