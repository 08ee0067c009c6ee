"""The only door to the language model: one call, its time limit, its retries, its cost."""

import asyncio
import json
import math
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import openai
from openai.types.chat import ChatCompletion
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from events.errors import Refused, Unavailable
from events.money import Tokens, cost
from events.prompt import Prompt
from events.rates import rate

_TRIES = 3
# A wait that the other side asks for and that is longer than this is not worth holding the order for.
_LONGEST_WAIT = 20.0
_AWAY = (409, 425, 429)
_backoff = wait_random_exponential(multiplier=0.5, max=8)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model wrote. ``cost`` is in millionths of a dollar."""

    text: str
    model: str
    tokens: Tokens
    cost: int
    milliseconds: int


class Model:
    """One endpoint. All calls of the process run on one event loop in a thread of its own."""

    def __init__(self, *, base_url: str, api_key: str, model: str) -> None:
        self.name = model
        self._rate = rate(model)
        self._loop = asyncio.new_event_loop()
        self._client = openai.AsyncOpenAI(
            api_key=api_key, base_url=base_url, max_retries=0, timeout=None
        )
        self._thread = threading.Thread(target=self._loop.run_forever, name="model", daemon=True)
        self._thread.start()

    def ask(self, prompt: Prompt, *, seconds: float, as_json: bool, order: str) -> Future[Answer]:
        """Ask now; cancelling the future cancels the call.

        It may take ``seconds`` in all, however slowly the answer drips. What may pass (429, 5xx, a lost connection)
        is tried again up to twice within that time. The future raises ``Unavailable`` for what may pass later
        (with ``retry_after`` if the other side named a time) and ``Refused`` for what will not.
        """
        call = self._persevere(prompt, seconds, as_json=as_json, order=order)
        return asyncio.run_coroutine_threadsafe(call, self._loop)

    def close(self) -> None:
        """Cancel the calls in flight, close the connections and end the thread."""
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _leave(self) -> None:
        calls = asyncio.all_tasks() - {asyncio.current_task()}
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await self._client.close()

    async def _persevere(
        self, prompt: Prompt, seconds: float, *, as_json: bool, order: str
    ) -> Answer:
        trying = AsyncRetrying(
            retry=retry_if_exception_type(_Passing),
            stop=stop_after_attempt(_TRIES),
            wait=_wait,
            reraise=True,
        )
        try:
            async with asyncio.timeout(seconds):
                return await trying(self._ask, prompt, as_json=as_json, order=order)
        except TimeoutError:
            message = f"the model did not finish its answer within {seconds:.0f} s"
            raise Unavailable(message, reason="model-timeout") from None

    async def _ask(self, prompt: Prompt, *, as_json: bool, order: str) -> Answer:
        began = time.monotonic()
        form: Any = {"type": "json_object"} if as_json else openai.omit
        try:
            completion = await self._client.chat.completions.create(
                model=self.name,
                messages=[
                    {"role": "system", "content": prompt.system},
                    {"role": "user", "content": prompt.user},
                ],
                response_format=form,
                extra_headers={"X-Ledgerpress-Order": order},
            )
        except openai.APIStatusError as error:
            raise _said_no(error) from None
        except openai.APIConnectionError:
            message = "the connection to the model was lost"
            raise _Passing(message, reason="model-away") from None
        except (openai.APIError, ValueError):
            raise _malformed() from None
        text, tokens = _read(completion, as_json=as_json)
        return Answer(
            text=text,
            model=self.name,
            tokens=tokens,
            cost=cost(tokens, self._rate),
            milliseconds=round(1000 * (time.monotonic() - began)),
        )


class _Passing(Unavailable):
    """Likely over in a moment."""


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, Unavailable) else None
    return asked if asked is not None else _backoff(state)


def _said_no(error: openai.APIStatusError) -> Refused | Unavailable:
    # The body of a 401 repeats parts of the key, others repeat the prompt: none of it is passed on.
    status = error.status_code
    if status in _AWAY or status >= 500:  # noqa: PLR2004 - the class of server errors
        retry_after = _seconds(error.response.headers.get("retry-after"))
        message = f"the model's server answered {status}"
        reason = "model-busy" if status == 429 else "model-away"  # noqa: PLR2004
        kind = Unavailable if (retry_after or 0) > _LONGEST_WAIT else _Passing
        return kind(message, reason=reason, retry_after=retry_after)
    if status in (401, 403, 404):
        message = f"the model's server answered {status}: check OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL"
        return Refused(message, reason="model-settings")
    return Refused(f"the model's server answered {status}", reason="model-refused")


def _seconds(header: str | None) -> float | None:
    try:
        seconds = float(header or "nan")
    except ValueError:
        return None  # an HTTP date: our own back-off serves as well
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _read(completion: ChatCompletion, *, as_json: bool) -> tuple[str, Tokens]:
    try:
        choice = completion.choices[0]
        text, refusal, finish = choice.message.content, choice.message.refusal, choice.finish_reason
        usage = completion.usage
        tokens = Tokens(usage.prompt_tokens, usage.completion_tokens) if usage else Tokens(0, 0)
    except (AttributeError, TypeError, IndexError):
        raise _malformed() from None
    if refusal or finish == "content_filter":
        message = "the model refused to write this section"
        raise Refused(message, reason="model-refusal")
    if finish == "length":
        message = "the model's answer was cut off at its length limit"
        raise Unavailable(message, reason="model-truncated")
    if not isinstance(text, str) or not text.strip():
        message = "the model's answer was empty"
        raise Unavailable(message, reason="model-empty")
    if as_json and not _is_object(text):
        raise _malformed()
    return text, tokens


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _malformed() -> Unavailable:
    return Unavailable("the model's answer could not be read", reason="model-malformed")
