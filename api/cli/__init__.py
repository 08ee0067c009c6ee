"""The ``ledgerpress`` command. Each module beside this one is a word of it: ``product.py`` is ``ledgerpress product``.

To add a word, add a module with a ``word`` in it; it is found by its file name and imported only when it is asked for::

    word = Word("What is sold.")

    @word.verb("list")
    def show(*, full: bool = False) -> Answer:
        '''Show the catalogue.'''
        return Answer(data=..., shown=Rows(("product", "title"), ...))

``_word.py`` says what every verb has, ``_answer.py`` how data are shown, ``_ending.py`` how a command ends.
Modules that begin with ``_`` are no words.
"""

import importlib
import pkgutil
import sys
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from api.cli._ending import INTERRUPTED, OK, USAGE, complain
from api.cli._word import Word


class _Words(TyperGroup):
    """The words there are, each imported when it is asked for: a command starts without what the others need."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer calls it with all it has
        """The modules of this package that are words."""
        names = (module.name for module in pkgutil.iter_modules(__path__))
        return sorted(name for name in names if not name.startswith("_"))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The word of that name, or ``None``."""
        if cmd_name not in self.list_commands(ctx):
            return None
        word: Word = importlib.import_module(f"{__name__}.{cmd_name}").word
        return word.command(cmd_name)


app = typer.Typer(
    cls=_Words,
    help="Sells AI-written reports and never loses a paid one.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _root() -> None:
    """Make it a group, also while it has no words of its own."""


def main() -> None:
    """Run the command line, and end the process with the exit code of what was asked."""
    try:
        code = app(standalone_mode=False, prog_name="ledgerpress")
    except TyperException as error:
        sys.exit(_misused(error))
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    sys.exit(code or OK)


def _misused(error: TyperException) -> int:
    context = getattr(error, "ctx", None)
    where = context.command_path if context else "ledgerpress"
    message = error.format_message()
    if message.startswith("Usage:"):  # nothing was asked: what could be asked is the answer
        sys.stderr.write(message + "\n")
        return USAGE
    return complain(
        USAGE, message, reason="usage", next_=f"{where} --help", as_json="--json" in sys.argv[1:]
    )
