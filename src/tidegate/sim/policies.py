"""Who goes where: ours, and what others do, each from the same snapshot to the same plan.

Law: a policy sees what the dispatcher sees and nothing of the players; so what differs between two
rehearsals is the decision alone.
"""

from typing import Protocol

import numpy as np

from tidegate.dispatch import Dispatcher, Plan, Policy, Snapshot, Topology
from tidegate.dispatch.topology import NO_SITE

NAMES = ("ours", "nearest", "round-robin", "least-load", "client")
BACKUPS = 3
PATIENT_S = 3600.0
"""The solver's time: a rehearsal must not depend on how busy the machine is."""


class Planner(Protocol):
    """What the event asks every few seconds."""

    def plan(self, snapshot: Snapshot) -> Plan:
        """Where viewers go from now on."""


def planner(name: str, topology: Topology) -> Planner:
    """One of `NAMES`."""
    if name == "ours":
        return Dispatcher(topology, Policy(solver_s=PATIENT_S))
    return Static(name, topology)


class Static:
    """Policies without a solver.

    nearest, client: in even parts to the sites of a viewer's own region and ISP, and no other
    unless they are down; with client, players leave a site where they stall by themselves.
    round-robin: to all candidates of the ISP by their capacity. least-load: the same, by what
    capacity the last report shows free.
    """

    def __init__(self, name: str, topology: Topology) -> None:
        self._name = name
        self._topology = topology
        here = topology.candidates
        isps = np.array([site.isp for site in topology.sites])
        regions = np.array([site.region for site in topology.sites])
        own_isp = isps[here] == np.array([group.isp for group in topology.groups])[:, None]
        own = own_isp & (
            regions[here] == np.array([group.region for group in topology.groups])[:, None]
        )
        own[~own.any(axis=1), 0] = True
        own_isp[~own_isp.any(axis=1), 0] = True
        self._near = own & (here != NO_SITE)
        self._isp = own_isp & (here != NO_SITE)

    def plan(self, snapshot: Snapshot) -> Plan:
        """Shares by rule; a site known to be down gets none."""
        here = self._topology.candidates
        up = snapshot.up[here] & (here != NO_SITE)
        if self._name in ("nearest", "client"):
            weights = self._near.astype(np.float64)
        else:
            capacity = snapshot.capacity_mbps
            if self._name == "least-load":
                capacity = np.maximum(capacity - snapshot.load_mbps, 0.02 * capacity)
            weights = self._isp * capacity[here]
        weights = weights * up
        lone = weights.sum(axis=1) <= 0
        weights[lone, np.where(up.any(axis=1), up.argmax(axis=1), 0)[lone]] = 1.0
        weights /= weights.sum(axis=1, keepdims=True)
        backups = np.full((len(here), BACKUPS), NO_SITE, np.int32)
        backups[:, : here.shape[1]] = here[:, :BACKUPS]
        generation = snapshot.last.generation + 1 if snapshot.last else 1
        groups = len(here)
        return Plan(
            generation, snapshot.now, "nearest", weights.astype(np.float32), backups,
            np.full(groups, 60.0, np.float32), np.full(groups, np.inf, np.float32), 0.0, (),
        )  # fmt: skip
