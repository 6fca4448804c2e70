"""The playback buffer: what is downloaded and not yet played, and what was played so far.

Law: time goes in, and each millisecond is either played or frozen. A segment counts as played
when its first frame is shown.
"""

from collections import deque

from tidegate.sim.exact.movie import Movie


class Buffer:
    """Whole segments, the first perhaps partly played, and the totals of the session.

    total_ms: of join, playback and freezes. freezes: times it ran dry. rates_kbps: bitrates
    of the segments played, added. switched_kbps: steps between them, added.
    """

    __slots__ = ("_last", "_played", "_rates", "_rungs", "_segment", "freezes", "frozen_ms",
                 "rates_kbps", "switched_kbps", "total_ms")  # fmt: skip

    def __init__(self, movie: Movie) -> None:
        self._segment = movie.segment_duration_ms
        self._rates = movie.bitrates_kbps
        self._rungs: deque[int] = deque()
        self._played = 0.0
        self._last: int | None = None
        self.total_ms = self.frozen_ms = 0.0
        self.freezes = 0
        self.rates_kbps = self.switched_kbps = 0.0

    @property
    def level_ms(self) -> float:
        """What is left to play."""
        return self._segment * len(self._rungs) - self._played

    def add(self, rung: int) -> None:
        """A segment came."""
        self._rungs.append(rung)

    def pass_time(self, ms: float) -> None:
        """So much time goes by, played as far as the buffer reaches and frozen after."""
        if not self._rungs:
            self._freeze(ms)
            return
        if self._played > 0:
            if ms + self._played < self._segment:
                self._played += ms
                self.total_ms += ms
                return
            rest = self._segment - self._played
            ms -= rest
            self.total_ms += rest
            self._rungs.popleft()
            self._played = 0.0
        self._play_segments(ms)

    def _play_segments(self, ms: float) -> None:
        while ms > 0 and self._rungs:
            self._show(self._rungs[0])
            if ms < self._segment:
                self._played = ms
                self.total_ms += ms
                return
            self._rungs.popleft()
            self.total_ms += self._segment
            ms -= self._segment
        if ms > 0:
            self._freeze(ms)
            self.freezes += 1

    def _show(self, rung: int) -> None:
        kbps = self._rates[rung]
        self.rates_kbps += kbps
        if self._last is not None:
            self.switched_kbps += abs(kbps - self._rates[self._last])
        self._last = rung

    def _freeze(self, ms: float) -> None:
        self.frozen_ms += ms
        self.total_ms += ms
