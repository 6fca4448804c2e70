"""Plans made without a solver: the nearest, room by room, or the last with the dead left out.

Law: simple arithmetic that cannot fail, and never worse than a static map: it sends nobody to a
site that is down while one of their candidates is up.
"""

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.pools import Paths, shares
from tidegate.dispatch.topology import NO_SITE, Topology

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def usable(topology: Topology, up: Bools) -> Bools:
    """[G, K]: candidates that are up; a group that has none keeps all, for nothing is better."""
    held = topology.candidates != NO_SITE
    alive: Bools = held & up[topology.candidates]
    return np.where(alive.any(axis=1, keepdims=True), alive, held)


def nearest(topology: Topology, up: Bools) -> Floats:
    """Weights [G, K]: all of each group to its first candidate that is up."""
    alive = usable(topology, up)
    weights = np.zeros(alive.shape)
    weights[np.arange(len(alive)), alive.argmax(axis=1)] = 1.0
    return weights


def without(topology: Topology, up: Bools, weights: Floats, spare: Floats | None) -> Floats:
    """Weights of an earlier plan; those of dead sites go where the plan said they should."""
    alive = usable(topology, up)
    kept = np.where(alive, weights, 0.0)
    lost = 1.0 - kept.sum(axis=1, keepdims=True)
    refuge = np.where(alive, kept if spare is None else spare, 0.0)
    total = refuge.sum(axis=1, keepdims=True)
    whole = np.where(total > 0, refuge / np.maximum(total, 1e-12), nearest(topology, up))
    kept += np.maximum(lost, 0.0) * whole
    return shares(kept)


def greedy(paths: Paths, up: Bools, demand: Floats, rooms: tuple[Floats, ...]) -> Floats:
    """Weights [G, K]: nearest first, each site up to its room, in turn for each array of `rooms`
    (free traffic, then the ceiling, then all that is there); what is left goes by capacity."""
    topology = paths.topology
    alive = usable(topology, up)
    sites, (groups, places) = len(topology.sites), alive.shape
    flow, load, left = np.zeros((groups, places)), np.zeros(sites), demand.copy()
    for room in rooms:
        for k in range(places):
            site = topology.candidates[:, k]
            ask = np.where(alive[:, k], left, 0.0)
            asked = np.bincount(site[alive[:, k]], ask[alive[:, k]], sites)
            grant = np.clip(room - load, 0.0, asked) / np.maximum(asked, 1e-12)
            given = ask * grant[site]
            flow[:, k] += given
            left -= given
            load += grant * asked
    size = np.where(alive, paths.capacity_mbps[topology.candidates], 0.0)
    flow += left[:, None] * size / size.sum(axis=1, keepdims=True)
    total = flow.sum(axis=1, keepdims=True)
    return np.where(total > 0, flow / np.maximum(total, 1e-12), nearest(topology, up))
