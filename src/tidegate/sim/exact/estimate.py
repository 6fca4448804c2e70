"""What a player believes its line carries, from the downloads that ended well.

Law: of several memories the lowest rate and the highest latency count, so that a fall is believed
at once and a rise when it lasts.
"""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from tidegate.sim.exact.movie import Movie


class Estimate(Protocol):
    """The belief, and how it learns. It holds nothing before the first `push`."""

    kbps: float
    latency_ms: float

    def push(self, body_ms: float, kbps: float, latency_ms: float) -> None:
        """A download's body took so long, at such a rate, after such a latency."""


class _Memory:
    """An average whose older samples weigh half after every half-life; zero at first, corrected."""

    __slots__ = ("_half_life", "_sum", "_weight")

    def __init__(self, half_life: float) -> None:
        self._half_life = half_life
        self._sum = self._weight = 0.0

    def push(self, weight: float, value: float) -> float:
        """The average after a sample."""
        keep: float = 0.5 ** (weight / self._half_life)
        self._sum = keep * self._sum + (1 - keep) * value
        self._weight += weight
        corrected: float = 1 - 0.5 ** (self._weight / self._half_life)
        return self._sum / corrected


class Ewma:
    """Exponential averages: rates by the time of download, latencies by request.

    A half-life in seconds is, for latencies, as many requests as it has segments.
    """

    __slots__ = ("_latencies", "_rates", "kbps", "latency_ms")

    def __init__(self, half_lives_s: Sequence[float], movie: Movie) -> None:
        self.kbps = self.latency_ms = 0.0
        half_lives = [seconds * 1000 for seconds in half_lives_s]
        self._rates = [_Memory(ms) for ms in half_lives]
        self._latencies = [_Memory(ms / movie.segment_duration_ms) for ms in half_lives]

    def push(self, body_ms: float, kbps: float, latency_ms: float) -> None:
        """One more download."""
        self.kbps = min(memory.push(body_ms, kbps) for memory in self._rates)
        self.latency_ms = max(memory.push(1, latency_ms) for memory in self._latencies)


class Sliding:
    """Plain averages over the last few downloads."""

    __slots__ = ("_latencies", "_rates", "_windows", "kbps", "latency_ms")

    def __init__(self, windows: Sequence[int]) -> None:
        self.kbps = self.latency_ms = 0.0
        self._windows = windows
        self._rates: deque[float] = deque(maxlen=max(windows))
        self._latencies: deque[float] = deque(maxlen=max(windows))

    def push(self, body_ms: float, kbps: float, latency_ms: float) -> None:  # noqa: ARG002
        """One more download."""
        self._rates.append(kbps)
        self._latencies.append(latency_ms)
        self.kbps = min(_mean(list(self._rates)[-window:]) for window in self._windows)
        self.latency_ms = max(_mean(list(self._latencies)[-window:]) for window in self._windows)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
