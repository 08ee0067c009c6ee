"""An answer that is one JSON object: whether it has the keys, and under them the values, that its product promises."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from events.form import FEWEST, MOST, counted
from events.plan import Key


def _unknown(constant: str) -> None:
    raise ValueError(constant)


_decoder = json.JSONDecoder(parse_constant=_unknown)


def read(text: str) -> dict[str, Any] | None:
    """The object that ``text`` is; ``None`` if it is none, or says what JSON cannot, or is too deep to be read."""
    try:
        found = _decoder.decode(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def whole(text: str, keys: Sequence[Key]) -> bool:
    """Whether a program that was promised ``keys`` can work with it: there, of their kind, not all empty."""
    answer = read(text)
    return answer is not None and not any(_of_its_keys(answer, keys)) and _says_something(answer)


def faults(text: str, keys: Sequence[Key]) -> list[str]:
    """What is wrong with ``text``, in sentences to the writer that repeat nothing of it."""
    answer = read(text)
    if answer is None:
        return ["It is not one JSON object and nothing else."]
    found = list(_of_its_keys(answer, keys))
    if not _says_something(answer):
        found.append("It says nothing.")
    return found or list(_of_its_counts(answer, keys))


def _of_its_keys(answer: dict[str, Any], keys: Sequence[Key]) -> Iterator[str]:
    for key in keys:
        value = answer.get(key.name)
        if key.listed and not _is_list_of_texts(value):
            yield f'"{key.name}" is not an array of strings.'
        elif not key.listed and not isinstance(value, str):
            yield f'"{key.name}" is not a string.'


def _of_its_counts(answer: dict[str, Any], keys: Sequence[Key]) -> Iterator[str]:
    if keys and answer.keys() - {key.name for key in keys}:
        yield "It has keys that were not asked for."
    # Where there was nothing to read, this is said, and no more.
    if not any(answer[key.name] for key in keys if key.listed):
        return
    for key in keys:
        if key.listed and not key.fewest <= len(answer[key.name]) <= key.most:
            yield f'"{key.name}" has {len(answer[key.name])} strings; {key.fewest} to {key.most} were asked for.'
        count = None if key.listed else counted(answer[key.name])
        if count is not None and not key.fewest * FEWEST <= count <= key.most * MOST:
            yield f'"{key.name}" has {count} words; {key.fewest} to {key.most} were asked for.'


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _says_something(value: object) -> bool:
    """Whether there is anything in it but empty texts, lists and objects; it may be as deep as it could be read."""
    left = [value]
    while left:
        match left.pop():
            case dict() as each:
                left += each.values()
            case list() as each:
                left += each
            case str() as each if not each.strip():
                pass
            case each if each is not None:
                return True
    return False
