"""The reference of the docs' site, made from the code: every command, and every operation of the API."""

from collections.abc import Iterator, Mapping
from typing import Any

import typer
from typer.core import TyperGroup

from api.app import create_app
from api.cli import app
from storage.settings import salvage

_METHODS = ("get", "post", "put", "patch", "delete")


def commands() -> str:
    """A page of all words and verbs of the command line."""
    return "\n".join(_commands())


def http() -> str:
    """A page of all operations of the API, as ``/openapi.json`` describes them."""
    return "\n".join(_operations(create_app(salvage().settings).openapi()))


def _commands() -> Iterator[str]:
    yield "# All commands\n"
    yield "Made from the code. What all verbs have in common is in [The command line](../command-line.md).\n"
    root: Any = typer.main.get_command(app)
    context = root.context_class(root, info_name="ledgerpress")
    for name in root.list_commands(context):
        word = root.get_command(context, name)
        yield f"## `{name}`\n"
        yield from _verbs(word, word.context_class(word, info_name=name, parent=context))


def _verbs(word: Any, context: Any) -> Iterator[str]:
    if not isinstance(word, TyperGroup):
        yield from _verb(word, context)
        return
    yield f"{_text(word.help)}\n"
    for name in word.list_commands(context):
        verb: Any = word.get_command(context, name)
        below = verb.context_class(verb, info_name=name, parent=context)
        yield f"### `{below.command_path.removeprefix('ledgerpress ')}`\n"
        yield from _verb(verb, below)


def _verb(verb: Any, context: Any) -> Iterator[str]:
    usage = " ".join(verb.collect_usage_pieces(context))
    yield f"```text\n{context.command_path} {usage}\n```\n"
    yield f"{_text(verb.help)}\n"
    rows = [
        record
        for each in verb.get_params(context)
        if (record := each.get_help_record(context)) and record[0] != "--help"
    ]
    if rows:
        yield "| option | |\n|---|---|"
        yield from (f"| `{name}` | {_cell(about)} |" for name, about in rows)
        yield ""


def _operations(described: Mapping[str, Any]) -> Iterator[str]:
    yield "# The HTTP API\n"
    yield f"{described['info']['description']} Made from the code, like `/openapi.json` and `/docs` of a running API.\n"
    for path, operations in described["paths"].items():
        for method in _METHODS:
            if method in operations:
                yield from _operation(f"{method.upper()} {path}", operations[method])


def _operation(title: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"## `{title}`\n"
    yield f"{_text(operation.get('summary', ''))}. {_text(operation.get('description', ''))}\n"
    if parameters := operation.get("parameters"):
        yield "| parameter | in | required | |\n|---|---|---|---|"
        for each in parameters:
            need = "yes" if each.get("required") else ""
            yield f"| `{each['name']}` | {each['in']} | {need} | {_cell(each.get('description', ''))} |"
        yield ""
    yield "| status | |\n|---|---|"
    for status, answer in sorted(operation["responses"].items()):
        yield f"| {status} | {_cell(answer.get('description', ''))} |"
    yield ""


def _text(given: str | None) -> str:
    """Prose: a line break means nothing, an empty line does."""
    paragraphs = (given or "").replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


def _cell(given: str) -> str:
    return _text(given).replace("\n\n", " ").replace("|", "\\|")
