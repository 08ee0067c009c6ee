"""What every verb has: ``--json``, an exit code, and an error that says what to try next."""

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from api.cli._answer import Answer
from api.cli._bar import Bar
from api.cli._ending import CLOSED, FAILURE, OK, complain, end
from events.errors import LedgerpressError

Verb = Callable[..., Answer | Iterable[Answer] | None]

_JSON = Annotated[
    bool, typer.Option("--json", help="Print JSON on stdout, and an error as JSON on stderr.")
]


class Word:
    """A word of the command line: a noun with verbs, or ``alone`` a verb itself."""

    def __init__(self, about: str) -> None:
        self._verbs = typer.Typer(
            help=about, no_args_is_help=True, add_completion=False, rich_markup_mode=None
        )
        self._alone = False

    def verb(self, name: str) -> Callable[[Verb], Verb]:
        """Make a function the verb ``name``: its parameters are the arguments, its docstring is the help.

        It returns an ``Answer``; or yields several, each of which is shown as it comes (with ``--json`` one line
        each), the last one's exit code counting; or nothing. What it raises of ours ends the command.
        """

        def add(function: Verb) -> Verb:
            self._verbs.command(name)(_speaking(function))
            return function

        return add

    def alone(self, function: Verb) -> Verb:
        """Make a function what this word does: ``ledgerpress doctor``."""
        self._alone = True
        self._verbs.command()(_speaking(function))
        return function

    def command(self, name: str) -> Any:
        """What the command line calls ``name``."""
        if not self._alone:
            self._verbs.callback()(lambda: None)  # a noun stays one, also while it has one verb
        command = typer.main.get_command(self._verbs)
        command.name = name
        return command


def _speaking(function: Verb) -> Callable[..., None]:
    """The verb as typer calls it."""

    @functools.wraps(function)
    def speak(*given: Any, as_json: bool, **named: Any) -> None:
        raise typer.Exit(_spoken(lambda: function(*given, **named), as_json=as_json))

    signature = inspect.signature(function)
    option = inspect.Parameter(
        "as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_JSON
    )
    parameters = [*signature.parameters.values(), option]
    vars(speak)["__signature__"] = signature.replace(parameters=parameters)
    speak.__annotations__ = {**function.__annotations__, "as_json": _JSON}
    return speak


def _spoken(verb: Callable[[], Answer | Iterable[Answer] | None], *, as_json: bool) -> int:
    code = OK
    _log_to_stderr(as_json=as_json)
    try:
        answers = verb()
        with Bar(as_json=as_json) as bar:
            for answer in [answers] if isinstance(answers, Answer) else answers or ():
                code = bar.say(answer)
    except LedgerpressError as error:
        return end(error, as_json=as_json)
    except BrokenPipeError:
        # Nobody reads any more. Python would complain of it once again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    except Exception as error:  # noqa: BLE001 - its text may repeat anything, so only its place is told
        from storage.telemetry import where  # noqa: PLC0415 - seldom needed

        place = where(error)
        message = f"a mistake in Ledgerpress itself: {place['error']} at {place['where']}"
        hint = "report this line; it holds no secret and no personal data"
        return complain(FAILURE, message, reason="unforeseen", next_=hint, as_json=as_json)
    return code


def _log_to_stderr(*, as_json: bool) -> None:
    # Where nothing of storage was imported, nothing logs; then the command starts without what logging needs.
    if "storage.telemetry" in sys.modules:
        from storage.telemetry import start_logging  # noqa: PLC0415 - the same

        start_logging("json" if as_json else "console", process="ledgerpress")
