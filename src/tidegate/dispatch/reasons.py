"""Why a plan sends viewers elsewhere than they are, in sentences for who watches over an event.

Law: a sentence names sites, people and a cause, and every figure in it is of this plan; the
weightiest comes first, and there are never more than `MOST`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.model import Figures, Flows
from tidegate.dispatch.moment import GBIT, Rules
from tidegate.dispatch.snapshot import Snapshot

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MOST = 12
MOVES = 5
"""Sentences about moves that no failure forced."""
LEAST_SHARE = 0.01
LEAST_VIEWERS = 1.0
NAMES = 3
SLOT_S = 300


@dataclass(frozen=True)
class Decided:
    """weights [G, K]; load [S], Gbit/s; caps [G], kbit/s; shed and overflow, Mbit/s."""

    weights: Floats
    load: Floats
    caps: Floats
    shed_mbps: float
    overflow_mbps: float


@dataclass(frozen=True)
class Moves:
    """M moves: viewers of a group from one of its places to another."""

    group: Ints
    origin: Ints
    target: Ints
    viewers: Floats


def reasons(
    rules: Rules, snapshot: Snapshot, figures: Figures, flows: Flows | None, decided: Decided
) -> tuple[str, ...]:
    """Sentences, without full stop."""
    moves = _moves(rules, snapshot, decided.weights)
    said = _lack(snapshot, decided)
    said += _down(rules, snapshot, moves)
    said += _unsafe(rules, flows)
    said += _moved(rules, snapshot, figures, moves)
    return tuple(said[:MOST])


def _moves(rules: Rules, snapshot: Snapshot, weights: Floats) -> Moves:
    served = snapshot.served.astype(np.float64)
    there = served.sum(axis=1) > 0
    change = np.where(there[:, None], weights - served, 0.0) * snapshot.viewers[:, None]
    come, leave = np.maximum(change, 0.0), np.maximum(-change, 0.0)
    share = come / np.maximum(come.sum(axis=1, keepdims=True), 1e-12)
    flow = leave[:, :, None] * share[:, None, :]
    group, origin, target = np.nonzero(flow > LEAST_VIEWERS / 10)
    sites = rules.paths.topology.candidates
    return Moves(
        group,
        sites[group, origin].astype(np.int64),
        sites[group, target].astype(np.int64),
        flow[group, origin, target],
    )


def _lack(snapshot: Snapshot, decided: Decided) -> list[str]:
    said = []
    lack = decided.shed_mbps + decided.overflow_mbps
    if decided.shed_mbps > 0:
        capped = np.isfinite(decided.caps)
        least, most = decided.caps[capped].min(), decided.caps[capped].max()
        caps = f"{most:g}" if least == most else f"{least:g} to {most:g}"
        said.append(
            f"demand is {lack:,.0f} Mbit/s more than sites hold: "
            f"{snapshot.viewers[capped].sum():,.0f} viewers get at most {caps} kbit/s"
        )
    if decided.overflow_mbps > 0:
        said.append(f"{decided.overflow_mbps:,.0f} Mbit/s find no site, whatever the rendition")
    return said


def _down(rules: Rules, snapshot: Snapshot, moves: Moves) -> list[str]:
    """The sites that are down, most viewers first."""
    sites = rules.paths.topology.sites
    lost = np.bincount(moves.origin, moves.viewers, len(sites))
    said = []
    for site in np.argsort(-lost, kind="stable")[:MOST].tolist():
        if snapshot.up[site] or lost[site] < LEAST_VIEWERS:
            continue
        here = moves.origin == site
        gained = np.bincount(moves.target[here], moves.viewers[here], len(sites))
        names = [sites[at].name for at in np.argsort(-gained, kind="stable").tolist()
                 if gained[at] >= LEAST_VIEWERS]  # fmt: skip
        said.append(
            f"site {sites[site].name} is down: {lost[site]:,.0f} viewers to {_listed(names)}"
        )
    return said


def _unsafe(rules: Rules, flows: Flows | None) -> list[str]:
    """The site whose loss would leave most without room."""
    if flows is None:
        return []
    sites = rules.paths.topology.sites
    short = np.bincount(rules.paths.pool_site[rules.paths.reserve], flows.reserve, len(sites))
    worst = int(short.argmax())
    if short[worst] * GBIT < 1.0:
        return []
    return [f"were {sites[worst].name} lost, there would be too little room for its viewers"]


def _moved(rules: Rules, snapshot: Snapshot, figures: Figures, moves: Moves) -> list[str]:
    """The greatest moves that no failure forced, by region, ISP, origin and target."""
    topology = rules.paths.topology
    free = snapshot.up[moves.origin]
    regions = np.array([group.region for group in topology.groups])
    isps = np.array([group.isp for group in topology.groups])
    place = regions * len(topology.isps) + isps
    crowd = np.bincount(place, snapshot.viewers, len(topology.regions) * len(topology.isps))
    keys = np.stack([place[moves.group], moves.origin, moves.target])[:, free]
    if not keys.size:
        return []
    kinds, first, number = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    total = np.bincount(number.reshape(-1), moves.viewers[free])
    said = []
    for at in np.argsort(-total, kind="stable")[:MOVES].tolist():
        where, origin, target = kinds[:, at].tolist()
        share = total[at] / max(crowd[where], 1.0)
        if share < LEAST_SHARE or total[at] < LEAST_VIEWERS:
            continue
        region, isp = divmod(where, len(topology.isps))
        group = int(moves.group[free][first[at]])
        said.append(
            f"moved {share:.0%} of {topology.regions[region]} {topology.isps[isp]} from "
            f"{topology.sites[origin].name} to {topology.sites[target].name}: "
            + _cause(rules, snapshot, figures, (group, origin, target))
        )
    return said


def _cause(rules: Rules, snapshot: Snapshot, figures: Figures, move: tuple[int, int, int]) -> str:
    """The first rule of the objective, in its order, that speaks for it."""
    paths, policy, topology = rules.paths, rules.policy, rules.paths.topology
    group, origin, target = move
    mine = paths.group == group
    freezes = float(figures.freeze_mille[mine & (paths.site == origin)].sum())
    there = float(figures.freeze_mille[mine & (paths.site == target)].sum())
    load = paths.load(figures.stay)[origin] / max(figures.capacity[origin], 1e-9)
    money = figures.level, figures.rise_price
    here_domain, there_domain = (topology.sites[each].domain for each in (origin, target))
    billed = np.bincount(paths.domain, paths.load(figures.stay), len(money[0]))
    if load > policy.ceiling:
        return f"{topology.sites[origin].name} would be {load:.0%} full"
    if policy.price_freeze * (freezes - there) > policy.price_move:
        return f"viewers freeze {(freezes - there) / 10:.2f} % more on the way they had"
    if billed[here_domain] > money[0][here_domain] and here_domain != there_domain:
        if snapshot.free[there_domain]:
            return f"free slot until {_clock(snapshot.now, policy.utc_offset_s)}"
        if billed[there_domain] < money[0][there_domain]:
            return f"paid for up to {money[0][there_domain] * GBIT:,.0f} Mbit/s already"
        if money[1][there_domain] < money[1][here_domain]:
            return "it is the cheaper contract"
    rtt = topology.rtt_ms[group][topology.candidates[group] == origin].sum()
    if topology.rtt_ms[group][topology.candidates[group] == target].sum() < rtt:
        return "it is nearer, and has room again"
    return "it keeps room for the loss of a site"


def _clock(now: float, offset_s: float) -> str:
    """When this five minutes end, of the day where the fleet is."""
    minutes = int((now // SLOT_S + 1) * SLOT_S + offset_s) // 60
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _listed(names: list[str]) -> str:
    if not names:
        return "no other"
    more = len(names) - NAMES
    if more > 0:
        return f"{', '.join(names[:NAMES])} and {more} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
