"""The offline optimum of a month's bill by 95th percentile, from below.

Law: no dispatch that carries all, on the same paths and under the same ceiling, costs less.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.slot_ahead import Ahead, means, representatives
from tidegate.dispatch.slots import SlotPlanner
from tidegate.dispatch.topology import Topology

Floats = npt.NDArray[np.float64]
CLUSTERS = 60
"""Kinds of slots: more are closer to the optimum, and none is above it."""


def optimum(topology: Topology, demand_mbps: Floats, clusters: int = CLUSTERS) -> float:
    """Yuan, of [T, G] as it really came. Raises `Unsolved`.

    Why no bill is lower: a free slot may be split into parts, and a domain lies above its level by
    no more in sum than its free slots' room, which every month obeys. What is linear holds for
    means as well: the mean of a month's flows over alike slots carries the mean of their demand
    within the same rows, so one slot of mean demand may stand for them. Nearness costs nothing
    here. Daily rules are taken for their month's greatest, so with those it is no bound.
    """
    _, label = representatives(demand_mbps, clusters)
    rows, slots = means(demand_mbps, label)
    free = [each.free_samples(len(demand_mbps)) for each in topology.contracts]
    nowhere_far = replace(topology, rtt_ms=np.zeros_like(topology.rtt_ms))
    ahead = Ahead(rows, slots, np.array(free, float), np.zeros(len(free)), kept=1.0)
    return SlotPlanner(nowhere_far).plan_levels(ahead).yuan
