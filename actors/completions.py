"""What a completion says: its text, what it has read and written, and whether it is asked for once more.

It comes from outside, so it may be of any shape.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from events.answers import whole
from events.errors import Refused, Unavailable
from events.money import NOTHING, Tokens
from events.plan import Key

UNREADABLE = "the model's answer could not be read"


def tokens_of(completion: Any) -> Tokens:
    """What the other side says it has read and written; nothing if it does not say so."""
    try:
        usage = completion.usage
        counted = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
    except AttributeError:
        return NOTHING
    if not all(isinstance(each, int) and each >= 0 for each in counted):
        return NOTHING
    return Tokens(*counted)


def once_more(
    question: dict[str, Any],
    answer: Any,
    faults: Callable[[str], Sequence[str]],
) -> dict[str, Any] | None:
    """The question that asks for a better form, if the answer was given and has faults or is empty."""
    try:
        text = _said(answer)
    except (Refused, Unavailable):
        return None
    if not text:
        return question
    found = faults(text)
    if not found:
        return None
    asked = f"{' '.join(found)} Write the whole section once more, in the form that was asked for."
    said = [{"role": "assistant", "content": text}, {"role": "user", "content": asked}]
    return {**question, "messages": [*question["messages"], *said]}


def best(answers: Sequence[Any], keys: Sequence[Key] | None) -> str:
    """The last answer, or the one before if that is of no use.

    Prose is of use unless it is empty; with ``keys`` only an object that has them. If none is, the last one says why:
    raises ``Refused`` if the model would not write, ``Unavailable`` if nothing usable came.
    """
    try:
        return _read(answers[-1], keys)
    except (Refused, Unavailable) as last:
        for earlier in answers[:-1]:
            with suppress(Refused, Unavailable):
                return _read(earlier, keys)
        raise last from None


def _read(completion: Any, keys: Sequence[Key] | None) -> str:
    text = _said(completion)
    if not text:
        message = "the model's answer was empty"
        raise Unavailable(message, reason="model-empty")
    if keys is not None and not whole(text, keys):
        raise _malformed()
    return text


def _said(completion: Any) -> str:
    """What was said, if anything; half a character that cannot be written down becomes a question mark."""
    try:
        choice = completion.choices[0]
        text, refusal, finish = choice.message.content, choice.message.refusal, choice.finish_reason
    except (AttributeError, TypeError, IndexError):
        raise _malformed() from None
    if refusal or finish == "content_filter":
        message = "the model refused to write this section"
        raise Refused(message, reason="model-refusal")
    if finish == "length":
        message = "the model's answer was cut off at its length limit"
        raise Unavailable(message, reason="model-truncated")
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""


def _malformed() -> Unavailable:
    return Unavailable(UNREADABLE, reason="model-malformed")
