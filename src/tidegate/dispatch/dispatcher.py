"""From what is known at one moment to who is served where.

Law: a plan follows from the snapshot alone; what the dispatcher holds between two is the solver's
warm start. It always answers: solved, or by the last plan with the dead left out, or greedily. A
solved plan stays in force for as long as no other could save what is worth a change; where nothing
in it changes it is the very same object.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tidegate.dispatch import fallback
from tidegate.dispatch.check import checked
from tidegate.dispatch.hold import Held
from tidegate.dispatch.model import Figures, Flows, Model, Unsolved
from tidegate.dispatch.moment import GBIT, LEAST_GBPS, Rules
from tidegate.dispatch.outcome import Outcome, again, arrived, plan_of, spare
from tidegate.dispatch.plan import Plan, Source
from tidegate.dispatch.policy import Policy
from tidegate.dispatch.pools import Paths
from tidegate.dispatch.snapshot import Snapshot
from tidegate.dispatch.topology import Topology

Floats = npt.NDArray[np.float64]
SHIFTED = 0.2
"""By which a group's shares of refuges may be off in all, before they are worked out anew."""


class Dispatcher:
    """Of one topology under one policy."""

    def __init__(self, topology: Topology, policy: Policy | None = None) -> None:
        self.topology = topology
        self.policy = policy or Policy()
        self._paths = Paths.of(topology)
        self._rules = Rules(self._paths, self.policy)
        self._models: dict[int, Model] = {}
        self.pivots = 0
        """Of the simplex, for the last plan."""

    def plan(self, snapshot: Snapshot) -> Plan:
        """Raises `SnapshotError` where arrays do not fit the topology, and nothing else."""
        usable, words = checked(snapshot, self.topology, self.policy)
        figures = self._rules.figures(usable)
        last = usable.last
        if last is not None and self._stands(last, usable, figures):
            return again(self._rules, usable, figures, last, words)
        outcome = self._outcome(usable, figures)
        return plan_of(self._rules, usable, figures, replace(outcome, words=outcome.words + words))

    def _stands(self, last: Plan, snapshot: Snapshot, figures: Figures) -> bool:
        """Whether who goes where may stay as the last plan has it."""
        if last.source != "solved" or last.shed_mbps or last.overflow_mbps:
            return False
        model, paths = self._model(snapshot), self._paths
        prices, refuges = last.prices, last.spare
        if prices is None or refuges is None or prices.shape != (model.rows.size,):
            return False
        if last.weights.shape != self.topology.candidates.shape:
            return False
        if (refuges[~snapshot.up[self.topology.candidates]] > 0).any():
            return False  # it would send on to the dead
        weights = last.weights.astype(np.float64)
        flow = weights[paths.group, paths.place] * figures.demand[paths.group]
        there = arrived(last, snapshot.now)[paths.group]
        least = self.policy.price_held * float(figures.demand.sum())
        if model.saving(figures, Held(flow, there, prices)) > least:
            return False
        shift = np.abs(spare(self._rules, figures, paths.load(flow)) - refuges).sum(axis=1)
        return float(shift.max()) <= SHIFTED

    def _model(self, snapshot: Snapshot) -> Model:
        rungs = len(snapshot.ladder_kbps)
        if rungs not in self._models:
            self._models[rungs] = Model(self._paths, rungs, self.policy)
        return self._models[rungs]

    def _outcome(self, snapshot: Snapshot, figures: Figures) -> Outcome:
        try:
            return self._solved(snapshot, self._model(snapshot).solve(figures))
        except Unsolved as error:
            words = (f"the solver gave no plan ({error})",)
            return replace(self._unsolved(snapshot, figures), words=words, grave=1)

    def _solved(self, snapshot: Snapshot, flows: Flows) -> Outcome:
        self.pivots = flows.iterations
        flow = self._paths.square(flows.flow)
        total = flow.sum(axis=1, keepdims=True)
        still = fallback.nearest(self.topology, snapshot.up)
        weights = np.where(total > LEAST_GBPS / 10, flow / np.maximum(total, 1e-12), still)
        return Outcome("solved", weights, flows.load, flows)

    def _unsolved(self, snapshot: Snapshot, figures: Figures) -> Outcome:
        """The last plan, else greedily: under what is paid for, under the ceiling, under all."""
        source: Source
        last, paths, policy = snapshot.last, self._paths, self.policy
        if last is not None and last.weights.shape == self.topology.candidates.shape:
            spare = None if last.spare is None else last.spare.astype(np.float64)
            source, weights = (
                "last",
                fallback.without(
                    self.topology, snapshot.up, last.weights.astype(np.float64), spare
                ),
            )
        elif snapshot.demand_mbps.sum() <= 0:
            source, weights = "nearest", fallback.nearest(self.topology, snapshot.up)
        else:
            rooms = self._free_rooms(figures), policy.ceiling * figures.capacity, figures.capacity
            source, weights = "greedy", fallback.greedy(paths, snapshot.up, figures.demand, rooms)
        held = weights[paths.group, paths.place] * figures.demand[paths.group]
        return Outcome(source, weights, paths.load(held), None)

    def _free_rooms(self, figures: Figures) -> Floats:
        """[S]: each site's part, by capacity, of what its domain carries for nothing more."""
        most = self.policy.ceiling * figures.capacity
        domain = self._paths.domain
        total = np.bincount(domain, most, len(figures.level))
        share = most / np.maximum(total[domain], 1e-12)
        return np.minimum(most, share * np.minimum(figures.level, GBIT * GBIT)[domain])
