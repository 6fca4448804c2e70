"""Which variant a player fetches next: an estimate of the line, as hls.js makes it.

Law: pure. Two averages, a fast and a slow one, weighted by how long each download took; the lower
one counts, so that a fall is believed at once and a rise only when it lasts.
"""

from collections.abc import Sequence

from tidegate.load.playlist import Variant

FAST_S, SLOW_S = 3.0, 9.0
"""Half-lives of the two averages, seconds of download (hls.js abrEwmaFastLive, SlowLive)."""
FIRST_ESTIMATE = 500_000.0
"""Bits a second before anything was measured (hls.js abrEwmaDefaultEstimate)."""
KEEP, CLIMB = 0.95, 0.7
"""Share of the estimate that a variant may take, to stay and to go up (hls.js)."""
LEAST_S = 0.001
LEAST_BYTES = 16_000
"""A smaller download tells of latency, not of the line."""


class Abr:
    """One player's."""

    __slots__ = ("_fast", "_slow", "_weight")

    def __init__(self) -> None:
        self._fast = self._slow = 0.0
        self._weight = 0.0

    @property
    def estimate(self) -> float:
        """Bits a second."""
        if not self._weight:
            return FIRST_ESTIMATE
        fast: float = self._fast / (1 - 0.5 ** (self._weight / FAST_S))
        slow: float = self._slow / (1 - 0.5 ** (self._weight / SLOW_S))
        return min(fast, slow)

    def took(self, size: int, seconds: float) -> None:
        """A download of `size` bytes took so long."""
        if size < LEAST_BYTES:
            return
        seconds = max(seconds, LEAST_S)
        rate = size * 8 / seconds
        fast, slow = 0.5 ** (seconds / FAST_S), 0.5 ** (seconds / SLOW_S)
        self._fast = fast * self._fast + (1 - fast) * rate
        self._slow = slow * self._slow + (1 - slow) * rate
        self._weight += seconds

    def choose(self, variants: Sequence[Variant], now: Variant | None) -> Variant:
        """The best of `variants`, which rise in bandwidth, for one that plays `now`."""
        best = variants[0]
        for variant in variants:
            climbs = now is not None and variant.bandwidth > now.bandwidth
            if variant.bandwidth <= self.estimate * (CLIMB if climbs else KEEP):
                best = variant
        return best
