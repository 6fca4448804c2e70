"""What this worker has served, counted in plain integers and handed to the metrics now and then.

Law: on a viewer's path counting is one addition; labels are looked up once a route and status.
"""

from collections import Counter as Sums
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter

from tidegate import metrics

log = structlog.get_logger()

Charge = Callable[[str, str, int, int], None]
"""Who is told what was delivered since it was last told: channel, protocol, bytes, requests."""


@dataclass(slots=True, eq=False)
class Tally:
    """Responses of one route, status and channel since the last flush, and body bytes of them sent.

    `channel` is empty for what belongs to none.
    """

    route: str
    status: int
    channel: str = ""
    protocol: str = ""
    requests: int = 0
    sent: int = 0


@dataclass(slots=True)
class Gauges:
    """What is open, waiting or following now; `viewers` by protocol."""

    connections: int = 0
    parked: int = 0
    viewers: Sums[str] = field(default_factory=Sums)


@dataclass(slots=True)
class Counts:
    """Every tally of one worker."""

    gauges: Gauges = field(default_factory=Gauges)
    jumps: int = 0
    """Viewers of tails that fell behind and skipped chunks, since the last flush."""
    sent: int = 0
    """Body bytes sent up to the last flush."""
    charge: Charge | None = None
    _tallies: dict[tuple[str, int, str], Tally] = field(default_factory=dict)
    _targets: dict[tuple[str, int], tuple[Counter, Counter]] = field(default_factory=dict)

    def tally(self, route: str, status: int, channel: str = "", protocol: str = "hls") -> Tally:
        """The tally of a route, status and channel; keep it, it stays the same one."""
        key = (route, status, channel)
        found = self._tallies.get(key)
        if found is None:
            found = self._tallies[key] = Tally(route, status, channel, protocol)
            self._targets[key[:2]] = (
                metrics.HTTP_REQUESTS.labels(route=route, status=str(status)),
                metrics.HTTP_BYTES.labels(route=route),
            )
        return found

    def sibling(self, tally: Tally, status: int) -> Tally:
        """The tally of the same thing with another status."""
        return self.tally(tally.route, status, tally.channel, tally.protocol)

    def error(self, reason: str) -> None:
        """A connection ended for a fault of the peer."""
        metrics.HTTP_ERRORS.labels(reason=reason).inc()

    def refused(self, reason: str) -> None:
        """A newcomer was refused or sent to the buddy site."""
        metrics.REFUSED.labels(reason=reason).inc()

    def flush(self) -> None:
        """Hand everything to the metrics, and to whoever is charged."""
        for tally in self._tallies.values():
            # A head that did not go whole leaves a debt.
            requests, sent = tally.requests, max(0, tally.sent)
            if not requests and not sent:
                continue
            tally.requests = 0
            tally.sent -= sent
            self._hand_over(tally, requests, sent)
        if self.jumps:
            metrics.TAIL_JUMPS.inc(self.jumps)
            log.info("viewers fell behind and jumped", jumps=self.jumps)
            self.jumps = 0
        metrics.HTTP_CONNECTIONS.set(self.gauges.connections)
        metrics.PARKED.set(self.gauges.parked)
        for protocol, viewers in self.gauges.viewers.items():
            metrics.VIEWERS.labels(protocol=protocol).set(viewers)

    def _hand_over(self, tally: Tally, requests: int, sent: int) -> None:
        answered, delivered = self._targets[tally.route, tally.status]
        answered.inc(requests)
        delivered.inc(sent)
        self.sent += sent
        if tally.channel and self.charge is not None:
            self.charge(tally.channel, tally.protocol, sent, requests)
