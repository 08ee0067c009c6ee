"""What the house says about itself: structured lines on stderr, one for each recorded event."""

import logging
import sys
import traceback
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

    def add_bound(_: Any, __: str, line: dict[str, Any]) -> dict[str, Any]:
        return {**line, **bound}

    shared: list[Any] = [
        add_bound,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=_as_json)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=24)
    )
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
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


def _as_json(line: Any, **_: Any) -> str:
    """A log line as JSON; whatever is no value of JSON is told by its ``str``."""
    return msgspec.json.encode(line, enc_hook=str).decode()
