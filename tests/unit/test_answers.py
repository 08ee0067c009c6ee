"""What a model answers in JSON is what the product promises, or is asked for again and not sold."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from actors.completions import best, once_more
from events import form
from events.answers import faults, read, whole
from events.errors import Refused, Unavailable
from events.products import find
from sandbox.prose.analysis import analysis

KEYS = find("document_analysis").keys
GOOD: dict[str, Any] = {
    "summary": "The tenant may leave with three months of notice. " * 9,
    "key_points": ["One.", "Two.", "Three."],
    "risks": [],
    "questions": ["Which three?"],
}
NOTHING_READ = {"summary": "It is no document.", "key_points": [], "risks": [], "questions": []}
BROKEN = {
    "nothing": ({}, "is not a string"),
    "a key too few": ({**GOOD, "risks": None}, '"risks" is not an array'),
    "a number for a text": ({**GOOD, "summary": 3}, '"summary" is not a string'),
    "a text for a list": ({**GOOD, "questions": "none"}, '"questions" is not an array'),
    "objects in a list": ({**GOOD, "risks": [{"what": "x"}]}, '"risks" is not an array'),
    "emptiness": ({**NOTHING_READ, "summary": " "}, "says nothing"),
}
UNSHAPELY = {
    "too little": ({**GOOD, "key_points": []}, '"key_points" has 0 strings; 1 to 10'),
    "too many": ({**GOOD, "risks": ["x"] * 9}, '"risks" has 9 strings'),
    "too short": ({**GOOD, "summary": "Short."}, '"summary" has 1 words; 60 to 150'),
    "too long": ({**GOOD, "summary": "word " * 400}, '"summary" has 400 words'),
    "a key too many": ({**GOOD, "more": "x"}, "not asked for"),
}


@pytest.mark.parametrize("what", [*BROKEN, *UNSHAPELY])
def test_what_is_wrong_with_an_object_is_named(what: str) -> None:
    said, fault = (BROKEN | UNSHAPELY)[what]

    assert any(fault in each for each in faults(json.dumps(said), KEYS))
    assert whole(json.dumps(said), KEYS) == (what in UNSHAPELY)


@pytest.mark.parametrize("text", ["", "none", "[]", "[" * 100_000, '{"a":' * 100_000, '{"a": NaN}'])
def test_what_is_no_object_is_said_to_be_none_and_harms_nobody(text: str) -> None:
    assert read(text) is None
    assert faults(text, ()) == ["It is not one JSON object and nothing else."]
    assert not whole(text, ())


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD),
        json.dumps(NOTHING_READ),
        analysis(
            "The document: The tenant may leave in May. It pays 90 euro. All is well.", "seed"
        ),
    ],
)
def test_what_is_in_form_has_no_faults(text: str) -> None:
    assert faults(text, KEYS) == []
    assert whole(text, KEYS)


def completion(text: str | None) -> Any:
    """A completion as the model's server gives it."""
    message = SimpleNamespace(content=text, refusal=None)
    return SimpleNamespace(choices=[SimpleNamespace(message=message, finish_reason="stop")])


def test_half_a_character_does_not_keep_an_answer_from_being_written_down() -> None:
    assert best([completion("a\ud83d b")], None).encode() == b"a? b"
    assert read(best([completion('{"a": "\ud83d"}')], ())) == {"a": "?"}


def test_an_answer_too_deep_to_be_read_is_paid_for_and_asked_for_again() -> None:
    deep = completion("[" * 2000)

    assert once_more({"messages": []}, deep, lambda text: faults(text, ()))
    with pytest.raises(Unavailable) as raised:
        best([deep], ())
    assert raised.value.reason == "model-malformed"


def test_an_answer_that_can_be_read_may_be_as_deep_as_it_likes() -> None:
    deep = '{"x":' + "[" * 700 + "]" * 700 + "," + json.dumps(GOOD)[1:]

    assert read(deep)
    assert faults(deep, KEYS) == ["It has keys that were not asked for."]
    assert whole(deep, KEYS)


def test_of_answers_without_use_the_last_one_says_why() -> None:
    refused = completion(None)
    refused.choices[0].message.refusal = "I would rather not."

    with pytest.raises(Refused):
        best([completion(""), refused], None)
    assert best([completion("A text."), refused], None) == "A text."


@pytest.mark.parametrize("text", ["   \n", "\u200b", "\u00a0", "**", "---", "\u0301"])
def test_a_text_without_words_is_asked_for_once_more_and_taken(text: str) -> None:
    section = find("life_clarity").sections[0]

    assert once_more({"messages": []}, completion(text), lambda said: form.faults(said, section))
    assert best([completion(text)] * 2, None) == text


@pytest.mark.parametrize("text", ["", None])
def test_no_text_is_no_answer(text: str | None) -> None:
    assert once_more({"messages": []}, completion(text), lambda _: []) == {"messages": []}
    with pytest.raises(Unavailable) as raised:
        best([completion(text)] * 2, None)
    assert raised.value.reason == "model-empty"
