"""What this process counts and measures, and how it is told to Prometheus: the only door to its library.

Labels are words of ours (a product, a kind of event, the reason of an error), so there are never many; no order, no
tenant and no person is ever one.
"""

import hmac
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any
from wsgiref.simple_server import WSGIServer
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Metric
from prometheus_client.exposition import choose_encoder, start_http_server
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from storage.settings import Settings
from storage.telemetry import log

_SECONDS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)
_LONG = (10, 20, 30, 60, 120, 180, 300, 600, 1800, 3600, 7200, 14400, 21600)
_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

EVENTS = Counter(
    "ledgerpress_events_recorded", "Events recorded by this process.", ["product", "type"]
)
CALLS = Counter(
    "ledgerpress_model_calls",
    "Calls of the model that ended, by how: answered, or why not.",
    ["product", "model", "outcome"],
)
LOST = Counter(
    "ledgerpress_model_calls_lost", "Calls of which nobody knows whether they were paid.", ["model"]
)
TOKENS = Counter(
    "ledgerpress_model_tokens", "Tokens, read or written.", ["product", "model", "kind"]
)
COST = Counter("ledgerpress_model_cost_dollars", "What calls have cost.", ["product", "model"])
SECTION = Histogram(
    "ledgerpress_section_seconds", "How long a section's call took.", ["product"], buckets=_SECONDS
)
FAILED = Counter(
    "ledgerpress_attempts_failed", "Attempts that failed, to be retried.", ["product", "reason"]
)
ATTENTION = Counter(
    "ledgerpress_attention_needed", "Orders that came to need a person.", ["product", "reason"]
)
ORDER = Histogram(
    "ledgerpress_order_seconds", "From payment to delivery.", ["product"], buckets=_LONG
)
HEARD = Counter(
    "ledgerpress_payments_heard", "What Stripe said, by what became of it.", ["verdict"]
)
REQUESTS = Histogram(
    "ledgerpress_http_request_seconds",
    "Requests answered, by route and status.",
    ["method", "route", "status"],
    buckets=_QUICK,
)
SWEPT = Counter("ledgerpress_sweeper_found", "Orders that nobody worked on.")
HANDED_BACK = Counter(
    "ledgerpress_nudges_handed_back", "Messages that could not be worked on.", ["reason"]
)
_BUILD = Gauge("ledgerpress_build_info", "The release that runs here.", ["version"])
_BUILD.labels(version("ledgerpress")).set(1)


@cache
def labelled(metric: Any, *labels: str) -> Any:
    """What counts under these labels: to find it costs several times as much as to count."""
    return metric.labels(*labels)


@dataclass(frozen=True, slots=True)
class Level:
    """How much there is of something just now: numbers by their labels' values."""

    name: str
    about: str
    labels: Sequence[str] = ()
    values: Mapping[tuple[str, ...], float] = field(default_factory=dict)


Read = Callable[[], Iterable[Level]]


class _Told(Collector):
    """What the process has counted, and the levels that are read when somebody asks."""

    def __init__(self, read: Read | None) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        yield from REGISTRY.collect()
        for level in self._read() if self._read else ():
            family = GaugeMetricFamily(level.name, level.about, labels=level.labels)
            for labels, number in level.values.items():
                family.add_metric(labels, number)
            yield family


def exposition(accept: str, read: Read | None = None) -> tuple[bytes, str]:
    """All of it as OpenMetrics or in Prometheus' older text, whichever ``accept`` asks for; and its content type."""
    encode, kind = choose_encoder(accept)
    return encode(_Told(read)), kind


def may_read(settings: Settings, authorization: str) -> bool:
    """Whether a request with that ``Authorization`` may read the metrics, where a token is asked for."""
    if settings.metrics_token is None:
        return False
    wanted = f"Bearer {settings.metrics_token.get_secret_value()}"
    return hmac.compare_digest(authorization.encode(), wanted.encode())


def serve_metrics(
    settings: Settings,
    read: Read | None = None,
    *,
    silent: Callable[[], Sequence[str]] = lambda: (),
) -> "Served | None":
    """Serve them at ``METRICS_ADDRESS`` from a thread of its own; ``None`` if there is none, or it cannot be had.

    ``/livez`` there answers 503, with the names of what in this process stands ``silent``, or else 200, to anybody.
    Whoever cannot be measured goes on working: an address that is taken is only logged.
    """
    if settings.metrics_address is None:
        return None
    host, _, port = settings.metrics_address.rpartition(":")
    try:
        server, thread = start_http_server(int(port), host.strip("[]"), _Told(read))
    except OSError as error:
        log.error(
            "metrics cannot be served", address=settings.metrics_address, error=error.strerror
        )
        return None
    plain = server.get_app()
    assert plain is not None

    def guarded(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/livez":
            still = silent()
            start(
                "503 Service Unavailable" if still else "200 OK", [("Content-Type", "text/plain")]
            )
            return [f"{', '.join(still) or 'ok'}\n".encode()]
        if settings.metrics_token and not may_read(settings, environ.get("HTTP_AUTHORIZATION", "")):
            start("401 Unauthorized", [("WWW-Authenticate", 'Bearer realm="metrics"')])
            return [b""]
        return plain(environ, start)

    server.set_app(guarded)
    log.info("metrics served", port=server.server_port)
    return Served(server, thread)


@dataclass(frozen=True, slots=True)
class Served:
    """A server of metrics, until it is closed."""

    server: WSGIServer
    thread: threading.Thread

    def close(self) -> None:
        """Listen no longer."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
