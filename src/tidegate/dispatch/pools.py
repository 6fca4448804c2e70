"""The topology as flat arrays: paths, and the pools of groups that have the same paths.

Law: groups of one pool can take each other's places at the same sites over the same links, so what
concerns sites and links alone (capacity, peering, the loss of a site) is said once a pool.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.topology import NO_LINK, NO_SITE, Topology

STRONG = 2.0
"""Sites that a strong path's refuges hold: enough that the whole site's loss be one row."""
WEAK = 0.15
"""Share of a site's refuges, at most, that all its weak paths may count on."""
TIGHT = 16
"""Rows of a site's strong paths; more than the pools that name a site, where pools are large."""
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def summed(number: Ints, value: Floats, count: int) -> Floats:
    """[count]: the sum of `value` at each `number`."""
    return np.bincount(number, value, count).astype(np.float64)


def shares(value: Floats) -> Floats:
    """Each row divided by its sum, which is not 0."""
    return np.asarray(value / value.sum(axis=1, keepdims=True), np.float64)


@dataclass(frozen=True)
class Paths:
    """P paths (group, k) that exist, row by row, and Q pool paths (pool, k).

    group, place, site: int64 [P]; pool_path: int64 [P], which of the Q each belongs to.
    pool_site, pool_link, pool: int64 [Q].
    """

    topology: Topology
    group: Ints
    place: Ints
    site: Ints
    pool_path: Ints
    pool: Ints
    pool_site: Ints
    pool_link: Ints

    @classmethod
    def of(cls, topology: Topology) -> "Paths":
        """Pools are groups with equal candidates and equal links."""
        held = topology.candidates != NO_SITE
        rows = np.concatenate([topology.candidates, topology.link], axis=1)
        _, first, pool_of = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        group, place = np.nonzero(held)
        number = np.full((len(first), held.shape[1]), -1, np.int64)
        pool, pool_place = np.nonzero(held[first])
        number[pool, pool_place] = np.arange(len(pool))
        return cls(
            topology=topology,
            group=group,
            place=place,
            site=topology.candidates[group, place].astype(np.int64),
            pool_path=number[pool_of.reshape(-1)[group], place],
            pool=pool,
            pool_site=topology.candidates[first[pool], pool_place].astype(np.int64),
            pool_link=topology.link[first[pool], pool_place].astype(np.int64),
        )

    @cached_property
    def capacity_mbps(self) -> Floats:
        """float64 [S], as built."""
        return np.array([site.capacity_mbps for site in self.topology.sites], np.float64)

    @cached_property
    def domain(self) -> Ints:
        """int64 [S]."""
        return np.array([site.domain for site in self.topology.sites], np.int64)

    @cached_property
    def refuges(self) -> tuple[Ints, Ints]:
        """Pairs (q, r) of pool paths: who loses q's site goes to r's. Over a peering only where
        there is no other way, for a peering is no place for a whole site's viewers at once."""
        number, pairs = np.arange(len(self.pool)), []
        for step in range(1, self.topology.candidates.shape[1]):
            here = number[:-step][self.pool[:-step] == self.pool[step:]]
            pairs += [(here, here + step), (here + step, here)]
        here = np.concatenate([a for a, _ in pairs] or [number[:0]])
        other = np.concatenate([b for _, b in pairs] or [number[:0]])
        direct = self.pool_link[other] == NO_LINK
        none = np.bincount(here, direct, len(self.pool)) == 0
        taken = direct | none[here]
        return here[taken], other[taken]

    @cached_property
    def strong(self) -> npt.NDArray[np.bool_]:
        """bool [Q]: whether the path's refuges could hold `STRONG` sites like its own; of a site
        that no pool could take in, all are."""
        built = self.capacity_mbps
        here, other = self.refuges
        room = summed(here, built[self.pool_site[other]], len(self.pool))
        strong = room >= STRONG * built[self.pool_site]
        some = np.bincount(self.pool_site, strong, len(built)) > 0
        return np.where(some[self.pool_site], strong, True)

    @cached_property
    def reserve_share(self) -> Floats:
        """[Q]: which share of its refuges a path may fill if its site is lost. Strong paths of a
        site have one share together, `WEAK` less if there are others; those divide `WEAK`."""
        weak = np.bincount(self.pool_site, ~self.strong, len(self.capacity_mbps))[self.pool_site]
        together = np.where(weak > 0, 1.0 - WEAK, 1.0)
        return np.where(self.strong, together, WEAK / np.maximum(weak, 1.0))

    @cached_property
    def reserve(self) -> Ints:
        """The pool paths whose loss has a row: all weak ones, and of each site's strong ones those
        `TIGHT` that have the least refuge, for where they fit, the others do nearly always."""
        here, other = self.refuges
        room = summed(here, self.capacity_mbps[self.pool_site[other]], len(self.pool))
        order = np.lexsort((room, self.pool_site, ~self.strong))
        order = order[: np.count_nonzero(self.strong)]
        site = self.pool_site[order]
        first = np.searchsorted(site, site)
        tight = order[np.arange(len(order)) - first < TIGHT]
        return np.sort(np.concatenate([tight, np.flatnonzero(~self.strong)]))

    def load(self, flow: Floats) -> Floats:
        """float64 [S] of flows [P]."""
        return summed(self.site, flow, len(self.topology.sites))

    def square(self, flow: Floats) -> Floats:
        """[P] as [G, K], 0 where there is no path."""
        whole = np.zeros(self.topology.candidates.shape)
        whole[self.group, self.place] = flow
        return whole
