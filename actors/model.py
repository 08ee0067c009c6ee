"""The only door to the language model: one call, its time limit, its retries, its cost."""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, cast
from urllib.parse import urlsplit

import openai
from openai.types.chat import ChatCompletion
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from actors.completions import UNREADABLE, best, once_more, tokens_of
from actors.replies import Answer, Failure, Reply
from events.errors import LedgerpressError, Refused, Unavailable
from events.money import NOTHING, cost
from events.plan import Key
from events.prompt import Prompt
from events.rates import rate
from storage.settings import Settings

_TRIES = 3
# A wait that the other side asks for and that is longer than this is not worth holding the order for.
_LONGEST_WAIT = 20.0
_AWAY = (409, 425, 429)
_backoff = wait_random_exponential(multiplier=0.5, max=8)


def models(settings: Settings) -> "tuple[Model, ...]":
    """The model to ask, and the one to fall back on if there is one."""
    base_url, api_key = settings.openai_base_url, settings.openai_api_key
    first = Model(
        base_url=base_url, api_key=api_key.get_secret_value(), model=settings.openai_model
    )
    if settings.openai_fallback_model is None:
        return (first,)
    other = Model(
        base_url=settings.openai_fallback_base_url or base_url,
        api_key=(settings.openai_fallback_api_key or api_key).get_secret_value(),
        model=settings.openai_fallback_model,
    )
    return (first, other)


class Model:
    """One model at one endpoint. All calls of the process run on one event loop in a thread of its own."""

    def __init__(self, *, base_url: str, api_key: str, model: str) -> None:
        self.name = model
        self.rate = rate(model)
        # Under this name all workers know how it is doing.
        self.endpoint = f"{model} at {urlsplit(base_url).hostname}"
        self._loop = asyncio.new_event_loop()
        self._client = openai.AsyncOpenAI(
            api_key=api_key, base_url=base_url, max_retries=0, timeout=None
        )
        self._thread = threading.Thread(target=self._loop.run_forever, name="model", daemon=True)
        self._thread.start()

    def ask(
        self,
        prompt: Prompt,
        *,
        longest: int,
        seconds: float,
        keys: Sequence[Key] | None = None,
        order: str,
        faults: Callable[[str], Sequence[str]] = lambda _: (),
        trace: str = "",
    ) -> Future[Reply]:
        """Ask now for at most ``longest`` tokens; cancelling the future cancels the call.

        With ``keys`` (``()``: any) it must be a JSON object that has them. An answer that is empty or has ``faults`` is
        asked for once more, with what is wrong; what comes then is taken if it is of use, and both are paid for.

        It may take ``seconds`` in all, however slowly the answer drips. What may pass (429, 5xx, a lost connection)
        is tried again up to twice within that time. A failure's error is ``Unavailable`` for what may pass later (with
        ``retry_after`` if the other side named a time) and ``Refused`` for what will not.
        """
        question = {
            "model": self.name,
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
            "max_completion_tokens": longest,
            "response_format": openai.omit if keys is None else {"type": "json_object"},
            "extra_headers": {"X-Ledgerpress-Order": order}
            | ({"traceparent": trace} if trace else {}),
        }
        call = self._persevere(question, seconds, faults, keys)
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
        self,
        question: dict[str, Any],
        seconds: float,
        faults: Callable[[str], Sequence[str]],
        keys: Sequence[Key] | None,
    ) -> Reply:
        trying = AsyncRetrying(
            retry=retry_if_exception_type(_Passing),
            stop=stop_after_attempt(_TRIES),
            wait=_wait,
            reraise=True,
        )
        lost = 0  # tries that left, and of which nothing came back

        async def ask(wanted: dict[str, Any]) -> ChatCompletion:
            nonlocal lost
            lost += 1
            try:
                completion = await self._ask(wanted)
            except (_Lost, _Unread):
                raise
            except LedgerpressError:
                lost -= 1
                raise
            lost -= 1
            return completion

        began = time.monotonic()
        answers: list[ChatCompletion] = []
        missed: Refused | Unavailable | None = None
        try:
            async with asyncio.timeout(seconds):
                answers.append(await trying(ask, question))
                if again := once_more(question, answers[0], faults):
                    answers.append(await trying(ask, again))
        except TimeoutError:
            if not answers:
                message = f"the model did not finish its answer within {seconds:.0f} s"
                return Failure(error=Unavailable(message, reason="model-timeout"), lost=lost)
        except (Refused, Unavailable) as error:
            if not answers:
                return Failure(error=error, lost=lost)
            missed = error
        tokens = sum(map(tokens_of, answers), start=NOTHING)
        price = sum(cost(tokens_of(each), self.rate) for each in answers)
        try:
            text = best(answers, keys)
        except (Refused, Unavailable) as error:
            # What kept a better answer from coming says what to do, and when.
            return Failure(error=missed or error, tokens=tokens, cost=price, lost=lost)
        taken = round(1000 * (time.monotonic() - began))
        return Answer(text=text, tokens=tokens, cost=price, milliseconds=taken, lost=lost)

    async def _ask(self, question: dict[str, Any]) -> ChatCompletion:
        try:
            return cast("ChatCompletion", await self._client.chat.completions.create(**question))
        except openai.APIStatusError as error:
            raise _said_no(error) from None
        except openai.APIConnectionError as error:
            kind = _Passing if _never_left(error) else _Lost
            message = "the connection to the model was lost"
            raise kind(message, reason="model-away") from None
        except (openai.APIError, ValueError):
            raise _Unread(UNREADABLE, reason="model-malformed") from None


class _Passing(Unavailable):
    """Likely over in a moment."""


class _Lost(_Passing):
    """Nobody knows whether the call was answered, and must be paid for."""


class _Unread(Unavailable):
    """Something came back, but not even what it cost could be read."""


def _never_left(error: openai.APIConnectionError) -> bool:
    """Whether not even a connection was made."""
    return type(error.__cause__).__name__ in ("ConnectError", "ConnectTimeout")


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
