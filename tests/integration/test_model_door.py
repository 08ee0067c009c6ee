"""The door to the model: whatever the other side does, we get an answer or an error that says what to do."""

from collections.abc import Iterator
from functools import partial
from typing import Any, get_args

import httpx
import pytest

from actors.model import Model
from actors.replies import Answer, Failure, Reply
from events import answers
from events.errors import Refused, Unavailable
from events.plan import Key
from events.prompt import Prompt
from sandbox.model_faults import HUGE, What
from sandbox.starting import started
from tests.waiting import until

PROMPT = Prompt("You write.", "Section: Where you stand\nWrite about: the moment.\nWords: 50-80")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with started("sandbox.model_server", "--port", "0", "--latency", "0") as url:
        yield url


@pytest.fixture
def model(server: str) -> Iterator[Model]:
    door = Model(base_url=server, api_key="sk-canary-key", model="gpt-4.1-mini")
    yield door
    door.close()


@pytest.fixture
def faults(server: str) -> Iterator[Any]:
    """Arms faults in the stand-in model, and tells how many requests it has had."""
    base = server.removesuffix("/v1")
    httpx.delete(f"{base}/_requests")

    def arm(*what: dict[str, Any]) -> None:
        httpx.post(f"{base}/_knobs", json={"faults": list(what)}).raise_for_status()

    yield arm
    httpx.delete(f"{base}/_knobs")


def asked(server: str) -> int:
    return len(httpx.get(f"{server.removesuffix('/v1')}/_requests").json())


def ask(model: Model, seconds: float = 60, **more: Any) -> Reply:
    call = model.ask(PROMPT, longest=800, seconds=seconds, order="o-1", **more)
    return call.result(90)


def answer(model: Model, **more: Any) -> Answer:
    reply = ask(model, **more)
    assert isinstance(reply, Answer)
    return reply


def failure(model: Model, seconds: float = 60, **more: Any) -> Failure:
    reply = ask(model, seconds, **more)
    assert isinstance(reply, Failure)
    return reply


def test_an_answer_has_its_text_its_tokens_and_its_price(model: Model) -> None:
    reply = answer(model)

    assert len(reply.text) > 100
    assert reply.tokens.prompt > 0
    assert reply.cost == -(-(reply.tokens.prompt * 400 + reply.tokens.completion * 1600) // 1000)
    assert reply.lost == 0


@pytest.mark.parametrize("what", ["500", "502", "503", "529", "429", "drop", "reset"])
def test_what_may_pass_is_asked_again_and_only_as_often_as_needed(
    what: str, model: Model, faults: Any, server: str
) -> None:
    faults({"what": what, "next": 1, "retry_after": 0})

    reply = answer(model)

    assert reply.text
    assert reply.lost == (what in {"drop", "reset"})
    assert asked(server) == 2


# What each fault ends as: the error and its reason, after how many calls, of which so many may have to be paid for.
FAILURES: dict[What, tuple[type[Exception], str, int, int]] = {
    "500": (Unavailable, "model-away", 3, 0),
    "502": (Unavailable, "model-away", 3, 0),
    "503": (Unavailable, "model-away", 3, 0),
    "529": (Unavailable, "model-away", 3, 0),
    "drop": (Unavailable, "model-away", 3, 3),
    "reset": (Unavailable, "model-away", 3, 3),
    "429": (Unavailable, "model-busy", 3, 0),
    "hang": (Unavailable, "model-timeout", 1, 1),
    "drip": (Unavailable, "model-timeout", 1, 1),
    "html": (Unavailable, "model-malformed", 1, 0),
    "garbage": (Unavailable, "model-malformed", 1, 1),
    "bad_utf8": (Unavailable, "model-malformed", 1, 1),
    "no_choices": (Unavailable, "model-malformed", 1, 0),
    "empty": (Unavailable, "model-empty", 2, 0),
    "truncated": (Unavailable, "model-truncated", 1, 0),
    "refusal": (Refused, "model-refusal", 1, 0),
    "401": (Refused, "model-settings", 1, 0),
    "403": (Refused, "model-settings", 1, 0),
    "404": (Refused, "model-settings", 1, 0),
    "400": (Refused, "model-refused", 1, 0),
}
# What reads like an answer is one, as far as the door can tell.
ANSWERS: set[What] = {"huge", "hostile"}


def test_the_door_is_tried_with_everything_that_an_endpoint_does_wrong() -> None:
    assert {*FAILURES, *ANSWERS} == set(get_args(What))


@pytest.mark.parametrize("what", FAILURES)
def test_each_fault_has_its_error(what: What, model: Model, faults: Any, server: str) -> None:
    kind, reason, calls, lost = FAILURES[what]
    faults({"what": what, **({"retry_after": 0} if what.isdigit() else {})})

    # What is tried again pauses in between, what never ends must be given up: once it has been asked.
    for seconds in (1.5, 6, 24) if what in ("hang", "drip") else (60,):
        found = failure(model, seconds=seconds)
        if asked(server):
            break

    assert isinstance(found.error, kind)
    assert found.error.reason == reason
    assert "canary" not in str(found.error)
    assert asked(server) == calls
    assert found.lost == lost


@pytest.mark.parametrize("what", sorted(ANSWERS))
def test_an_answer_of_any_length_and_meaning_is_paid_for_and_taken_as_text(
    what: What, model: Model, faults: Any, server: str
) -> None:
    faults({"what": what})

    reply = answer(model)

    assert len(reply.text) > {"huge": HUGE, "hostile": 1000}[what]
    assert reply.cost > reply.tokens.completion > 0
    assert asked(server) == 1


@pytest.mark.parametrize("what", ["truncated", "refusal", "empty"])
def test_an_answer_without_use_has_its_price_all_the_same(
    what: str, model: Model, faults: Any
) -> None:
    faults({"what": what})

    found = failure(model)

    assert found.tokens.prompt > 0
    assert found.cost > 0


def test_where_nobody_listens_no_call_can_have_been_paid_for() -> None:
    nowhere = Model(base_url="http://127.0.0.1:9/v1", api_key="sk-x", model="gpt-4.1-mini")

    found = failure(nowhere)
    nowhere.close()

    assert found.error.reason == "model-away"
    assert found.sick
    assert found.lost == 0


def test_a_long_wait_is_handed_on_instead_of_waited_out(
    model: Model, faults: Any, server: str
) -> None:
    faults({"what": "429", "retry_after": 600})

    assert failure(model).retry_after == 600
    assert asked(server) == 1


def test_a_cancelled_call_is_cut_off_at_once(model: Model, faults: Any, server: str) -> None:
    faults({"what": "hang"})
    call = model.ask(PROMPT, longest=800, seconds=600, order="o-1")
    base = server.removesuffix("/v1")
    while asked(server) == 0:
        pass

    call.cancel()

    def outcome() -> str | None:
        (entry,) = httpx.get(f"{base}/_requests").json()
        found: str | None = entry["outcome"]
        return found

    assert until(outcome) == "cut off"


def test_an_answer_that_should_be_json_must_be(model: Model, faults: Any) -> None:
    assert answer(model, keys=()).text.lstrip().startswith("{")
    faults({"what": "hostile"})

    assert failure(model, keys=()).error.reason == "model-malformed"


def test_an_answer_that_breaks_the_form_is_asked_for_once_more_and_both_are_paid_for(
    model: Model, faults: Any, server: str
) -> None:
    faults()
    once = answer(model)

    def always(_: str) -> list[str]:
        return ["It begins with a title."]

    reply = ask(model, faults=always)

    assert isinstance(reply, Answer)
    assert asked(server) == 3
    assert reply.tokens.completion > once.tokens.completion
    assert reply.tokens.prompt > 2 * once.tokens.prompt
    assert reply.cost > once.cost


def test_an_answer_that_is_empty_once_is_had_by_asking_again(
    model: Model, faults: Any, server: str
) -> None:
    faults({"what": "empty", "next": 1})

    assert len(answer(model).text) > 100
    assert asked(server) == 2


@pytest.mark.parametrize(
    ("then", "reason"),
    [({"what": "429", "retry_after": 600}, "model-busy"), ({"what": "401"}, "model-settings")],
)
def test_what_kept_a_better_answer_from_coming_says_what_to_do(
    model: Model, faults: Any, then: dict[str, Any], reason: str
) -> None:
    faults({"what": "empty", "next": 1}, then)

    found = failure(model)

    assert found.error.reason == reason
    assert found.retry_after == then.get("retry_after", 0)
    assert found.cost > 0


def test_an_object_without_its_keys_is_asked_for_once_more_and_then_not_taken(
    model: Model, faults: Any, server: str
) -> None:
    faults()
    keys = (Key(name="verdict", most=9),)

    found = failure(model, keys=keys, faults=partial(answers.faults, keys=keys))

    assert found.error.reason == "model-malformed"
    assert found.cost > 0
    assert asked(server) == 2


def test_when_the_second_answer_cannot_be_had_the_first_is_taken(
    model: Model, faults: Any, server: str
) -> None:
    def arm(_: str) -> list[str]:
        faults({"what": "400", "next": 1})
        return ["It is too long."]

    faults()

    reply = ask(model, faults=arm)

    assert isinstance(reply, Answer)
    assert len(reply.text) > 100
    assert asked(server) == 2
