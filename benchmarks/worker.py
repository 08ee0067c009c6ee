"""A worker or keeper as it is in production, with the benchmarks' products and a model in its own process.

``python -m benchmarks.worker PRODUCT`` or ``python -m benchmarks.worker keeper``. The model answers after
``BENCH_MODEL_SECONDS``, without HTTP: what an HTTP client costs is the same for everyone and would hide what the
engine costs. With ``BENCH_STARTS`` set, the moment at which each order is taken up is written to that file.
"""

import asyncio
import json
import os
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from actors import keeper, worker
from actors.fulfil import Outcome
from actors.model import Model
from actors.replies import Answer, Reply
from benchmarks.catalogue import CATALOGUE
from events.money import Tokens
from events.prompt import Prompt
from storage.settings import load
from storage.telemetry import start_logging

# A section of about 450 words, as JSON because that is what the benchmarks' documents are made of.
TEXT = json.dumps({"text": (Path(__file__).parent / "section.md").read_text("utf-8")})


def main(role: str) -> int:
    """Be that process until told to stop."""
    settings = load()
    start_logging(settings.log_format, process=f"benchmark {role}")
    if role == "keeper":
        return keeper.run(CATALOGUE, settings)
    answer_at_once(float(os.environ.get("BENCH_MODEL_SECONDS", "0")))
    if path := os.environ.get("BENCH_STARTS"):
        note_starts(path)
    return worker.run(CATALOGUE[role], CATALOGUE, settings)


def answer_at_once(seconds: float) -> None:
    """Replace the door to the model, and nothing else."""
    tokens = Tokens(1000, 600)
    answer = Answer(text=TEXT, tokens=tokens, cost=1360, milliseconds=round(1000 * seconds))

    def ask(model: Model, prompt: Prompt, **_: Any) -> "Future[Reply]":
        assert prompt.user
        if seconds:
            later = asyncio.sleep(seconds, answer)
            return asyncio.run_coroutine_threadsafe(later, model._loop)  # noqa: SLF001 - ours to replace
        now: Future[Reply] = Future()
        now.set_result(answer)
        return now

    setattr(Model, "ask", ask)  # noqa: B010 - so that the type checker looks away


def note_starts(path: str) -> None:
    """Write down when the actor got hold of each order, on this machine's clock."""
    fulfil = vars(worker)["fulfil"]
    file = Path(path).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115 - as long as the process

    def noted(delivery: Any, *given: Any) -> Outcome:
        file.write(f"{delivery.order} {time.time():.6f}\n")
        outcome: Outcome = fulfil(delivery, *given)
        return outcome

    setattr(worker, "fulfil", noted)  # noqa: B010 - the same


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
