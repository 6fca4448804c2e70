"""What the views of a process share: the loop, the rules, what was learned, and what went wrong."""

from collections import Counter
from dataclasses import dataclass, field

from tidegate.edge.loop import Loop
from tidegate.load.atlas import Atlas
from tidegate.load.player import Rules
from tidegate.load.target import Target

PIECES = 4096
"""Segments and parts whose times are remembered."""


@dataclass(slots=True)
class Crew:
    """One process's."""

    loop: Loop
    target: Target
    rules: Rules
    low_latency: bool = True
    atlas: Atlas | None = None
    received: int = 0
    media_bits: int = 0
    media_s: float = 0.0
    """What HLS players fetched of media: its bits, and how long it lasts."""
    errors: Counter[str] = field(default_factory=Counter)
    times: dict[str, tuple[float, float] | None] = field(default_factory=dict)
    """Beginning and end of the media behind a URL, seconds, as its own boxes tell; None while the
    first player reads it, or where it cannot be told."""

    def fault(self, word: str) -> None:
        """Something went wrong; counted by its word."""
        self.errors[word] += 1

    def learn(self, url: str, times: tuple[float, float] | None) -> None:
        """Remember what one player read for all."""
        if len(self.times) >= PIECES:
            del self.times[next(iter(self.times))]
        self.times[url] = times
