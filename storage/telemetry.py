"""What the house says about itself: structured lines on stderr, one for each recorded event."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import structlog

# Libraries that repeat bodies, addresses or keys in their lines, or say what we say already.
_QUIET = (
    "dramatiq",
    "pika",
    "openai",
    "httpx",
    "httpx2",
    "httpcore",
    "opentelemetry",
    "stripe",
    "weasyprint",
    "fontTools",
    "alembic",
)


def start_logging(form: Literal["json", "console"], **bound: str) -> None:
    """Send every log line of this process to stderr in one form, each with what is ``bound``."""

    def whole(_: Any, level: str, line: MutableMapping[str, Any]) -> dict[str, Any]:
        # What three processors of the library would add, for half of what they cost.
        at = datetime.now(UTC).replace(tzinfo=None).isoformat() + "Z"
        return {**line, **bound, "level": level, "timestamp": at}

    renderer: Any = (
        _as_json
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=24)
    )
    structlog.configure(
        processors=[whole, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[whole],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)


log: Any = structlog.get_logger()


def where(error: BaseException) -> dict[str, str]:
    """The kind of the error and the lines it came through; never its message, which may repeat what was sent to us."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    path = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    return {"error": type(error).__name__, "where": path}


def _as_json(_: Any, __: str, line: dict[str, Any]) -> str:
    """A log line as JSON; whatever is no value of JSON is told by its ``str``."""
    return msgspec.json.encode(line, enc_hook=str).decode()
