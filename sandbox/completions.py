"""Chat completions as OpenAI words them: the request read leniently, the answer given in full."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sandbox.commission import commission
from sandbox.prose.analysis import analysis
from sandbox.prose.section import section

CREATED = 1767225600  # 2026-01-01, for the list of models


class NotAChatError(ValueError):
    """The body is not a request for a completion that this server understands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A request for a completion. ``longest`` is in tokens."""

    model: str
    system: str
    user: str
    digest: str
    json_wanted: bool
    longest: int | None

    @property
    def prompt(self) -> str:
        """All that was said, as one text."""
        return f"{self.system}\n{self.user}"


def read_chat(body: bytes) -> Chat:
    """Read a request body; ``NotAChatError`` says what is wrong with it."""
    try:
        asked: Any = json.loads(body)
        model, messages = str(asked["model"]), asked["messages"]
        said = [(str(one["role"]), _text(one["content"])) for one in messages]
    except (ValueError, TypeError, KeyError) as problem:
        message = "the body must be a JSON object with a model and a list of messages"
        raise NotAChatError(message) from problem
    if not said or asked.get("stream"):
        message = "there must be messages, and streaming is not offered here"
        raise NotAChatError(message)
    user = "\n".join(text for role, text in said if role == "user")
    system = "\n".join(text for role, text in said if role != "user")
    kind = (asked.get("response_format") or {}).get("type", "text")
    return Chat(
        model=model,
        system=system,
        user=user,
        digest=hashlib.sha256(json.dumps(said).encode()).hexdigest(),
        json_wanted=kind in {"json_object", "json_schema"} or "JSON object" in system,
        longest=asked.get("max_completion_tokens") or asked.get("max_tokens"),
    )


def write(chat: Chat) -> str:
    """The text asked for: the same for the same request, on any machine."""
    if chat.json_wanted:
        return analysis(chat.user, chat.digest)
    return section(commission(chat.system, chat.user), chat.digest)


def tokens(text: str) -> int:
    """About what a tokenizer would count: one token for four characters, and never none."""
    return max(1, len(text) // 4)


def completion(
    chat: Chat, text: str | None, *, number: int, created: int, refusal: str | None = None
) -> dict[str, Any]:
    """The answer's JSON. Text beyond ``longest`` is cut off, as the real one does."""
    finish = "stop"
    if text is not None and chat.longest is not None and tokens(text) > chat.longest:
        text, finish = text[: chat.longest * 4], "length"
    prompt, written = tokens(chat.prompt), tokens(text or refusal or "")
    return {
        "id": f"chatcmpl-{chat.digest[:20]}{number:06}",
        "object": "chat.completion",
        "created": created,
        "model": chat.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": refusal},
                "logprobs": None,
                "finish_reason": finish,
            }
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": written,
            "total_tokens": prompt + written,
        },
        "system_fingerprint": "fp_sandbox",
    }


def models() -> dict[str, Any]:
    """The list of models: any name is served, these are for show."""
    names = ("sandbox-writer", "gpt-4.1-mini", "gpt-4o-mini", "gpt-4o")
    return {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": CREATED, "owned_by": "ledgerpress-sandbox"}
            for name in names
        ],
    }


def problem(message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    """An error's JSON."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content)
    return str(content or "")
