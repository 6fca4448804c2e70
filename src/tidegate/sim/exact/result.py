"""What became of a session."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """Totals of one session, in Sabre's sense of them.

    total_ms: join, playback and freezes. join_ms: request to whole first segment. freezes: times
    the buffer ran dry; one that finds it dry, as with room for one segment, counts as none, and the
    last bit of a sum at the end may count as one.
    mean_kbps: bitrates played, over `total_ms`. switched_kbps: steps of bitrate between segments,
    added. given_up: downloads abandoned.
    """

    total_ms: float
    join_ms: float
    frozen_ms: float
    freezes: int
    mean_kbps: float
    switched_kbps: float
    given_up: int

    @property
    def rebuffer_ratio(self) -> float:
        """Frozen over all time, as Sabre prints it: the join counts as played."""
        return self.frozen_ms / self.total_ms

    @property
    def freeze_rate(self) -> float:
        """Frozen over frozen and played time, as the rest of Tidegate counts it."""
        return self.frozen_ms / (self.total_ms - self.join_ms)
