"""Telemetry is bounded before it is believed.

Law: what comes out is finite and within what the topology allows, whatever came in; each kind of
repair is told once, with how many it touched. Only a snapshot of another shape is refused: that is
a mistake of the program, not of the network. A site unheard of for `deaf_s` counts as up, as it
last was, with less and less of its capacity until `derated_s`; where more than half are unheard of,
the ear is at fault, and nothing is taken away.
"""

from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.policy import Policy
from tidegate.dispatch.snapshot import Snapshot
from tidegate.dispatch.topology import NO_SITE, Topology

Floats = npt.NDArray[np.float64]
AHEAD_S = 2.0
"""A site's clock may be ahead of ours by this much without a word."""
MOST_OF_TOP = 1.5
"""A viewer takes at most the top rendition times this: sound, headers, retransmission."""
REPORT_S = 60.0
"""A viewer watches at most so many seconds in a report."""


class SnapshotError(ValueError):
    """The caller's arrays do not belong to the topology; names the field and both shapes."""


class Words:
    """Sentences about repairs, none where nothing was repaired."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def count(self, wrong: npt.NDArray[np.bool_], what: str) -> None:
        """`what`, with how many are wrong."""
        number = int(np.count_nonzero(wrong))
        if number:
            self.said.append(f"{what} ({number} of {wrong.size:,})")


def checked(
    snapshot: Snapshot, topology: Topology, policy: Policy
) -> tuple[Snapshot, tuple[str, ...]]:
    """The snapshot as it may be used, and what was wrong with it. Raises `SnapshotError`."""
    _shapes(snapshot, topology)
    words = Words()
    built = np.array([site.capacity_mbps for site in topology.sites])
    viewers = _bounded(snapshot.viewers, np.inf, words, "groups' counts of viewers")
    watched = _bounded(
        snapshot.watched_s, viewers[:, None] * REPORT_S, words, "paths' seconds watched"
    )
    heard = snapshot.up & np.isfinite(snapshot.capacity_mbps)
    words.count(snapshot.up & ~heard, "sites report no capacity: taken as built")
    capacity = np.where(heard, snapshot.capacity_mbps, built)
    capacity = _bounded(capacity, built, words, "sites' capacities")
    return replace(
        snapshot,
        demand_mbps=_demand(snapshot, viewers, words),
        viewers=viewers,
        served=_shares(snapshot.served, topology, words),
        capacity_mbps=capacity * _trust(snapshot, policy, words),
        load_mbps=_bounded(snapshot.load_mbps, 2.0 * built, words, "sites' loads"),
        watched_s=watched,
        frozen_s=_bounded(snapshot.frozen_s, watched, words, "paths' seconds frozen"),
        level_mbps=_bounded(snapshot.level_mbps, np.inf, words, "billing domains' levels"),
    ), tuple(words.said)


def _shapes(snapshot: Snapshot, topology: Topology) -> None:
    groups, places = topology.candidates.shape
    sites, domains = len(topology.sites), len(topology.contracts)
    want: dict[str, tuple[int, ...]] = dict.fromkeys(("demand_mbps", "viewers"), (groups,))
    want |= dict.fromkeys(("served", "frozen_s", "watched_s"), (groups, places))
    want |= dict.fromkeys(("up", "capacity_mbps", "load_mbps", "reported_at"), (sites,))
    want |= dict.fromkeys(("level_mbps", "free"), (domains,))
    for field in fields(snapshot):
        value: Any = getattr(snapshot, field.name)
        if field.name in want and np.shape(value) != want[field.name]:
            raise SnapshotError(
                f"snapshot.{field.name} has shape {np.shape(value)}; "
                f"the topology needs {want[field.name]}"
            )
    ladder = snapshot.ladder_kbps
    rises = all(low < high for low, high in pairwise(ladder))
    if not ladder or not rises or not 0 < ladder[0] <= ladder[-1] < np.inf:
        raise SnapshotError(
            f"snapshot.ladder_kbps is {ladder}: give the renditions' rates, ascending"
        )
    if not np.isfinite(snapshot.now):
        raise SnapshotError(f"snapshot.now is {snapshot.now}: give the clock in seconds")


def _bounded(given: npt.NDArray[Any], most: Floats | float, words: Words, what: str) -> Floats:
    """From 0 to `most`; what is no number is 0."""
    value = np.asarray(given, np.float64)
    finite = np.isfinite(value)
    words.count(~finite, f"{what} are no numbers: taken as 0")
    value = np.where(finite, value, 0.0)
    words.count(value < 0, f"{what} are negative: taken as 0")
    words.count(value > most, f"{what} are more than can be: taken as the most")
    return np.clip(value, 0.0, most)


def _demand(snapshot: Snapshot, viewers: Floats, words: Words) -> Floats:
    """What is no number is taken from the viewers there, at what others take a head."""
    given = np.asarray(snapshot.demand_mbps, np.float64)
    known = np.isfinite(given) & (given >= 0)
    words.count(~known, "groups' demands are no numbers: taken from their viewers")
    top = MOST_OF_TOP * snapshot.ladder_kbps[-1] / 1000.0
    counted = known & (viewers > 0)
    total = float(viewers[counted].sum())
    a_head = min(top, float(given[counted].sum()) / total) if total else top / MOST_OF_TOP
    absurd = counted & (given > top * viewers + top)
    words.count(absurd, "groups' demands are more than their viewers can take: taken as the most")
    demand = np.where(known, given, viewers * a_head)
    return np.where(absurd, top * viewers, demand)


def _shares(given: npt.NDArray[np.float32], topology: Topology, words: Words) -> Any:
    """Rows that sum to 1, or to 0 where nobody is there."""
    value = np.asarray(given, np.float64)
    held = topology.candidates != NO_SITE
    bad = ~np.isfinite(value) | (value < 0) | (value > 0) & ~held
    words.count(bad, "paths' shares are no shares: taken as 0")
    value = np.where(bad, 0.0, np.minimum(value, 1e9))
    total = value.sum(axis=1, keepdims=True)
    return np.divide(value, total, out=np.zeros_like(value), where=total > 0)


def _trust(snapshot: Snapshot, policy: Policy, words: Words) -> Floats:
    """[S]: what share of its capacity a site is given, by the age of its figures."""
    reported = np.asarray(snapshot.reported_at, np.float64)
    ahead = np.isfinite(reported) & (reported > snapshot.now + AHEAD_S)
    words.count(ahead, "sites' clocks are ahead of ours: their figures are taken as of now")
    age = np.where(np.isfinite(reported), np.maximum(snapshot.now - reported, 0.0), np.inf)
    deaf = snapshot.up & (age > policy.deaf_s)
    if 2 * np.count_nonzero(deaf) > np.count_nonzero(snapshot.up):
        words.count(deaf, "sites are unheard of, more than half: taken as they last were")
        return np.ones(len(age))
    words.count(deaf, f"sites are unheard of for {policy.deaf_s:g} s: trusted with less")
    late = np.clip((age - policy.deaf_s) / (policy.derated_s - policy.deaf_s), 0.0, 1.0)
    return np.where(deaf, 1.0 - (1.0 - policy.derated) * late, 1.0)
