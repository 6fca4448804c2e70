"""What this worker has served, counted in plain integers and handed to the metrics now and then.

Law: on a viewer's path counting is one addition; labels are looked up once a route and status.
"""

from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter

from tidegate import metrics

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Tally:
    """Responses of one route and status since the last flush, and body bytes of them sent."""

    route: str
    requests: int = 0
    sent: int = 0


@dataclass(slots=True)
class Gauges:
    """What is open, waiting or following now."""

    connections: int = 0
    parked: int = 0
    tails: int = 0


@dataclass(slots=True)
class Counts:
    """Every tally of one worker."""

    gauges: Gauges = field(default_factory=Gauges)
    jumps: int = 0
    """Viewers of tails that fell behind and skipped chunks, since the last flush."""
    _tallies: dict[tuple[str, int], Tally] = field(default_factory=dict)
    _targets: dict[tuple[str, int], tuple[Counter, Counter]] = field(default_factory=dict)

    def tally(self, route: str, status: int) -> Tally:
        """The tally of a route and status; keep it, it stays the same one."""
        key = (route, status)
        found = self._tallies.get(key)
        if found is None:
            found = self._tallies[key] = Tally(route)
            self._targets[key] = (
                metrics.HTTP_REQUESTS.labels(route=route, status=str(status)),
                metrics.HTTP_BYTES.labels(route=route),
            )
        return found

    def error(self, reason: str) -> None:
        """A connection ended for a fault of the peer."""
        metrics.HTTP_ERRORS.labels(reason=reason).inc()

    def flush(self) -> None:
        """Hand everything to the metrics."""
        for key, tally in self._tallies.items():
            requests, sent = self._targets[key]
            if tally.requests:
                requests.inc(tally.requests)
                tally.requests = 0
            if tally.sent > 0:  # a head that did not go whole leaves a debt
                sent.inc(tally.sent)
                tally.sent = 0
        if self.jumps:
            metrics.TAIL_JUMPS.inc(self.jumps)
            log.info("viewers fell behind and jumped", jumps=self.jumps)
            self.jumps = 0
        metrics.HTTP_CONNECTIONS.set(self.gauges.connections)
        metrics.PARKED.set(self.gauges.parked)
        metrics.VIEWERS.labels(protocol="flv").set(self.gauges.tails)
