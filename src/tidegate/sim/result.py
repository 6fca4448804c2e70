"""What an event came to: the figures a rehearsal ends with.

Law: freeze rate is frozen time over frozen plus played time, of all viewers together; a view is
judged smooth if it never froze.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate.sim.net import JOIN_BIN_S, Records


@dataclass(frozen=True)
class Span:
    """Some seconds of the event; rates are shares, traffic in Gbit/s."""

    at_s: float
    viewers: int
    freeze_rate: float
    gbps: float
    peak_load: float
    up: int
    moves: int
    failed_over: int
    joins: int
    plan: str


@dataclass
class Result:
    """Sums over all players, and the event span by span."""

    scenario: str
    policy: str
    seed: int
    players: int
    step_s: float
    duration_s: float
    kinds: tuple[str, ...]
    lines: tuple[str, ...]
    totals: Records
    joins: npt.NDArray[np.int64]
    spans: list[Span] = field(default_factory=list)
    reasons: list[tuple[float, str]] = field(default_factory=list)
    origin_fetches: int = 0
    requests: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    players_s: float = 0.0
    """Of `cpu_s`: the players'."""
    planning_s: float = 0.0
    """The controller's: the same for any audience."""

    def freeze_rate(self, by: str | None = None) -> Any:
        """Of all; of each kind (`kinds`) or line (`lines`) as an array."""
        axis = {"kinds": 1, "lines": 0, None: None}[by]
        frozen, played = (
            self.totals[name].sum(axis=axis).astype(float) for name in ("stalled_us", "played_us")
        )
        return frozen / np.maximum(frozen + played, 1.0)

    def sum(self, name: str) -> int:
        """One column of the totals over all."""
        return int(self.totals[name].sum())

    def join_s(self, share: float) -> float:
        """The time within which this share of the joins had a picture; a bin's upper edge."""
        total = np.cumsum(self.joins)
        if not total[-1]:
            return float("nan")
        return float((np.searchsorted(total, share * total[-1]) + 1) * JOIN_BIN_S)

    def figures(self) -> dict[str, Any]:
        """What `--json` prints."""
        played_s = self.sum("played_us") / 1e6
        viewer_h = (played_s + self.sum("stalled_us") / 1e6) / 3600
        ended = self.sum("views")
        return {
            "scenario": self.scenario,
            "policy": self.policy,
            "seed": self.seed,
            "players": self.players,
            "step_s": self.step_s,
            "freeze_rate": float(self.freeze_rate()),
            "freeze_rate_by_kind": dict(
                zip(self.kinds, map(float, self.freeze_rate("kinds")), strict=True)
            ),
            "freeze_rate_by_line": dict(
                zip(self.lines, map(float, self.freeze_rate("lines")), strict=True)
            ),
            "stall_free_share": self.sum("smooth") / max(ended, 1),
            "views": ended,
            "unborn": self.sum("unborn"),
            "bitrate_kbps": self.sum("carried_kbit") / max(played_s, 1.0),
            "sound_only_share": self.sum("sound_us") / 1e6 / max(played_s, 1.0),
            "join_p50_s": self.join_s(0.50),
            "join_p95_s": self.join_s(0.95),
            "join_p99_s": self.join_s(0.99),
            "peak_gbps": max((span.gbps for span in self.spans), default=0.0),
            "peak_viewers": max((span.viewers for span in self.spans), default=0),
            "peak_site_load": max((span.peak_load for span in self.spans), default=0.0),
            "moves_per_viewer_hour": self.sum("moves") / max(viewer_h, 1e-9),
            "failed_over": self.sum("failed_over"),
            "skips": self.sum("skips"),
            "requests": self.requests,
            "origin_fetches": self.origin_fetches,
            "times_real_time": self.duration_s / max(self.wall_s, 1e-9),
            "wall_s": self.wall_s,
            "cpu_s": self.cpu_s,
            "players_s": self.players_s,
            "planning_s": self.planning_s,
        }
