"""Media time to wall time, the same for every rendition of a run.

A sample arrives when the network lets it, so single arrivals jitter. The clock follows the
earliest: what comes late was delayed, what comes early is the truth.
"""

from dataclasses import dataclass

_DRIFT = 200e-6
"""Largest drift followed between the publisher's clock and ours, seconds a second."""


class WallClock:
    """Maps media time (seconds) to the ingest's clock (microseconds since 1970)."""

    def __init__(self, media: float, wall: int) -> None:
        self._offset = wall - media * 1e6
        self._seen = media

    def observe(self, media: float, wall: int) -> None:
        """A sample of media time `media` arrived at `wall`."""
        passed = max(0.0, media - self._seen)
        self._seen = max(self._seen, media)
        self._offset = min(self._offset + passed * _DRIFT * 1e6, wall - media * 1e6)

    def wall(self, media: float) -> int:
        """When media time `media` left the publisher, as far as the network lets us know."""
        return round(media * 1e6 + self._offset)


@dataclass(frozen=True, slots=True)
class Run:
    """Media whose times and coding follow from one another.

    `start` is its media time, seconds; `init` the number its init has in every log.
    """

    start: float
    init: int
    clock: WallClock
