"""The media seconds that one track has: laid end to end, whatever the pieces' own clocks say.

Law: pure. A discontinuity begins a new clock, which is set so that nothing lacks; a hole in one
clock is missed for good.
"""


class Timeline:
    """`start` and `end` of what is there; `missed_s` seconds between them never came."""

    __slots__ = ("_cut", "_shift", "_skip_s", "end", "missed_s", "start")

    def __init__(self) -> None:
        self.start = self.missed_s = 0.0
        self.end: float | None = None
        self._cut = 0
        self._shift = self._skip_s = 0.0

    def enter(self, skip_s: float) -> None:
        """Of the next piece, the first `skip_s` seconds are not played."""
        self._skip_s = skip_s

    def append(self, times: tuple[float, float] | None, duration_s: float, cut: int) -> None:
        """A piece follows: its own times where they are known; `cut` discontinuities before it."""
        begin = self.end or 0.0
        end = begin + duration_s
        if times is not None:
            if self.end is not None and cut != self._cut:
                self._shift = self.end - times[0]
            begin, end = times[0] + self._shift, times[1] + self._shift
        self._cut = cut
        begin, self._skip_s = begin + self._skip_s, 0.0
        if self.end is None:
            self.start, self.end = begin, end
        else:
            self.missed_s += max(0.0, begin - self.end)
            self.end = max(self.end, end)
