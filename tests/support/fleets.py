"""Small fleets and what a dispatcher would know of them, from a seed."""

from typing import Any

import numpy as np

from tidegate.dispatch import Snapshot, Topology
from tidegate.dispatch.topology import NO_LINK, Group, Link, Site
from tidegate.usage import Contract

LADDER = (200.0, 400.0, 800.0)


def fleet(seed: int, sites: int = 12, places: int = 6, **terms: Any) -> Topology:
    """Two ISPs over four regions on a line, two ways of access, a contract a site."""
    rng = np.random.default_rng(seed)
    held = tuple(
        Site(f"site-{at}", int(rng.integers(4)), at % 2, at, float(rng.integers(5, 15) * 1000), 1e6)
        for at in range(sites)
    )
    groups = tuple(Group(region, isp, access) for region in range(4) for isp in range(2)
                   for access in range(2))  # fmt: skip
    region, isp = (np.array([getattr(site, key) for site in held]) for key in ("region", "isp"))
    shape = len(groups), places
    candidates, rtt = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    link, loss = np.full(shape, NO_LINK, np.int32), np.zeros(shape, np.float32)
    for at, group in enumerate(groups):
        far = 5.0 + 10.0 * abs(region - group.region) + 60.0 * (isp != group.isp)
        near = np.argsort(far, kind="stable")[:places]
        candidates[at], rtt[at] = near, far[near]
        cross = isp[near] != group.isp
        link[at], loss[at] = np.where(cross, group.isp, NO_LINK), np.where(cross, 0.002, 0.0)
    contracts = tuple(
        Contract(f"contract-{at}", price=float(rng.integers(4, 9)), **terms) for at in range(sites)
    )
    names = tuple(f"region-{at}" for at in range(4)), ("telecom", "unicom"), ("fixed", "mobile")
    links = (Link("telecom out", 4000.0), Link("unicom out", 4000.0))
    return Topology(*names, held, groups, links, contracts, candidates, rtt, link, loss)


def capacity(topology: Topology) -> np.ndarray[Any, np.dtype[np.float64]]:
    """[S], as built."""
    return np.array([site.capacity_mbps for site in topology.sites])


def known(topology: Topology, use: float, seed: int = 0, **other: Any) -> Snapshot:
    """All up, demand `use` of the capacity, dealt out at random; nobody is anywhere yet."""
    rng = np.random.default_rng(seed)
    groups, places = topology.candidates.shape
    sites, domains = len(topology.sites), len(topology.contracts)
    demand = rng.uniform(0.5, 1.5, groups)
    demand *= use * capacity(topology).sum() / demand.sum()
    given: dict[str, Any] = {
        "now": 100.0,
        "demand_mbps": demand,
        "viewers": demand / 0.7,
        "served": np.zeros((groups, places), np.float32),
        "up": np.ones(sites, np.bool_),
        "capacity_mbps": capacity(topology),
        "load_mbps": np.zeros(sites),
        "frozen_s": np.zeros((groups, places)),
        "watched_s": np.zeros((groups, places)),
        "reported_at": np.full(sites, 100.0),
        "level_mbps": np.zeros(domains),
        "free": np.zeros(domains, np.bool_),
        "ladder_kbps": LADDER,
        "last": None,
    }
    return Snapshot(**(given | other))


def load(topology: Topology, weights: Any, demand: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """[S], Mbit/s, where groups of such demand are served by such weights."""
    flow = np.asarray(weights, np.float64) * np.asarray(demand)[:, None]
    return np.bincount(topology.candidates.ravel(), flow.ravel(), len(topology.sites))
