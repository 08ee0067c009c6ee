"""The ``ledgerpress`` command."""

import json
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer
import uvicorn
from rich.console import Console
from rich.table import Table

from events.errors import Conflict, LedgerpressError, NotFound, Unavailable
from events.products import CATALOGUE, faults
from storage import schema
from storage.database import connect, connected
from storage.settings import load, load_database
from storage.telemetry import start_logging

FAILURE, USAGE, MISSING, AWAY, CONFLICT = 1, 2, 3, 4, 5
_EXITS: tuple[tuple[type[LedgerpressError], int], ...] = (
    (NotFound, MISSING),
    (Unavailable, AWAY),
    (Conflict, CONFLICT),
    (LedgerpressError, USAGE),
)

app = typer.Typer(
    help="Sells AI-written reports and never loses a paid one.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
running = typer.Typer(help="Run a process in the foreground until SIGTERM.", no_args_is_help=True)
database = typer.Typer(help="The database's schema.", no_args_is_help=True)
products = typer.Typer(help="What is sold.", no_args_is_help=True)
app.add_typer(running, name="run")
app.add_typer(database, name="db")
app.add_typer(products, name="product")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
talk = Console(stderr=True, highlight=False)


def main() -> None:
    """Run the command line; every error of ours ends in one sentence and its exit code."""
    try:
        app()
    except LedgerpressError as error:
        talk.print(str(error), style="red", markup=False)
        sys.exit(next(code for kind, code in _EXITS if isinstance(error, kind)))


@running.command("api")
def run_api(host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve the webhooks, the API and the pages."""
    from api.app import create_app  # noqa: PLC0415 - the other commands start without FastAPI

    settings = load()
    start_logging(settings.log_format, process="api")
    uvicorn.run(
        create_app(settings),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
    )


@running.command("worker")
def run_worker(product: str) -> None:
    """Work on the orders of one product."""
    _become("worker", product)


@running.command("keeper")
def run_keeper() -> None:
    """Relay nudges and find forgotten orders. Any number may run."""
    _become("keeper")


@database.command("upgrade")
def upgrade(*, as_json: AsJson = False) -> None:
    """Bring the database to the newest schema. Safe to run again, and from several places at once."""
    settings = load_database()
    url = settings.database_owner_url or settings.database_url
    revision = schema.upgrade(url.get_secret_value())
    _say({"revision": revision}, as_json, lambda: talk.print(f"the schema is at {revision}"))


@database.command("check")
def check(*, as_json: AsJson = False) -> None:
    """Tell whether the database is at the newest schema; exit code 1 if it is not."""
    engine = connect(load_database().database_url.get_secret_value(), pool=1)
    with connected(engine) as connection:
        reached, newest = schema.current(connection)
    facts = {"revision": reached, "newest": newest}
    _say(facts, as_json, lambda: talk.print(f"the schema is at {reached}, the newest is {newest}"))
    if reached != newest:
        talk.print("run: ledgerpress db upgrade")
        raise typer.Exit(FAILURE)


@products.command("list")
def list_products(*, as_json: AsJson = False) -> None:
    """Show the catalogue."""
    rows = [
        {
            "product": product.name,
            "title": product.title,
            "sections": len(product.sections),
            "parts": list(product.parts),
            "prices": [
                {"amount": each.amount, "currency": each.currency} for each in product.prices
            ],
            "promise_seconds": product.promise,
        }
        for product in CATALOGUE.values()
    ]

    def show() -> None:
        table = Table("product", "title", "sections", "prices", "promise")
        for product in CATALOGUE.values():
            table.add_row(
                product.name,
                product.title,
                str(len(product.sections) or ", ".join(product.parts)),
                ", ".join(map(str, product.prices)),
                f"{product.promise:.0f} s",
            )
        Console().print(table)

    _say(rows, as_json, show)


@products.command("check")
def check_products(*, as_json: AsJson = False) -> None:
    """Look for mistakes in the catalogue; exit code 1 if there are any."""
    found = {name: faults(product, CATALOGUE) for name, product in CATALOGUE.items()}
    wrong = {name: list(each) for name, each in found.items() if each}

    def show() -> None:
        for name, each in wrong.items():
            for fault in each:
                talk.print(f"{name}: {fault}")
        talk.print(f"{len(CATALOGUE)} products, {len(wrong)} with mistakes")

    _say(wrong, as_json, show)
    if wrong:
        raise typer.Exit(FAILURE)


def _say(facts: Any, as_json: bool, show: Callable[[], None]) -> None:  # noqa: FBT001
    if as_json:
        sys.stdout.write(json.dumps(facts) + "\n")
    else:
        show()


def _become(*arguments: str) -> NoReturn:
    # The API's floor does not know the workers': it makes room for them.
    os.execv(sys.executable, [sys.executable, "-m", "actors", *arguments])  # noqa: S606


if __name__ == "__main__":
    main()
