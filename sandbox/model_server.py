"""A language model's HTTP endpoint for everyone without an account: deterministic, and hostile on demand."""

import argparse
import asyncio
import os
import time
from pathlib import Path
from typing import Any

import msgspec

from sandbox.chance import Chance
from sandbox.commission import commission
from sandbox.completions import (
    Chat,
    NotAChatError,
    completion,
    models,
    problem,
    read_chat,
    tokens,
    write,
)
from sandbox.knobs import arm, shown, turned
from sandbox.model_faults import Fault, fault_for, is_status, misbehave
from sandbox.request_log import ANSWERED, CUT_OFF, REFUSED, STOPPED, Asked, RequestLog
from sandbox.starting import announce, told_to_stop
from sandbox.wire import CLIENT_LEFT, Line, Reply, Request, as_json, listening

KEPT_HEADERS = ("idempotency-key", "traceparent", "tracestate", "user-agent")


class Knobs(msgspec.Struct, frozen=True, kw_only=True):
    """How the stand-in behaves. ``latency`` in seconds, give or take a fifth, divided by ``speed``."""

    latency: float = 3.0
    speed: float = 1.0
    refuse_keys: bool = False
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would make time run backwards."""
        if self.latency < 0 or self.speed <= 0:
            message = "latency must not be negative, and speed must be above zero"
            raise ValueError(message)


class ModelServer:
    """The endpoint, its knobs and its log."""

    def __init__(self, knobs: Knobs, log: RequestLog) -> None:
        self._first = knobs
        self._log = log
        self._turn(knobs)

    async def answer(self, request: Request, line: Line) -> None:
        """Answer one request, as well or as badly as the knobs say."""
        match request.method, request.path.rstrip("/"):
            case "POST", "/v1/chat/completions":
                await self._complete(request, line)
            case "GET", "/v1/models":
                await line.reply(self._unwelcome(request) or as_json(models()))
            case _, "/_knobs":
                await line.reply(self._knobs_reply(request))
            case "GET", "/_requests":
                await line.reply(as_json(self._log.entries()))
            case "DELETE", "/_requests":
                self._log.clear()
                await line.reply(as_json([]))
            case "GET", "" | "/v1" | "/_health":
                await line.reply(as_json({"sandbox": "model server"}))
            case _, path:
                await line.reply(
                    as_json(problem(f"nothing at {path}", "invalid_request_error"), 404)
                )

    async def _complete(self, request: Request, line: Line) -> None:
        entry = self._log.arrived()
        entry.headers = kept(request)
        outcome = CUT_OFF
        try:
            outcome = await self._talk(request, line, entry)
        except asyncio.CancelledError as cancelled:
            outcome = CUT_OFF if CLIENT_LEFT in cancelled.args else STOPPED
            raise
        finally:
            self._log.finished(entry, outcome)

    async def _talk(self, request: Request, line: Line, entry: Asked) -> str:
        try:
            chat = read_chat(request.body)
        except NotAChatError as wrong:
            return await self._refuse(
                line, entry, as_json(problem(str(wrong), "invalid_request_error"), 400)
            )
        wanted = commission(chat.system, chat.user)
        entry.model, entry.section, entry.messages_sha256 = chat.model, wanted.title, chat.digest
        entry.prompt_tokens = tokens(chat.prompt)
        if unwelcome := self._unwelcome(request):
            return await self._refuse(line, entry, unwelcome)
        fault = fault_for(chat, wanted.title, self._armed)
        await asyncio.sleep(self._latency(chat, fault))
        if fault and is_status(fault):
            entry.status = await misbehave(fault, line, {}, bearer(request))
            return f"fault: {fault.what}"
        said = completion(chat, write(chat), number=entry.number, created=int(time.time()))
        entry.written = fault is None or fault.what != "hang"
        entry.completion_tokens = said["usage"]["completion_tokens"] if entry.written else 0
        if fault:
            entry.status = await misbehave(fault, line, said, bearer(request))
            return f"fault: {fault.what}"
        await line.reply(as_json(said, x_request_id=f"req_{entry.number:08}"))
        entry.status = 200
        return ANSWERED

    async def _refuse(self, line: Line, entry: Asked, reply: Reply) -> str:
        await line.reply(reply)
        entry.status = reply.status
        return REFUSED

    def _latency(self, chat: Chat, fault: Fault | None) -> float:
        if fault and fault.latency is not None:
            return fault.latency
        if fault and is_status(fault):
            return 0.0
        jitter = 0.8 + 0.4 * Chance(chat.digest, "latency").unit()
        return self._knobs.latency * jitter / self._knobs.speed

    def _unwelcome(self, request: Request) -> Reply | None:
        if bearer(request) and not self._knobs.refuse_keys:
            return None
        message = f"Incorrect API key provided: {bearer(request)[:6]}********."
        return as_json(problem(message, "authentication_error", "invalid_api_key"), 401)

    def _knobs_reply(self, request: Request) -> Reply:
        try:
            if request.method == "POST":
                self._turn(turned(self._knobs, request.body))
            elif request.method == "DELETE":
                self._turn(self._first)
        except ValueError as wrong:
            return as_json(problem(str(wrong), "invalid_request_error"), 422)
        named: dict[str, Any] = msgspec.to_builtins(self._knobs)
        return as_json({**named, "faults": shown(self._armed)})

    def _turn(self, knobs: Knobs) -> None:
        self._knobs = knobs
        self._armed = arm(knobs.faults)


def bearer(request: Request) -> str:
    """The API key of a request, or nothing."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def kept(request: Request) -> dict[str, str]:
    """The headers worth remembering: whatever correlates this request with the caller's own records."""
    return {
        name: value
        for name, value in request.headers.items()
        if name in KEPT_HEADERS or (name.startswith("x-") and not name.startswith("x-stainless"))
    }


async def serve(server: ModelServer, host: str, port: int, *, tethered: bool) -> None:
    """Accept connections until told to stop; say where once it does."""
    async with listening(server.answer, host, port) as found:
        stop = told_to_stop(tethered=tethered)
        announce(f"http://{host}:{found}/v1")
        await stop.wait()


def main() -> None:
    """Read the command line and the environment (``SANDBOX_LATENCY``, ``_SPEED``, ``_FAULTS``); serve."""
    said = os.environ
    parser = argparse.ArgumentParser(prog="python -m sandbox.model_server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=float(said.get("SANDBOX_LATENCY", "3")))
    parser.add_argument("--speed", type=float, default=float(said.get("SANDBOX_SPEED", "1")))
    parser.add_argument(
        "--faults",
        default=said.get("SANDBOX_FAULTS", "[]"),
        help="a JSON list, as for POST /_knobs",
    )
    parser.add_argument("--log", type=Path, help="append one line of JSON for each request here")
    parser.add_argument("--tethered", action="store_true", help="stop when standard input closes")
    given = parser.parse_args()
    try:
        faults = msgspec.json.decode(given.faults, type=tuple[Fault, ...])
        knobs = Knobs(latency=given.latency, speed=given.speed, faults=faults)
    except ValueError as wrong:
        parser.error(str(wrong))
    server = ModelServer(knobs, RequestLog(given.log))
    asyncio.run(serve(server, given.host, given.port, tethered=given.tethered))


if __name__ == "__main__":
    main()
