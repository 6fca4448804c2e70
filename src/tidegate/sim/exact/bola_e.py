"""BOLA-E: BOLA whose buffer is told larger than it is, by a placeholder.

Law: the placeholder lets BOLA begin at the rung that the line carries, and is let out as the
buffer fills; it is never larger than the last rung's bounds say.
"""

from tidegate.sim.exact.bola import best, better, rivals, utilities
from tidegate.sim.exact.download import Download
from tidegate.sim.exact.estimate import Estimate
from tidegate.sim.exact.movie import Movie
from tidegate.sim.exact.network import Watch
from tidegate.sim.exact.options import Options
from tidegate.sim.exact.rule import Choice, sustained
from tidegate.sim.exact.throughput import BufferCap

LOW_MS = 10_000.0
"""Up to here the lowest rung is chosen."""
RUNG_MS = 2_000.0
"""The buffer reckoned with is at least `LOW_MS` and so much a rung."""


class BolaE:
    """The rule's state of one session."""

    __slots__ = ("_calm", "_cap", "_last", "_least", "_movie", "_placeholder", "_started",
                 "_worths")  # fmt: skip

    def __init__(self, movie: Movie, options: Options) -> None:
        self._movie = movie
        self._calm = options.calm
        self._cap = BufferCap(movie) if options.insufficient_buffer else None
        own = utilities(movie, 1.0)
        v, gamma_p = _weights(movie, options, own[-1])
        self._worths = [v * (utility + gamma_p) for utility in own]
        rates = movie.bitrates_kbps
        self._least = [_least(rung, own, rates, v, gamma_p) for rung in range(len(rates))]
        self._placeholder = 0.0
        self._started = False
        self._last = 0

    def choose(self, segment: int, level_ms: float, line: Estimate) -> Choice:  # noqa: ARG002
        """First what the line carries; then by buffer and placeholder, capped by both."""
        carried = sustained(self._movie, line.kbps, line.latency_ms)
        if not self._started:
            self._started = True
            self._placeholder = max(0.0, self._least[carried] - level_ms)
            return carried, 0.0
        rung = best(self._worths, self._movie.bitrates_kbps, level_ms + self._placeholder)
        if rung > self._last and rung > carried:
            rung = max(self._last, carried) + (not self._calm)
        delay = self._let_out(rung, level_ms)
        if self._cap:
            safe = self._cap.cap(rung, level_ms, line)
            if safe < rung:
                self._shrink(self._least[safe] - level_ms)
                return safe, 0.0
        return rung, delay

    def _let_out(self, rung: int, level_ms: float) -> float:
        """What is over the rung's bound goes out of the placeholder first; the rest is waited."""
        over = level_ms + self._placeholder - self._worths[rung]
        if over <= 0:
            return 0.0
        if over <= self._placeholder:
            self._placeholder -= over
            return 0.0
        over -= self._placeholder
        self._placeholder = 0.0
        return 0.0 if rung == len(self._worths) - 1 else over

    def _shrink(self, most: float) -> None:
        self._placeholder = min(max(0.0, most), self._placeholder)

    def watch(self, download: Download, line: Estimate) -> Watch:  # noqa: ARG002
        """As BOLA, at the level and with the rest that there will be a latency from now."""
        ttfb_ms, size, worth = download.ttfb_ms, download.size, self._worths[download.rung]
        placeholder = self._placeholder
        others = rivals(download, self._worths, self._movie.bitrates_kbps)

        def watch(got: float, ms: float, level_ms: float) -> int | None:
            left = size - got - ttfb_ms * (got / (ms - ttfb_ms))
            if left <= 0:
                return None
            level = level_ms + placeholder - ttfb_ms
            level = level if level > 0 else 0.0
            return better((worth - level) / left, left, level, others)

        return watch

    def waited(self, ms: float) -> None:
        """Nothing was asked for though BOLA would have: the placeholder makes up for it."""
        self._placeholder += ms

    def took(self, download: Download, level_ms: float) -> None:
        """Brings the placeholder back between the bounds of the rung that was downloaded."""
        self._last = rung = download.rung
        if download.given_up_for is not None:
            target = download.given_up_for
            self._shrink((self._least[target] if target > 0 else LOW_MS) - level_ms)
            return
        before = level_ms + download.ms
        self._shrink(self._worths[rung] - before)
        if level_ms > 0:
            self._placeholder = max(self._placeholder, self._least[rung] - before)


def _weights(movie: Movie, options: Options, highest: float) -> tuple[float, float]:
    """V and gamma p: from the options without the insufficient-buffer rule, else from `LOW_MS`."""
    buffer_ms = options.buffer_s * 1000
    if not options.insufficient_buffer:
        gamma_p = options.gamma_p_s - 1
        return (buffer_ms - movie.segment_duration_ms) / (highest + gamma_p), gamma_p
    buffer_ms = max(LOW_MS + RUNG_MS * len(movie.bitrates_kbps), buffer_ms)
    gamma_p = (highest - 1) / (buffer_ms / LOW_MS - 1)
    return LOW_MS / gamma_p, gamma_p


def _least(
    rung: int, own: list[float], rates: tuple[float, ...], v: float, gamma_p: float
) -> float:
    """The level from which BOLA prefers `rung` to every lower one."""
    rate, utility = rates[rung], own[rung]
    levels = [
        v * (gamma_p + (rate * own[lower] - rates[lower] * utility) / (rate - rates[lower]))
        for lower in range(rung)
        if own[lower] < utility
    ]
    return max([0, *levels])
