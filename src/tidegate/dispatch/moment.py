"""A snapshot as the linear programme's figures.

Law: everything that is a rule of ours rather than of linear programming stands here, one function
a rule; the solver's files know no contract, no telemetry and no ladder.
"""

import numpy as np
import numpy.typing as npt

from tidegate.dispatch import freeze
from tidegate.dispatch.matrix import MILLE
from tidegate.dispatch.model import Figures
from tidegate.dispatch.policy import Policy
from tidegate.dispatch.pools import Paths
from tidegate.dispatch.snapshot import Snapshot
from tidegate.usage.contract import Contract

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
GBIT = 1000.0
"""Mbit/s."""
LEAST_GBPS = 1e-4
"""A group's demand at least: one whose viewers are yet to come has a plan as well."""
DAYS = 30.0


class Rules:
    """The rules of one topology under one policy."""

    def __init__(self, paths: Paths, policy: Policy) -> None:
        self.paths = paths
        self.policy = policy
        self._here, self._other = paths.refuges
        self._rtt = paths.topology.rtt_ms[paths.group, paths.place].astype(np.float64)

    def figures(self, snapshot: Snapshot) -> Figures:
        """Of a snapshot that was `checked`."""
        paths, policy, topology = self.paths, self.policy, self.paths.topology
        demand = np.maximum(snapshot.demand_mbps / GBIT, LEAST_GBPS)
        served = snapshot.served[paths.group, paths.place].astype(np.float64) * demand[paths.group]
        capacity = np.where(snapshot.up, snapshot.capacity_mbps, 0.0) / GBIT
        estimates = snapshot.estimates or freeze.update(
            None, snapshot.now, snapshot.frozen_s, snapshot.watched_s
        )
        lines = freeze.floor(topology, estimates)
        added = freeze.charge(topology, estimates, lines)[paths.group, paths.place]
        usable = self._open(snapshot.up, added)
        level, price = self._money(snapshot)
        return Figures(
            demand=demand,
            stay=served,
            open=usable,
            path_price=policy.price_rtt * self._rtt,
            move_price=self._move_price(snapshot, lines)[paths.group],
            freeze_mille=MILLE * added,
            capacity=capacity,
            level=level,
            rise_price=price,
            reserve_room=self._room(capacity),
            link=np.array([link.capacity_mbps for link in topology.links])
            * (policy.link_ceiling / GBIT),
            shed_most=_shed_most(snapshot, demand),
            freeze_budget=MILLE * policy.freeze_budget * float(demand.sum()),
            move_limit=policy.move_limit * float(demand.sum())
            + float(demand.sum() - served[usable].sum()),
        )

    def _open(self, up: Bools, added: Floats) -> Bools:
        """[P]: up, and not known to freeze, unless the group has no better."""
        group, alive = self.paths.group, up[self.paths.site]
        least = np.full(len(self.paths.topology.groups), np.inf)
        np.minimum.at(least, group[alive], added[alive])
        usable: Bools = alive & (added <= np.maximum(self.policy.exclude_freeze, least[group]))
        return usable

    def _money(self, snapshot: Snapshot) -> tuple[Floats, Floats]:
        """[D]: up to which Gbit/s traffic costs nothing more, and what a further one does."""
        contracts = self.paths.topology.contracts
        terms = [
            self._terms(contract, level, free)
            for contract, level, free in zip(
                contracts, snapshot.level_mbps.tolist(), snapshot.free.tolist(), strict=True
            )
        ]
        return np.array([level for level, _ in terms]), np.array([price for _, price in terms])

    def _terms(self, contract: Contract, level: float, free: bool) -> tuple[float, float]:
        paid = np.inf if free else max(level, contract.commit_mbps) / GBIT
        match contract.rule:
            case "volume":
                return 0.0, contract.price * self.policy.stay_s / 8.0 / GBIT
            case "flat":
                return contract.commit_mbps / GBIT, self.policy.price_full
            case "average_daily_peak":
                return paid, contract.price / DAYS
            case _:
                return paid, contract.price

    def _move_price(self, snapshot: Snapshot, lines: Floats) -> Floats:
        """[G]: dearer for a group that was moved a moment ago, and for one that freezes on its own
        lines: who has little in his buffer stalls when he moves."""
        policy, last = self.policy, snapshot.last
        times = 1.0 + lines / policy.frail
        if last is not None and last.moved_at is not None:
            recent = snapshot.now - last.moved_at < policy.dwell_s
            times = np.where(recent, policy.dwell_factor, 1.0) * times
        return policy.price_move * np.minimum(times, policy.move_most)

    def _room(self, capacity: Floats) -> Floats:
        """Of `Paths.reserve`: what refuges hold in all; no bound where there is none that is up."""
        held = self.policy.full * capacity[self.paths.pool_site[self._other]]
        room = np.bincount(self._here, held, len(self.paths.pool))
        return np.where(room > 0, room, np.inf)[self.paths.reserve]


def _shed_most(snapshot: Snapshot, demand: Floats) -> Floats:
    """[R, G]: what the top rung's loss saves, the next one's, …, and last everything. Saved is
    what viewers take above a rate, and nobody takes more than the rendition they are given."""
    rates = np.array(snapshot.ladder_kbps) / GBIT / GBIT
    viewers = np.maximum(snapshot.viewers, demand / rates[-1])
    under = np.minimum(demand, viewers * rates[:, None])
    saved = np.maximum(np.diff(under, axis=0)[::-1], 0.0)
    saved[:1] += demand - under[-1]
    return np.vstack([saved, np.full((1, len(demand)), np.inf)])
