"""THROUGHPUT: the highest rung that the line is believed to carry, with a margin.

Law: what is not learnt of an abandoned download is Sabre's own: the estimate does not see it, so
it is the insufficient-buffer rule that brings the rung down when a line collapses.
"""

from tidegate.sim.exact.download import Download
from tidegate.sim.exact.estimate import Estimate
from tidegate.sim.exact.movie import Movie
from tidegate.sim.exact.network import Watch
from tidegate.sim.exact.options import Options
from tidegate.sim.exact.rule import Choice, sustained

MARGIN = 0.9
"""Share of the estimate that is used."""
LATE = 1.8
"""A download that will take more segment durations than this is given up."""
GRACE_MS = 500.0


class BufferCap:
    """The insufficient-buffer rule: a segment must come before what is left has played.

    It trusts nine tenths of the estimate at first and less with every segment, down to half.
    """

    FIRST, LEAST = 0.9, 0.5

    __slots__ = ("_movie", "_trust")

    def __init__(self, movie: Movie) -> None:
        self._movie = movie
        self._trust = self.FIRST

    def cap(self, rung: int, level_ms: float, line: Estimate) -> int:
        """`rung`, or the highest under it that is safe."""
        safe_bits = self._trust * (level_ms - line.latency_ms) * line.kbps
        self._trust = max(self._trust * self.FIRST, self.LEAST)
        rates, segment_ms = self._movie.bitrates_kbps, self._movie.segment_duration_ms
        for lower in range(rung):
            if rates[lower + 1] * segment_ms > safe_bits:
                return lower
        return rung


class Throughput:
    """The rule's state of one session."""

    __slots__ = ("_cap", "_movie")

    def __init__(self, movie: Movie, options: Options) -> None:
        self._movie = movie
        self._cap = BufferCap(movie) if options.insufficient_buffer else None

    def choose(self, segment: int, level_ms: float, line: Estimate) -> Choice:  # noqa: ARG002
        """By the estimate; it never waits."""
        rung = sustained(self._movie, line.kbps * MARGIN, line.latency_ms)
        return (self._cap.cap(rung, level_ms, line) if self._cap else rung), 0.0

    def watch(self, download: Download, line: Estimate) -> Watch:
        """Gives up what comes far too late, for a rung whose segment is less than what is left."""
        size, ttfb_ms, rung = download.size, download.ttfb_ms, download.rung
        movie, latency_ms = self._movie, line.latency_ms
        rates, late_ms = movie.bitrates_kbps, LATE * movie.segment_duration_ms

        def watch(got: float, ms: float, level_ms: float) -> int | None:  # noqa: ARG001
            if ms < GRACE_MS:
                return None
            kbps = got / (ms - ttfb_ms)
            left = size - got
            if ms + left / kbps <= late_ms:
                return None
            lower = sustained(movie, kbps * MARGIN, latency_ms)
            if lower >= rung or size * rates[lower] / rates[rung] >= left:
                return None
            return lower

        return watch

    def waited(self, ms: float) -> None:
        """Nothing to learn."""

    def took(self, download: Download, level_ms: float) -> None:
        """Nothing to learn: the estimate has it."""
