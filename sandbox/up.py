"""Keeps the whole system up and prints where everything is: ``./dev up``."""

import argparse
import signal
import socket
import sys

from rich.console import Console
from rich.table import Table

from events.errors import LedgerpressError
from sandbox.running import ROOT, alone
from sandbox.system import standing

_PORT = 8000


def main(arguments: list[str] | None = None) -> int:
    """Stay up until Ctrl-C or SIGTERM; return 0, or 1 if the system does not start."""
    parser = argparse.ArgumentParser(prog="./dev up", description=__doc__)
    parser.add_argument("--port", type=int, default=_PORT if _is_free(_PORT) else 0)
    parser.add_argument("--speed", type=float, default=1.0)
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
            table.add_row("API", f"{system.url}/docs")
            table.add_row("mails", f"{system.mail}/")
            table.add_row("model", system.model)
            table.add_row("operator's token", system.environment["OPERATOR_TOKEN"])
            table.add_row("auditor's token", system.environment["AUDITOR_TOKEN"])
            table.add_row("logs", str(system.folder / "logs"))
            console.print(table)
            console.print("Press Ctrl-C to stop.")
            while True:
                signal.pause()
    except KeyboardInterrupt:
        return 0
    except (LedgerpressError, TimeoutError) as error:
        console.print(str(error), style="red", markup=False)
        return 1


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


if __name__ == "__main__":
    sys.exit(main())
