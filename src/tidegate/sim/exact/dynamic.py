"""DYNAMIC: THROUGHPUT while the buffer is low, BOLA once it is high, as dash.js came to do.

Law: both rules decide every segment, and one is heard. BOLA is heard only past 10 s of buffer, so
a player that never holds as much plays THROUGHPUT to the end.
"""

from tidegate.sim.exact.bola import Bola
from tidegate.sim.exact.download import Download
from tidegate.sim.exact.estimate import Estimate
from tidegate.sim.exact.movie import Movie
from tidegate.sim.exact.network import Watch
from tidegate.sim.exact.options import Options
from tidegate.sim.exact.rule import Choice
from tidegate.sim.exact.throughput import Throughput

LOW_MS = 10_000.0


class Dynamic:
    """The rule's state of one session."""

    __slots__ = ("_bola", "_by_buffer", "_throughput")

    def __init__(self, movie: Movie, options: Options) -> None:
        self._bola = Bola(movie, options)
        self._throughput = Throughput(movie, options)
        self._by_buffer = False

    def choose(self, segment: int, level_ms: float, line: Estimate) -> Choice:
        """What the rule says that is heard now."""
        bola = self._bola.choose(segment, level_ms, line)
        throughput = self._throughput.choose(segment, level_ms, line)
        if self._by_buffer:
            self._by_buffer = level_ms >= LOW_MS or bola[0] >= throughput[0]
        else:
            self._by_buffer = level_ms > LOW_MS and bola[0] >= throughput[0]
        return bola if self._by_buffer else throughput

    def watch(self, download: Download, line: Estimate) -> Watch:
        """As THROUGHPUT, whoever is heard."""
        return self._throughput.watch(download, line)

    def waited(self, ms: float) -> None:
        """Neither rule learns from it."""

    def took(self, download: Download, level_ms: float) -> None:
        """Neither rule learns from it."""
