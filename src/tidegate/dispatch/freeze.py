"""How much a path or a site adds to freezes, out of reports that are few and noisy.

Law: viewers freeze on their own lines too, so a path is judged against the group's other paths,
never by itself. What it adds is charged as far as it is proven: its shrunken mean less `PROOF`
standard deviations. An upper bound instead would charge paths that are all right: with two million
viewers on three thousand paths its width alone is more than the whole budget.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.pools import summed
from tidegate.dispatch.topology import NO_LINK, NO_SITE, Topology

Floats = npt.NDArray[np.float64]

WINDOW_S = 30.0
"""Seconds that a report covers."""
HALF_LIFE_S = 60.0
CELL_S = 36_000.0
"""Seconds of watching that the parent's figure weighs against a cell's own."""
SHARED_S = 7_200.0
"""The same, of what many paths share: a site, or an access across a peering."""
STALL_S = 6.0
"""Mean of a stall's square over its mean: by how much seconds of freezing vary more than counts."""
PROOF = 3.0
"""Of thousands of paths one in a thousand looks bad by chance; at less, sites are left for it."""
MOST = 0.25
"""Frozen share of a cell at most: a crowd that says more is broken or lies."""


@dataclass(frozen=True)
class Estimates:
    """Decayed sums, float64 [G, K]: seconds frozen and seconds watched; `at` is when."""

    at: float
    frozen_s: Floats
    watched_s: Floats


def update(held: Estimates | None, now: float, frozen_s: Floats, watched_s: Floats) -> Estimates:
    """Ages what is held and adds the last half minute, less what an earlier one already told."""
    frozen = np.minimum(frozen_s, MOST * watched_s)
    if held is None or held.frozen_s.shape != frozen.shape:
        return Estimates(now, frozen, watched_s.copy())
    passed = max(0.0, now - held.at)
    age, fresh = 0.5 ** (passed / HALF_LIFE_S), min(1.0, passed / WINDOW_S)
    return Estimates(
        now, held.frozen_s * age + frozen * fresh, held.watched_s * age + watched_s * fresh
    )


def floor(topology: Topology, estimates: Estimates) -> Floats:
    """[G]: frozen share of the better half of each group's watching: what its lines cause. Of who
    has hardly watched it is what all of that access have."""
    frozen, watched = estimates.frozen_s, estimates.watched_s
    rate = np.divide(frozen, watched, out=np.full(frozen.shape, np.inf), where=watched > 0)
    order = np.argsort(rate, axis=1)
    sorted_watched = np.take_along_axis(watched, order, axis=1)
    sorted_frozen = np.take_along_axis(frozen, order, axis=1)
    before = np.cumsum(sorted_watched, axis=1) - sorted_watched
    better = before < 0.5 * watched.sum(axis=1, keepdims=True)
    seen = (sorted_watched * better).sum(axis=1)
    access, count = _access(topology), len(topology.accesses)
    of_access = summed(access, frozen.sum(axis=1), count) / np.maximum(
        summed(access, watched.sum(axis=1), count), 1.0
    )
    alike = CELL_S * of_access[access]
    least: Floats = ((sorted_frozen * better).sum(axis=1) + alike) / (seen + CELL_S)
    return least


def charge(topology: Topology, estimates: Estimates, lines: Floats) -> Floats:
    """[G, K]: the frozen share that each path adds to what `lines` cause (`floor`), as far as it is
    proven or known before: what its peering does to that access, then what its site does to all,
    then what is its own."""
    frozen, watched = estimates.frozen_s, estimates.watched_s
    added = frozen - lines[:, None] * watched
    held, across = topology.candidates != NO_SITE, topology.link != NO_LINK
    parent = np.where(held, topology.loss, 0.0)

    def shared(of: npt.NDArray[np.int64], by: npt.NDArray[np.bool_], count: int) -> Floats:
        beyond = summed(of, (added - parent * watched)[by], count)
        sums = summed(of, frozen[by], count), summed(of, watched[by], count)
        return np.asarray(_proven(beyond, *sums, SHARED_S)[of], np.float64)

    links = len(topology.links)
    peering = _access(topology)[:, None] * links + topology.link
    parent[across] += shared(peering[across], across, len(topology.accesses) * links)
    site = topology.candidates[held].astype(np.int64)
    parent[held] += np.maximum(shared(site, held, len(topology.sites)), 0.0)
    cell = _proven(added - parent * watched, frozen, watched, CELL_S)
    return np.where(held, np.maximum(parent + cell, 0.0), 0.0)


def _access(topology: Topology) -> npt.NDArray[np.int64]:
    """[G]."""
    return np.array([group.access for group in topology.groups], np.int64)


def _proven(added: Floats, frozen: Floats, watched: Floats, weight: float) -> Floats:
    """The mean of what is added, or taken away, shrunk to 0 and then by what chance would give."""
    mean = added / (watched + weight)
    deviation = np.sqrt((frozen + STALL_S) * STALL_S) / (watched + weight)
    return np.asarray(np.sign(mean) * np.maximum(0.0, np.abs(mean) - PROOF * deviation))
