"""The door to the model: whatever the other side does, we get an answer or an error that says what to do."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from actors.model import Answer, Model
from events.errors import Refused, Unavailable
from events.prompt import Prompt
from sandbox.starting import started

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


def ask(model: Model, seconds: float = 10, *, as_json: bool = False) -> Answer:
    return model.ask(PROMPT, seconds=seconds, as_json=as_json, order="o-1").result(60)


def test_an_answer_has_its_text_its_tokens_and_its_price(model: Model) -> None:
    answer = ask(model)

    assert len(answer.text) > 100
    assert answer.tokens.prompt > 0
    assert answer.cost == -(-(answer.tokens.prompt * 400 + answer.tokens.completion * 1600) // 1000)


@pytest.mark.parametrize("what", ["500", "503", "429", "drop", "reset"])
def test_what_may_pass_is_asked_again_and_only_as_often_as_needed(
    what: str, model: Model, faults: Any, server: str
) -> None:
    faults({"what": what, "next": 1, "retry_after": 0})

    assert ask(model).text
    assert asked(server) == 2


@pytest.mark.parametrize(
    ("what", "kind", "reason", "calls"),
    [
        ("500", Unavailable, "model-away", 3),
        ("drop", Unavailable, "model-away", 3),
        ("429", Unavailable, "model-busy", 3),
        ("hang", Unavailable, "model-timeout", 1),
        ("drip", Unavailable, "model-timeout", 1),
        ("html", Unavailable, "model-malformed", 1),
        ("garbage", Unavailable, "model-malformed", 1),
        ("bad_utf8", Unavailable, "model-malformed", 1),
        ("no_choices", Unavailable, "model-malformed", 1),
        ("empty", Unavailable, "model-empty", 1),
        ("truncated", Unavailable, "model-truncated", 1),
        ("refusal", Refused, "model-refusal", 1),
        ("401", Refused, "model-settings", 1),
        ("404", Refused, "model-settings", 1),
        ("400", Refused, "model-refused", 1),
    ],
)
def test_each_fault_has_its_error(  # noqa: PLR0917 - a table with four columns
    what: str,
    kind: type[Exception],
    reason: str,
    calls: int,
    model: Model,
    faults: Any,
    server: str,
) -> None:
    faults({"what": what, **({"retry_after": 0} if what in ("429", "500") else {})})

    with pytest.raises(kind) as raised:
        ask(model, seconds=1.5)
    assert getattr(raised.value, "reason", "") == reason
    assert "canary" not in str(raised.value)
    assert asked(server) == calls


def test_a_long_wait_is_handed_on_instead_of_waited_out(
    model: Model, faults: Any, server: str
) -> None:
    faults({"what": "429", "retry_after": 600})

    with pytest.raises(Unavailable) as raised:
        ask(model)
    assert raised.value.retry_after == 600
    assert asked(server) == 1


def test_a_cancelled_call_is_cut_off_at_once(model: Model, faults: Any, server: str) -> None:
    faults({"what": "hang"})
    call = model.ask(PROMPT, seconds=60, as_json=False, order="o-1")
    base = server.removesuffix("/v1")
    while asked(server) == 0:
        pass

    call.cancel()

    for _ in range(100):
        (entry,) = httpx.get(f"{base}/_requests").json()
        if entry["finished_at"]:
            break
    assert entry["outcome"] == "cut off"


def test_an_answer_that_should_be_json_must_be(model: Model, faults: Any) -> None:
    assert ask(model, as_json=True).text.lstrip().startswith("{")
    faults({"what": "hostile"})

    with pytest.raises(Unavailable, match="could not be read"):
        ask(model, as_json=True)
