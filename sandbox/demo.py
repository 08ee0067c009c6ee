"""Buys one report and shows what happens: ``./dev demo``."""

import argparse
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from httpx import HTTPError
from rich.console import Console

from events.errors import LedgerpressError
from events.plan import Product
from events.products import CATALOGUE
from sandbox.purchase import checkout_completed, post
from sandbox.running import ROOT, alone
from sandbox.starting import NotStartedError
from sandbox.story import Story, tell
from sandbox.system import System, standing
from sandbox.watching import NotFinishedError, Watch

BUYER = "jenny.rosen@example.com"


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return 0 if the report was delivered, 1 if it was not."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console = Console(highlight=False)
    product = CATALOGUE[options.product]
    folder = ROOT / ".run" / "sandbox"
    try:
        with alone(), standing(folder, speed=options.speed) as system:
            story = _buy(product, system, console, kill_worker=options.kill_worker)
            tell(story, console)
            if options.keep:
                console.print(
                    f"\nStill up at {system.url}/ and {system.mail}/ - press Ctrl-C to stop."
                )
                signal.pause()
            return 0
    except (NotFinishedError, NotStartedError, LedgerpressError, TimeoutError, HTTPError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _buy(product: Product, system: System, console: Console, *, kill_worker: bool) -> Story:
    event = checkout_completed(product, email=BUYER)
    session = event["data"]["object"]
    console.print(f"[bold]{product.title}[/bold]  {product.prices[0]}  for {BUYER}")
    began = time.monotonic()
    answer = post(event, url=system.url, secret=system.webhook_secret)
    answer.raise_for_status()
    order_id = answer.json()["order"]
    console.print(
        f"Stripe's event was answered [bold]{answer.status_code} {answer.json()['verdict']}[/bold] "
        f"after {1000 * (time.monotonic() - began):.0f} ms, order {order_id}"
    )
    watch = Watch(system, product, order_id, console)
    killed = watch.until_settled(kill_worker=kill_worker)
    return Story(
        system=system,
        product=product,
        order_id=order_id,
        session=session["id"],
        seconds=time.monotonic() - began,
        killed=killed,
        told_at=datetime.now(UTC),
        reports=Path(system.folder, "reports"),
    )


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--product", choices=sorted(CATALOGUE), default="life_clarity")
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        help="how many times faster the model answers and the pauses pass (default 1)",
    )
    parser.add_argument(
        "--kill-worker",
        action="store_true",
        help="kill the worker with SIGKILL in the middle, and see what is asked again",
    )
    parser.add_argument("--keep", action="store_true", help="stay up afterwards, until Ctrl-C")
    options = parser.parse_args(arguments)
    if options.speed <= 0:
        parser.error("--speed must be above zero")
    return options


if __name__ == "__main__":
    sys.exit(main())
