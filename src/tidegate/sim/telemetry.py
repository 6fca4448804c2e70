"""What the dispatcher hears of an event: late, in part, and sometimes lies.

Law: only what a fleet could report goes in: sums by group and path from players' counters, loads
and health from sites. What nobody reported stays as it was last heard.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tidegate.dispatch import Plan, Snapshot
from tidegate.dispatch.freeze import Estimates, update
from tidegate.sim.money import Money
from tidegate.sim.net import Counts, summed
from tidegate.sim.world import World

WINDOWS = 3
"""Reports that the last half minute is made of."""
FORGET = 0.9
"""Of what a group's viewers took at their best, what counts a report later."""
LIE_S = 1e9

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Report:
    """One interval: when it ended, and its sums [G, K], [G, K], [G, K], [S], and health [S]."""

    at: float
    seconds: float
    frozen_s: Floats
    watched_s: Floats
    kbit: Floats
    load_mbps: Floats
    up: npt.NDArray[np.bool_]
    capacity_mbps: Floats
    reported_at: Floats


@dataclass
class Telemetry:
    """The reports so far, and how badly they travel just now."""

    world: World
    late_s: float
    money: Money | None = None
    reports: deque[Report] = field(default_factory=lambda: deque(maxlen=256))
    lost: float = 0.0
    liars: float = 0.0
    delay_s: float = 0.0
    _best_kbps: Floats | None = None
    _estimates: Estimates | None = None

    def census(self, now: float, seconds: float, counts: Counts, rng: np.random.Generator) -> None:
        """Take the interval's sums out of the counts."""
        world = self.world
        groups = summed(counts.groups)
        counts.groups[:] = np.zeros((), counts.groups.dtype)
        servers = world.servers
        frozen = groups["stalled_us"] / 1e6
        if self.liars > 0:
            frozen = np.where(rng.random(frozen.shape) < self.liars, LIE_S, frozen)
        heard = rng.random(len(servers.kbps)) >= self.lost
        last = self.reports[-1] if self.reports else None
        built = np.array([site.capacity_mbps for site in world.topology.sites])
        capacity = built * servers.left
        load = servers.load * capacity
        self.reports.append(
            Report(
                now, seconds, frozen, groups["watched_us"] / 1e6,
                groups["carried_kbit"].astype(np.float64),
                np.where(heard, load, last.load_mbps if last else load),
                np.where(heard, servers.up, last.up if last else servers.up),
                np.where(heard, capacity, last.capacity_mbps if last else capacity),
                np.where(heard, now, last.reported_at if last else now),
            )
        )  # fmt: skip

    def snapshot(self, now: float, last: Plan | None, ahead_s: float) -> Snapshot | None:
        """What is known at `now`, with the audience as it will be `ahead_s` later."""
        known = [r for r in self.reports if r.at <= now - self.late_s - self.delay_s]
        if not known:
            return None
        latest, window = known[-1], known[-WINDOWS:]
        by_group = latest.watched_s.sum(axis=1)
        viewers = by_group / latest.seconds
        growth = np.zeros_like(viewers)
        if len(known) > 1:
            before = known[-2]
            growth = (viewers - before.watched_s.sum(axis=1) / before.seconds) / (
                latest.at - before.at
            )
        age = now - latest.at
        soon = viewers + np.maximum(growth, 0.0) * (age + ahead_s)
        frozen = np.sum([r.frozen_s for r in window], axis=0)
        watched = np.sum([r.watched_s for r in window], axis=0)
        self._estimates = update(self._estimates, now, np.minimum(frozen, watched), watched)
        world = self.world
        demand = soon * self._kbps(latest, by_group) / 1000
        level, free = self._terms(now, demand, latest.up)
        with np.errstate(invalid="ignore", divide="ignore"):
            served = np.where(
                by_group[:, None] > 0, latest.watched_s / by_group[:, None], 0.0
            ).astype(np.float32)
        return Snapshot(
            now=now,
            demand_mbps=demand,
            viewers=soon,
            served=served,
            up=latest.up,
            capacity_mbps=latest.capacity_mbps,
            load_mbps=latest.load_mbps,
            frozen_s=frozen,
            watched_s=watched,
            reported_at=latest.reported_at,
            level_mbps=level,
            free=free,
            ladder_kbps=world.scenario.stream.ladder_kbps,
            last=last,
            estimates=self._estimates,
        )

    def _terms(
        self, now: float, demand_mbps: Floats, up: npt.NDArray[np.bool_]
    ) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """What is billed already, and who is free: all, where no month is known."""
        if self.money is not None:
            return self.money.terms(now, demand_mbps, up)
        domains = len(self.world.topology.contracts)
        return np.zeros(domains), np.ones(domains, np.bool_)

    def _kbps(self, latest: Report, watched_s: Floats) -> Floats:
        """[G]: what a viewer takes, by the best seen of late: an overloaded group wants more."""
        top = self.world.scenario.stream.ladder_kbps[-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            seen = np.where(watched_s > 0, latest.kbit.sum(axis=1) / watched_s, top)
        best = top if self._best_kbps is None else self._best_kbps * FORGET + seen * (1 - FORGET)
        self._best_kbps = np.minimum(np.maximum(seen, best), 1.2 * top)
        return self._best_kbps
