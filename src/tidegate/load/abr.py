"""Which variant a player fetches next: an estimate of the line and a choice, as hls.js makes them.

Law: pure. Two averages, a fast and a slow one, weighted by how long each download took; the lower
one counts, so that a fall is believed at once and a rise only when it lasts. The choice is the one
for live playlists, where the time that a fetch takes is no argument against it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.load.playlist import Variant

FAST_S, SLOW_S = 3.0, 9.0
"""Half-lives of the two averages, seconds of download (hls.js abrEwmaFastLive, SlowLive)."""
FIRST_ESTIMATE, FIRST_ESTIMATE_MOST = 500_000.0, 5_000_000.0
"""Bits a second before anything was measured: the variant listed first may raise it (hls.js
abrEwmaDefaultEstimate, abrEwmaDefaultEstimateMax)."""
FIRST_DELAY_S, _LEAST_DELAY_S = 0.1, 0.005
"""Seconds to the first byte before any was measured, and what each counts at least."""
KEEP, CLIMB = 0.95, 0.7
"""Share of the estimate that a variant may take, to stay and to go up (hls.js)."""
SECURE_PIECES = 2
"""Pieces in the buffer with which the average bitrate of a variant counts, not the highest."""
HOPELESS = 10
"""Durations of a piece that its fetch at a lower variant may take to be worth a change."""
_LEAST_S, _LEAST_S_A_BYTE = 0.05, 1e-8
"""What a download counts at least: so long, or so long a byte, whichever is less."""
_LEAST_WEIGHT = 0.001
"""An average of less is none."""


class Average:
    """An exponential average whose weights are not equal, and which does not begin at zero."""

    __slots__ = ("_half_life", "_sum", "_weight")

    def __init__(self, half_life: float) -> None:
        self._half_life = half_life
        self._sum = self._weight = 0.0

    def add(self, weight: float, value: float) -> None:
        """A value that counts as much as `weight`."""
        kept = 0.5 ** (weight / self._half_life)
        self._sum = kept * self._sum + (1 - kept) * value
        self._weight += weight

    def value(self, otherwise: float) -> float:
        """Of what was added so far, unless that is too little."""
        if self._weight < _LEAST_WEIGHT:
            return otherwise
        whole: float = 1 - 0.5 ** (self._weight / self._half_life)
        return self._sum / whole


@dataclass(frozen=True, slots=True)
class Load:
    """A piece on its way: `got` bytes after `for_s` seconds, the first after `first_s` (or never).

    It lasts `duration_s`; `buffered_s` are left to play meanwhile.
    """

    got: int
    for_s: float
    first_s: float | None
    duration_s: float
    buffered_s: float


@dataclass(frozen=True, slots=True)
class Rescue:
    """Fetch on with this `variant`; `at_once`: the piece on its way is given up now."""

    variant: Variant
    at_once: bool


class Abr:
    """One player's."""

    __slots__ = ("_delay", "_fast", "_first", "_slow", "list_s")

    def __init__(self) -> None:
        self._delay = Average(SLOW_S)
        self.list_s = 0.0
        """Seconds that the last playlist took from its first byte to its last."""
        self.reset(FIRST_ESTIMATE)

    def reset(self, estimate: float) -> None:
        """Know nothing of the line but a guess."""
        self._fast, self._slow = Average(FAST_S), Average(SLOW_S)
        self._first = estimate

    @property
    def estimate(self) -> float:
        """Bits a second."""
        return min(self._fast.value(self._first), self._slow.value(self._first))

    @property
    def delay_s(self) -> float:
        """Seconds from a request to the first byte."""
        return self._delay.value(FIRST_DELAY_S)

    def took(self, size: int, seconds: float, first_s: float) -> None:
        """A download of `size` bytes took so long, of which `first_s` to its first byte."""
        self._waited(first_s)
        self._sample(size, seconds - min(first_s, self.delay_s))

    def _waited(self, seconds: float) -> None:
        """For a first byte; who waited long tells less."""
        weight = math.sqrt(2) * math.exp(-(min(seconds, 30.0) ** 2) / 2)
        self._delay.add(weight, max(seconds, _LEAST_DELAY_S))

    def _sample(self, size: int, seconds: float) -> None:
        if size > 0:
            seconds = max(seconds, min(_LEAST_S, size * _LEAST_S_A_BYTE))
            for average in (self._fast, self._slow):
                average.add(seconds, size * 8 / seconds)

    def first(self, variants: Sequence[Variant], listed_first: Variant) -> Variant:
        """The variant to begin with, of `variants`, which rise in bandwidth."""
        if FIRST_ESTIMATE == self.estimate < listed_first.bandwidth:
            self.reset(min(listed_first.bandwidth, FIRST_ESTIMATE_MOST))
        fit = [variant for variant in variants if variant.bandwidth <= self.estimate]
        return fit[-1] if fit else variants[0]

    def choose(
        self, variants: Sequence[Variant], last: Variant, buffered_s: float, piece_s: float
    ) -> Variant:
        """The best of `variants` for one who fetched `last`, with so much in the buffer."""
        secure = piece_s and buffered_s >= SECURE_PIECES * piece_s
        estimate = self.estimate
        for variant in reversed(variants):
            factor = CLIMB if variant.bandwidth > last.bandwidth else KEEP
            if (variant.average if secure else variant.bandwidth) <= estimate * factor:
                return variant
        return variants[0]

    def patience_s(self, duration_s: float) -> float:
        """Seconds for which a piece may be on its way before it is looked at."""
        return max(self.delay_s, duration_s / 2)

    def rescue(self, variants: Sequence[Variant], now: Variant, load: Load) -> Rescue | None:
        """What to do when the buffer will be empty before this piece of `now` is there."""
        lower = variants[: variants.index(now)]
        if not lower:
            return None
        size = max(load.got, round(load.duration_s * now.average / 8))
        rate, left_s = self.estimate / 8, size * 8 / self.estimate + self.delay_s
        if load.got and load.first_s is not None:
            rate = load.got / max(load.for_s - load.first_s, 0.001)
            left_s = (size - load.got) / rate
        if left_s <= load.buffered_s:
            return None
        variant, takes_s = self._lower(lower, rate, load)
        if takes_s >= left_s or takes_s > HOPELESS * load.duration_s:
            return None
        self._learn(load, variant)
        at_once = left_s > 2 * takes_s and variant is not variants[0]
        if at_once:
            variant = variants[0]
            self.reset(variant.bandwidth)
        return Rescue(variant, at_once)

    def _lower(self, lower: Sequence[Variant], rate: float, load: Load) -> tuple[Variant, float]:
        """The best of `lower` that comes in time, or the lowest, and how long its piece takes."""
        takes_s, in_time_s = 0.0, min(load.buffered_s, load.duration_s + self.delay_s)
        for variant in reversed(lower):
            size = load.duration_s * variant.bandwidth / 8
            takes_s = 2 * self.delay_s + self.list_s + size / rate
            if takes_s < in_time_s:
                return variant, takes_s
        return lower[0], takes_s

    def _learn(self, load: Load, variant: Variant) -> None:
        """What a piece that is given up tells of the line."""
        if load.got and load.first_s is not None:
            self._sample(load.got, load.for_s - min(load.first_s, self.delay_s))
        else:
            self._waited(load.for_s)
        if self.estimate * CLIMB > variant.bandwidth:
            self.reset(variant.bandwidth)
