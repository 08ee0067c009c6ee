"""Starts one process: ``python -m actors worker PRODUCT`` or ``python -m actors keeper``."""

import sys

from events.errors import LedgerpressError
from events.products import CATALOGUE, find
from storage.garbage import collect_nothing_yet

USAGE = 2
_NEXT = "docs/settings.md explains each setting; then: ledgerpress doctor"


def main(role: str = "", *names: str) -> int:
    """Run until told to stop; return the exit code. 2: wrong usage or settings, said in one line each."""
    collect_nothing_yet()
    from storage.settings import load  # noqa: PLC0415 - only now
    from storage.telemetry import start_logging  # noqa: PLC0415 - the same
    from storage.tracing import tracing  # noqa: PLC0415 - the same

    try:
        settings = load()
        if role == "worker" and len(names) == 1:
            product = find(names[0])
            from actors import worker  # noqa: PLC0415 - the keeper needs nothing of it

            start_logging(settings.log_format, process=f"worker {product.name}")
            with tracing(settings, f"worker {product.name}"):
                return worker.run(product, CATALOGUE, settings)
        if role == "keeper" and not names:
            from actors import keeper  # noqa: PLC0415 - no worker needs it

            start_logging(settings.log_format, process="keeper")
            return keeper.run(CATALOGUE, settings)
    except LedgerpressError as error:
        sys.stderr.write(f"{error}\nnext: {_NEXT}\n")
        return USAGE
    sys.stderr.write(f"usage: ledgerpress run worker PRODUCT ({', '.join(CATALOGUE)}) | keeper\n")
    return USAGE


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
