"""What decides the rung of the next segment.

Law: a rule is told the level of the buffer and what the line is believed to carry; it knows
nothing else of player and network.
"""

from typing import Protocol

from tidegate.sim.exact.download import Download
from tidegate.sim.exact.estimate import Estimate
from tidegate.sim.exact.movie import Movie
from tidegate.sim.exact.network import Watch

Choice = tuple[int, float]
"""The rung, and milliseconds to wait before it is asked for."""


class Rule(Protocol):
    """A rule of adaptation, with the state of one session. The first segment has rung 0."""

    def choose(self, segment: int, level_ms: float, line: Estimate) -> Choice:
        """For the segment of that number."""

    def watch(self, download: Download, line: Estimate) -> Watch:
        """Looks after a download whose first bit has come."""

    def waited(self, ms: float) -> None:
        """The buffer was full for so long, so nothing was asked for."""

    def took(self, download: Download, level_ms: float) -> None:
        """A download ended, or was given up; the buffer now holds `level_ms`."""


def sustained(movie: Movie, kbps: float, latency_ms: float) -> int:
    """The highest rung whose segments come in no more time than they play, rung by rung."""
    segment_ms, rates = movie.segment_duration_ms, movie.bitrates_kbps
    rung = 0
    while rung + 1 < len(rates) and latency_ms + segment_ms * rates[rung + 1] / kbps <= segment_ms:
        rung += 1
    return rung
