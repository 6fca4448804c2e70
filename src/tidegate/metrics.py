"""Every metric: its name, unit and meaning, in this one place.

The parts are processes of their own: they count into files of `PROMETHEUS_MULTIPROC_DIR`, and the
edge renders the sum of all at `/metrics`. `docs/metrics.md` is tested against this file.
"""

import os

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

PUBLISHERS = Gauge(
    "tidegate_publishers", "Publishers connected and accepted now.", multiprocess_mode="livesum"
)
PUBLISHES = Counter(
    "tidegate_publishes",
    "Attempts to publish, by outcome: accepted, or the word of the refusal.",
    ["outcome"],
)
INGEST_BYTES = Counter("tidegate_ingest_bytes", "Bytes received from publishers.")
INGEST_ERRORS = Counter(
    "tidegate_ingest_errors",
    "Ingest connections ended for a fault of the peer, by reason.",
    ["reason"],
)
SAMPLES = Counter("tidegate_samples", "Samples written to logs, by kind of track.", ["kind"])
HEALTH_EVENTS = Counter(
    "tidegate_health_events",
    "What had to be mended or dropped in a published stream, by event.",
    ["event"],
)

HTTP_CONNECTIONS = Gauge(
    "tidegate_http_connections", "HTTP connections open now.", multiprocess_mode="livesum"
)
HTTP_REQUESTS = Counter(
    "tidegate_http_requests", "HTTP requests answered, by route and status.", ["route", "status"]
)
HTTP_BYTES = Counter("tidegate_http_bytes", "Bytes of bodies sent to viewers, by route.", ["route"])
HTTP_ERRORS = Counter(
    "tidegate_http_errors",
    "HTTP connections ended for a fault of the peer, by reason.",
    ["reason"],
)
PARKED = Gauge(
    "tidegate_parked_requests",
    "Requests waiting for a chunk that is not written yet.",
    multiprocess_mode="livesum",
)
VIEWERS = Gauge(
    "tidegate_viewers",
    "Viewers now, by protocol: flv, fmp4, ws-flv, ws-fmp4, hls (whoever last got a playlist).",
    ["protocol"],
    multiprocess_mode="livesum",
)
JOIN_SECONDS = Histogram(
    "tidegate_join_seconds",
    "Seconds from a tail's request to its first media in the kernel, by protocol.",
    ["protocol"],
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)
SEND_DELAY_SECONDS = Histogram(
    "tidegate_send_delay_seconds",
    "Seconds from a chunk's append to the end of the pass that sent it, by protocol.",
    ["protocol"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 1, 2),
)
REFUSED = Counter(
    "tidegate_refused",
    "Newcomers refused or sent to the buddy site, by reason: connections, address, rate, channel, "
    "capacity, busy.",
    ["reason"],
)
TLS_HANDSHAKES = Counter(
    "tidegate_tls_handshakes", "TLS handshakes, by outcome: full, resumed, failed.", ["outcome"]
)
CERTIFICATE_SECONDS = Gauge(
    "tidegate_certificate_seconds",
    "Seconds until a certificate in use expires, by its first name.",
    ["name"],
    multiprocess_mode="livemin",
)
TAIL_JUMPS = Counter(
    "tidegate_tail_jumps",
    "Jumps of viewers that fell behind their budget to the newest independent chunk.",
)
PART_RESTARTS = Counter(
    "tidegate_part_restarts", "Parts of the node that ended and were started again.", ["part"]
)


def render() -> bytes:
    """All processes' metrics in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
