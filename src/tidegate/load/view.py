"""What every view has, whatever it plays: a player, a deadline, and another try after a fault.

Law: a fault costs its own view alone, which comes back after a pause that grows, as a player does;
what it felt meanwhile counts.
"""

from tidegate.edge.timers import NEVER, NO_SLOT
from tidegate.load.crew import Crew
from tidegate.load.plan import Visit
from tidegate.load.player import Player

SILENCE_S = 20.0
"""Seconds without a byte after which a view gives its connection up."""
PAUSE_S = 1.0
LONGEST_PAUSE_S = 8.0


class View:
    """One viewer. A kind of view gives `begin` and `stop`."""

    __slots__ = ("_pause", "crew", "deadline", "over", "player", "slot", "visit")

    def __init__(self, crew: Crew, visit: Visit) -> None:
        self.crew = crew
        self.visit = visit
        self.over = False
        self.player = Player(crew.rules, crew.loop.now)
        self.deadline = NEVER
        self.slot = NO_SLOT
        self._pause = PAUSE_S

    def begin(self) -> None:
        """Ask, for the first time or again."""
        raise NotImplementedError

    def stop(self) -> None:
        """Let go of every connection."""
        raise NotImplementedError

    def settle(self) -> None:
        """Tell the player all that is known to have arrived."""

    def heard(self) -> None:
        """Bytes came."""
        self.deadline = self.crew.loop.now + SILENCE_S

    def fares_well(self) -> None:
        """Media came: the next fault is the first again."""
        self._pause = PAUSE_S

    def watched(self) -> None:
        """Hold the view to its deadline."""
        self.heard()
        self.crew.loop.wheel.watch(self)

    def expire(self, now: float) -> None:  # noqa: ARG002  (the wheel's word)
        """Nothing came for too long."""
        self.failed("timeout")

    def failed(self, word: str, after_s: float = 0.0) -> None:
        """Count a fault, and come back after a pause."""
        if self.over:
            return
        self.crew.fault(word)
        self.stop()
        self.deadline = NEVER
        self.crew.loop.at(self.crew.loop.now + max(after_s, self._pause), self._again)
        self._pause = min(LONGEST_PAUSE_S, 2 * self._pause)

    def finish(self) -> None:
        """The viewer leaves."""
        if not self.over:
            self.over = True
            self.deadline = NEVER
            self.stop()

    def _again(self) -> None:
        if not self.over:
            self.begin()
