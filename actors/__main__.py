"""Starts one process: ``python -m actors worker PRODUCT`` or ``python -m actors keeper``."""

import sys

from actors import keeper, worker
from events.errors import LedgerpressError
from events.products import CATALOGUE, find
from storage.settings import load
from storage.telemetry import start_logging
from storage.tracing import tracing

USAGE = 2
_NEXT = "docs/settings.md explains each setting; then: ledgerpress doctor"


def main(role: str = "", *names: str) -> int:
    """Run until told to stop; return the exit code. 2: wrong usage or settings, said in one line each."""
    try:
        settings = load()
        if role == "worker" and len(names) == 1:
            product = find(names[0])
            start_logging(settings.log_format, process=f"worker {product.name}")
            with tracing(settings, f"worker {product.name}"):
                return worker.run(product, CATALOGUE, settings)
        if role == "keeper" and not names:
            start_logging(settings.log_format, process="keeper")
            return keeper.run(CATALOGUE, settings)
    except LedgerpressError as error:
        sys.stderr.write(f"{error}\nnext: {_NEXT}\n")
        return USAGE
    sys.stderr.write(f"usage: ledgerpress run worker PRODUCT ({', '.join(CATALOGUE)}) | keeper\n")
    return USAGE


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
