"""What all players together felt: the figures that a run ends with.

Law: freeze rate is frozen time over frozen plus played time, of all views that began to play.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tidegate.load.player import Player


class Moment(msgspec.Struct):
    """One second of a run, `at` seconds from its beginning.

    Viewers, those of them who were frozen, bytes received, and seconds in all their buffers.
    """

    at: float
    viewers: int
    frozen: int
    received: int
    buffered_s: float = 0.0


class Outcome(msgspec.Struct):
    """Sums over views; they add up over processes."""

    views: int = 0
    started: int = 0
    smooth: int = 0
    stalls: int = 0
    skips: int = 0
    frozen_s: float = 0.0
    played_s: float = 0.0
    received: int = 0
    cpu_s: float = 0.0
    media_bits: int = 0
    media_s: float = 0.0
    joins: list[float] = msgspec.field(default_factory=list)
    errors: dict[str, int] = msgspec.field(default_factory=dict)
    moments: list[Moment] = msgspec.field(default_factory=list)

    def add_view(self, player: Player, now: float) -> None:
        """A view that is over, or is judged as it is."""
        player.advance(now)
        self.views += 1
        self.stalls += player.stalls
        self.skips += player.skips
        self.frozen_s += player.frozen_s
        self.played_s += player.played_s
        if player.join_s is not None:
            self.started += 1
            self.smooth += player.stalls == 0
            self.joins.append(player.join_s)

    def add(self, other: "Outcome") -> None:
        """What another process saw of the same seconds."""
        for name in ("views", "started", "smooth", "stalls", "skips", "received", "media_bits"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("frozen_s", "played_s", "cpu_s", "media_s"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.joins += other.joins
        self.errors = dict(Counter(self.errors) + Counter(other.errors))
        self.moments = _merged(self.moments, other.moments)

    @property
    def freeze_rate(self) -> float:
        """See the module."""
        whole = self.frozen_s + self.played_s
        return self.frozen_s / whole if whole else 0.0

    def figures(self, seconds: float) -> dict[str, Any]:
        """What `--json` prints."""
        received = self.received * 8
        watched = self.frozen_s + self.played_s
        bitrate = received / 1e6 / watched if watched else 0.0
        media = self.media_bits / 1e6 / self.media_s if self.media_s else bitrate
        return {
            "views": self.views,
            "viewers_started": self.started,
            "seconds": round(seconds, 1),
            "freeze_rate": round(self.freeze_rate, 6),
            "stalls": self.stalls,
            "skips": self.skips,
            "stall_free_share": round(self.smooth / self.started, 5) if self.started else 0.0,
            **{
                f"join_p{share}_s": round(quantile(self.joins, share / 100), 4)
                for share in (50, 95, 99)
            },
            "received_gbit": round(received / 1e9, 4),
            "bitrate_mbps": round(bitrate, 4),
            "media_mbps": round(media, 4),
            "cpu_s": round(self.cpu_s, 2),
            "errors": self.errors,
            "each_second": {
                name: [round(getattr(moment, name), 2) for moment in self.moments]
                for name in Moment.__struct_fields__
            },
        }


def quantile(values: Iterable[float], share: float) -> float:
    """The value that `share` of `values` do not exceed; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _merged(one: Sequence[Moment], two: Sequence[Moment]) -> list[Moment]:
    by_second: dict[int, Moment] = {}
    for moment in (*one, *two):
        found = by_second.get(round(moment.at))
        if found is None:
            by_second[round(moment.at)] = msgspec.structs.replace(moment)
        else:
            found.viewers += moment.viewers
            found.frozen += moment.frozen
            found.received += moment.received
            found.buffered_s += moment.buffered_s
    return [by_second[second] for second in sorted(by_second)]
