"""A thousand orders at once while processes are killed, and a verdict on the promise: ``./dev storm``."""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial

import httpx
from rich.console import Console

from events.decide import MOST_CRASHES
from events.errors import LedgerpressError, Unavailable
from events.products import CATALOGUE
from events.views import SETTLED, Word
from sandbox.crowd import assortment, buy_all
from sandbox.report import Report, judged, show
from sandbox.running import ROOT, alone
from sandbox.starting import NotStartedError
from sandbox.system import System, standing
from sandbox.wrecking import GAP_SECONDS, wrecking
from storage import orders as rows
from storage import schema
from storage.opening import opened
from storage.record import Log
from storage.settings import read_from

_DATABASE = "ledgerpress_storm"
# Two workers of every product that can be lost over one order; the model answers after half a second.
COPIES = dict.fromkeys(("life_clarity", "personal_blueprint", "personal_horoscope", "bundle"), 2)
SPEED, LATENCY, THREADS = 50.0, 25.0, 4
_LOOK_SECONDS = 2.0
# So long nothing may be finished before we stop waiting and say what is left.
_PATIENCE_SECONDS = 300.0


def storm(
    system: System,
    wanted: Sequence[str],
    seed: int,
    *,
    gap: tuple[float, float] = GAP_SECONDS,
    console: Console,
) -> tuple[Report, dict[str, str]]:
    """Let everybody buy while processes are killed, wait until all orders are settled, and judge.

    Returns the report, and what was bought: orders' ids to products.
    """
    chance = random.Random(seed)  # noqa: S311 - chance, not secrecy
    groups = {
        name: system.processes.copies(name) for name in [*sorted(involved(wanted)), "api", "keeper"]
    }
    began = time.monotonic()
    with (
        opened(read_from(system.environment), CATALOGUE, pool=2) as log,
        wrecking(system.processes, groups, seed, gap, partial(on_last_life, log)) as wrecker,
    ):
        bought = buy_all(system, wanted, chance)
        placed_in = time.monotonic() - began
        console.print(f"{len(bought)} orders paid for in {placed_in:.0f} s")
        wrecker.spare(["api"])
        for left in unsettled(log, bought):
            console.print(f"{len(bought) - len(left)} of {len(bought)} settled")
            wrecker.spare(involved(wanted) - involved(bought[each] for each in left))
    seconds = time.monotonic() - began
    console.print("reading the log")
    report = judged(system, bought, wrecker.blows, placed_in=placed_in, seconds=seconds, seed=seed)
    return report, bought


def involved(products: Iterable[str]) -> set[str]:
    """These products, and the parts of those that have parts."""
    return {name for product in products for name in (product, *CATALOGUE[product].parts)}


def on_last_life(log: Log, product: str) -> bool:
    """Whether an order of the product would be given up if one more worker died over it.

    On a slow machine three can die in a row before anything comes of it. A person is asked then, which is right, but
    in a storm there is none.
    """
    at_work = (
        row.status.order
        for word in (Word.WRITING, Word.PRESSING, Word.DELIVERING)
        for row in rows.matching(log.engine, {"product": product, "status": word})
    )
    try:
        return any(log.read(each).order.crashes >= MOST_CRASHES - 1 for each in at_work)
    except Unavailable:
        return True  # as far as anybody knows


def unsettled(log: Log, bought: Iterable[str]) -> Iterator[list[str]]:
    """Yield the orders that are left whenever some have been settled, until none are, or none has been for long."""
    left = dict.fromkeys(bought, -1)  # each with the version that was seen
    moved = time.monotonic()
    while left and time.monotonic() < moved + _PATIENCE_SECONDS:
        time.sleep(_LOOK_SECONDS)
        before = len(left)
        with contextlib.suppress(Unavailable):
            for each in rows.moved(log.engine, left):
                left[each.status.order] = each.status.version
                if each.status.word in {*SETTLED, Word.ATTENTION}:
                    del left[each.status.order]
        if len(left) < before:
            moved = time.monotonic()
            yield list(left)


def main(arguments: list[str] | None = None) -> int:
    """Run a storm on a database of its own; return 0 if the promise was kept, 1 if not."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    talk, data = Console(stderr=True, highlight=False), Console(highlight=False)
    folder = ROOT / ".run" / "storm"
    try:
        with alone():
            shutil.rmtree(folder, ignore_errors=True)
            settings = {
                "DATABASE_URL": schema.made_afresh(os.environ["DATABASE_URL"], _DATABASE),
                "OPENAI_API_KEY": "",
            }
            with standing(
                folder,
                speed=SPEED,
                latency=LATENCY,
                threads=THREADS,
                settings=settings,
                copies=COPIES,
            ) as system:
                wanted = assortment(options.orders)
                report, _ = storm(system, wanted, options.seed, console=talk)
    except (NotStartedError, LedgerpressError, TimeoutError, httpx.HTTPError) as error:
        talk.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    if options.json:
        data.print_json(json.dumps({**asdict(report), "kept": report.kept}))
    else:
        show(report, data)
    return 0 if report.kept else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev storm", description=__doc__)
    parser.add_argument("--orders", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument(
        "--seed", type=int, default=1, help="what is struck and when is drawn from it (default 1)"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    if options.orders < 1:
        parser.error("--orders must be at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
