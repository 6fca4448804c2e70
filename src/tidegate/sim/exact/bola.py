"""BOLA: the rung that weighs utility against buffer, after Spiteri, Urgaonkar and Sitaraman.

Law: a rung's score is (V (utility + gamma p) - level) / bitrate; the highest score is chosen, the
lower rung of two alike. All levels are milliseconds.
"""

import math
from collections.abc import Sequence

from tidegate.sim.exact.download import Download
from tidegate.sim.exact.estimate import Estimate
from tidegate.sim.exact.movie import Movie
from tidegate.sim.exact.network import Watch
from tidegate.sim.exact.options import Options
from tidegate.sim.exact.rule import Choice, sustained

FEWEST_SEGMENTS = 3
"""Of the buffer that is reckoned with, at the movie's beginning and end."""


def utilities(movie: Movie, lowest: float) -> list[float]:
    """Of each rung: the logarithm of its bitrate, moved so that the lowest has `lowest`."""
    offset = lowest - math.log(movie.bitrates_kbps[0])
    return [math.log(kbps) + offset for kbps in movie.bitrates_kbps]


def best(worths: Sequence[float], rates: Sequence[float], level_ms: float) -> int:
    """The rung of the highest score; `worths` are the V (utility + gamma p)."""
    scores = [(worth - level_ms) / rate for worth, rate in zip(worths, rates, strict=True)]
    return scores.index(max(scores))


def rivals(
    download: Download, worths: Sequence[float], rates: Sequence[float]
) -> list[tuple[int, float, float]]:
    """The rungs under a download's: (rung, worth, bits the segment would about have there)."""
    size, rate = download.size, rates[download.rung]
    return [(rung, worths[rung], size * rates[rung] / rate) for rung in range(download.rung)]


def better(
    score: float, left: float, level_ms: float, others: Sequence[tuple[int, float, float]]
) -> int | None:
    """The rival of the highest score above `score`, of those smaller than the bits `left`."""
    target = None
    for rung, worth, size in others:
        if size >= left:
            break
        other = (worth - level_ms) / size
        if other > score:
            score, target = other, rung
    return target


class Bola:
    """The rule's state of one session."""

    __slots__ = ("_buffer_ms", "_calm", "_gamma_p", "_last", "_movie", "_utilities", "_worths")

    def __init__(self, movie: Movie, options: Options) -> None:
        self._movie = movie
        self._buffer_ms = options.buffer_s * 1000
        self._gamma_p = options.gamma_p_s
        self._calm = options.calm
        self._utilities = utilities(movie, 0.0)
        self._worths: list[float] = []
        self._last = 0

    def choose(self, segment: int, level_ms: float, line: Estimate) -> Choice:
        """By the buffer; up no further than the line carries, or one rung more if not calm."""
        self._weigh(segment)
        rates = self._movie.bitrates_kbps
        rung, delay = best(self._worths, rates, level_ms), 0.0
        if rung > self._last:
            carried = sustained(self._movie, line.kbps, line.latency_ms)
            if rung > carried:
                rung, delay = self._hold_back(carried, level_ms)
        self._last = rung
        return rung, delay

    def _weigh(self, segment: int) -> None:
        """The buffer that is reckoned with grows from the beginning and shrinks to the end."""
        movie = self._movie
        near = min(segment, len(movie.segment_sizes_bits) - segment)
        segments = max(near / 2, FEWEST_SEGMENTS)
        buffer_ms = min(self._buffer_ms, segments * movie.segment_duration_ms)
        v = (buffer_ms - movie.segment_duration_ms) / (self._utilities[-1] + self._gamma_p)
        self._worths = [v * (self._gamma_p + utility) for utility in self._utilities]

    def _hold_back(self, carried: int, level_ms: float) -> Choice:
        if self._last > carried:
            return self._last, 0.0
        if not self._calm:
            return carried + 1, 0.0
        return carried, max(0.0, level_ms - self._worths[carried])

    def watch(self, download: Download, line: Estimate) -> Watch:  # noqa: ARG002
        """Gives up for a rung whose whole segment scores more than the rest of this one."""
        worths = self._worths
        others = rivals(download, worths, self._movie.bitrates_kbps)
        worth, size = worths[download.rung], download.size

        def watch(got: float, ms: float, level_ms: float) -> int | None:  # noqa: ARG001
            if level_ms > worth:
                return None
            left = size - got
            target = better((worth - level_ms) / left, left, level_ms, others)
            if target is not None:
                self._last = target
            return target

        return watch

    def waited(self, ms: float) -> None:
        """The level says it all."""

    def took(self, download: Download, level_ms: float) -> None:
        """The level says it all."""
