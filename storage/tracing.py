"""One trace for an order, from the webhook to the mail: the only door to OpenTelemetry, and all names of spans.

What continues a trace is a ``traceparent`` (https://www.w3.org/TR/trace-context/) that is passed on as text: it is kept
with the events, so that whoever takes an order up continues its trace, however many workers died before.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from importlib.metadata import version
from typing import Any

from storage.settings import Settings

# Of version 00, and not the reserved zeros: what else comes from outside is as good as none.
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_DELAY_MILLISECONDS = 1000
_EXPORT_SECONDS = 5.0

# What is told of a span, under OpenTelemetry's names where it has some.
Told = Mapping[str, str | int | float | bool]
_NOTHING: Told = {}


class Name(StrEnum):
    """What spans are called. Those of HTTP requests are called after their route."""

    ATTEMPT = "take up"
    STEP = "step"
    CALL = "ask the model"


class Kind(StrEnum):
    """How a span stands to others, in OpenTelemetry's words."""

    SERVER = "server"
    CONSUMER = "consumer"
    CLIENT = "client"
    INTERNAL = "internal"


class Span:
    """Something that takes time. Only one that has ended is told of: one that is dropped never was.

    ``traceparent`` continues the trace below it. Where nothing is traced, that is its parent's, and all else nothing.
    """

    __slots__ = ("_failed", "_span", "traceparent")

    def __init__(self, traceparent: str, span: Any = None, failed: Any = None) -> None:
        self.traceparent = traceparent
        self._span = span
        self._failed = failed

    def rename(self, name: str) -> None:
        """Call it otherwise, once more is known."""
        if self._span is not None:
            self._span.update_name(name)

    def end(self, error: str = "", told: Told = _NOTHING) -> None:
        """It is over; ``error`` is the reason why it failed, in a word. Only the first end counts."""
        if self._span is None:
            return
        self._span.set_attributes(told)
        if error:
            self._span.set_attribute("error.type", error)
            self._span.set_status(self._failed)
        self._span.end()
        self._span = None


class _Tracing:
    """The library, once it is wanted: without it a process starts faster and weighs less."""

    def __init__(self, endpoint: str, process: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - see above
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - see above
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - see above
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - see above
        from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415 - see above
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - see above

        named = {
            "service.name": "ledgerpress",
            "service.version": version("ledgerpress"),
            "service.instance.id": str(uuid.uuid4()),
            "ledgerpress.process": process,
        }
        exporter = OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_SECONDS
        )
        self._provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, schedule_delay_millis=_DELAY_MILLISECONDS)
        )
        self._tracer = self._provider.get_tracer("ledgerpress", version("ledgerpress"))
        self._propagator = TraceContextTextMapPropagator()
        self._kinds = {kind: SpanKind[kind.name] for kind in Kind}
        self._failed = Status(StatusCode.ERROR)

    def begin(self, name: str, kind: Kind, parent: str, told: Told) -> Span:
        context = self._propagator.extract({"traceparent": parent})
        span = self._tracer.start_span(
            name, context=context, kind=self._kinds[kind], attributes=told
        )
        found = span.get_span_context()
        flags = int(found.trace_flags) & 1
        traceparent = f"00-{found.trace_id:032x}-{found.span_id:016x}-{flags:02x}"
        return Span(traceparent, span, self._failed)

    def close(self) -> None:
        self._provider.shutdown()


_tracing: Any = None


@contextmanager
def tracing(settings: Settings, process: str) -> Iterator[None]:
    """Trace what this process does, if ``OTEL_EXPORTER_OTLP_ENDPOINT`` says where to; on leaving, send the rest.

    A collector that is away keeps nobody from working: what it does not take in time is forgotten.
    """
    global _tracing  # noqa: PLW0603 - a process traces, or it does not
    if settings.otel_exporter_otlp_endpoint is None:
        yield
        return
    ours = _Tracing(settings.otel_exporter_otlp_endpoint, process)
    before, _tracing = _tracing, ours
    try:
        yield
    finally:
        _tracing = before
        ours.close()


def begin(name: str, kind: Kind, parent: str, told: Told = _NOTHING) -> Span:
    """Begin a span below ``parent``, or a trace if that is empty. Costs nothing where nothing is traced."""
    if _tracing is None:
        return Span(parent)
    span: Span = _tracing.begin(name, kind, parent, told)
    return span


def given(header: str) -> str:
    """The ``traceparent`` that a request brought, if it is one; else nothing."""
    return header if _TRACEPARENT.fullmatch(header) else ""


def of_order(order: str, recorded: str) -> str:
    """What continues an order's trace: as ``recorded`` with its first event, or made of its id.

    All who work on an order come to the same, also if it was placed when nothing was traced.
    """
    if recorded or _tracing is None:
        return recorded
    number = uuid.UUID(order).hex
    return f"00-{number}-{number[:16]}-01"
