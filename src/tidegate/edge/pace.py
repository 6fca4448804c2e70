"""How often the viewers of tails are sent to, all tails of a worker together.

Law: few viewers get each chunk as it comes. With many, chunks wait to be sent together, for as long
as keeps the passes within their share of the worker's time, and never longer than the setting.
"""

from tidegate.edge.loop import Loop

SHARE = 0.4
"""Share of the worker's time that passes over the tails aim at."""
SLICE_S = 0.004
"""Seconds of a pass after which whoever else waits gets a turn."""
GROWTH = 64
"""Times that an audience may grow while one of it watches."""
_SMOOTH = 0.2


class Pace:
    """The tick of one worker; `least_s` and `most_s` bound it, seconds."""

    def __init__(self, loop: Loop, least_s: float, most_s: float) -> None:
        self.loop = loop
        self.followers = 0
        """Viewers of all tails."""
        self._least = least_s
        self._most = most_s
        self._cost = 0.0

    @property
    def tick_s(self) -> float:
        """Seconds from the beginning of a pass to the next one of the same tail."""
        return self._for(self.followers)

    @property
    def longest_s(self) -> float:
        """What `tick_s` may come to while a newcomer watches: a crowd begins as a few."""
        return self._for(GROWTH * self.followers)

    def spent(self, seconds: float, viewers: int) -> None:
        """A pass over `viewers` took so long."""
        if viewers:
            self._cost += _SMOOTH * (seconds / viewers - self._cost)

    def _for(self, followers: int) -> float:
        return min(self._most, max(self._least, followers * self._cost / SHARE))
