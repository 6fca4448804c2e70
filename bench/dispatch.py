"""How long the dispatcher takes for a plan: `python -m bench dispatch`.

Fleets of several sizes; each round the demand of every group wavers by 2 %, viewers have followed
part of the way, and the plan is made again from the warm solver. Law: the whole of `plan` is timed,
from the snapshot to the sentences, on one core.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench._report import Report, canvas, save
from tidegate.dispatch import Dispatcher, Policy, Snapshot, Topology
from tidegate.dispatch.topology import NO_LINK, Group, Link, Site
from tidegate.usage import Contract

AIM_S = 0.5
"""For a warm plan of 5,000 groups on 500 sites."""
USE = 0.45
"""Share of the capacity that is asked for; in places it is more than twice that."""
NOISE = 0.02
FOLLOWED = 1 / 6
"""Share of viewers who ask again between two plans: 10 s of a minute."""
LONGEST_S = 120.0
"""Solver's time, so that a cold plan is timed whole; the product falls back after 5 s."""
LADDER = (48.0, 160.0, 320.0, 600.0)
NEVER = -1e9
"""What a new plan must save, so that none is held; the question is timed all the same."""
REGIONS, ISPS = 31, 4


@dataclass(frozen=True)
class Size:
    """Accesses make the number of groups: regions times ISPs times accesses. places: candidates a
    group; alike: whether groups of a region and ISP have the same."""

    name: str
    accesses: int
    sites: int
    places: int = 8
    alike: bool = True


SIZES = (
    Size("the reference event", 3, 300, places=16),
    Size("many groups", 40, 500),
    Size("many groups and candidates", 40, 500, places=16),
    Size("many groups, none alike", 40, 500, alike=False),
)


def main(argv: Sequence[str]) -> int:
    """Measures, prints, plots. Returns 1 when a warm plan of many groups takes too long."""
    parser = argparse.ArgumentParser(prog="python -m bench dispatch", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON, no table")
    parser.add_argument("--rounds", type=int, default=12, help="warm plans of a size (12)")
    given = parser.parse_args(argv)
    columns = ("fleet", "groups", "sites", "candidates", "pools", "cold, s", "warm median",
               "warm least", "most", "pivots", "kept in place")  # fmt: skip
    report = Report("dispatch", "Seconds to a plan", columns)
    series: dict[str, list[float]] = {}
    for size in SIZES:
        figures = _measured(size, given.rounds)
        series[size.name] = figures["warm_s"]
        report.figures[size.name] = figures
        report.row(
            size.name, f"{figures['groups']:,}", size.sites, size.places, f"{figures['pools']:,}",
            *(f"{figures[key]:.3f}" for key in ("cold_s", "warm_median_s", "warm_least_s",
                                               "warm_most_s")),
            f"{figures['pivots']:,.0f}", f"{figures['stayed']:.1%}",
        )  # fmt: skip
    held = report.figures["many groups"]["warm_median_s"] <= AIM_S
    report.figures["held"] = held
    report.notes.append(
        f"Demand {USE:.0%} of capacity, each group's wavers by {NOISE:.0%} between two plans; "
        "prices of 4 to 8 yuan, every tenth domain in a free slot. "
        "Kept in place: share of the demand whose target a warm plan leaves as it was."
    )
    _plot(series)
    report.finish(given.json)
    return 0 if held else 1


def _measured(size: Size, rounds: int) -> dict[str, Any]:
    topology = fleet(size)
    policy = Policy(solver_s=LONGEST_S, price_held=NEVER)
    dispatcher, snapshot = Dispatcher(topology, policy), known(topology)
    began = time.perf_counter()
    plan = dispatcher.plan(snapshot)
    cold = time.perf_counter() - began
    rng = np.random.default_rng(1)
    warm, stayed, pivots = [], [], []
    served = plan.weights
    for _ in range(rounds):
        wavered = snapshot.demand_mbps * np.exp(rng.normal(0, NOISE, len(snapshot.demand_mbps)))
        snapshot = replace(
            snapshot, now=snapshot.now + 10, reported_at=snapshot.reported_at + 10, last=plan,
            demand_mbps=wavered, served=served,
        )  # fmt: skip
        began = time.perf_counter()
        after = dispatcher.plan(snapshot)
        warm.append(time.perf_counter() - began)
        pivots.append(dispatcher.pivots)
        change = np.abs(after.weights - plan.weights).sum(axis=1) / 2
        stayed.append(1 - float((change * wavered).sum() / wavered.sum()))
        if after.source != "solved":
            raise SystemExit(f"{size.name}: {after.reasons[0]}")
        served = served + np.float32(FOLLOWED) * (after.weights - served)
        plan = after
    rows = np.concatenate([topology.candidates, topology.link], axis=1)
    return {
        "groups": len(topology.groups), "sites": size.sites, "candidates": size.places,
        "pools": len(np.unique(rows, axis=0)), "cold_s": cold, "warm_s": warm,
        "warm_median_s": statistics.median(warm), "warm_least_s": min(warm),
        "warm_most_s": max(warm), "pivots": statistics.median(pivots),
        "stayed": statistics.fmean(stayed),
    }  # fmt: skip


def fleet(size: Size) -> Topology:
    """Sites of three sizes strewn over regions and ISPs; the nearest of the own ISP come first."""
    rng = np.random.default_rng(7)
    lie = rng.uniform(0, 1, (REGIONS, 2))
    sites = tuple(
        Site(f"site-{at}", at % REGIONS, int(rng.integers(ISPS)), at,
             float(rng.choice([2000, 5000, 10_000])), 1e6)
        for at in range(size.sites)
    )  # fmt: skip
    region, isp = (np.array([getattr(site, key) for site in sites]) for key in ("region", "isp"))
    groups = tuple(Group(at, net, way) for at in range(REGIONS) for net in range(ISPS)
                   for way in range(size.accesses))  # fmt: skip
    shape = len(groups), size.places
    candidates, rtt = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    link, loss = np.full(shape, NO_LINK, np.int32), np.zeros(shape, np.float32)
    for at, group in enumerate(groups):
        far = 5 + 40 * np.linalg.norm(lie[region] - lie[group.region], axis=1)
        far += 25 * (isp != group.isp) + (0 if size.alike else rng.uniform(0, 15, size.sites))
        near = np.argsort(far, kind="stable")[: size.places]
        cross = isp[near] != group.isp
        candidates[at], rtt[at] = near, far[near]
        link[at] = np.where(cross, group.isp * ISPS + isp[near], NO_LINK)
        loss[at] = np.where(cross, 0.002, 0)
    links = tuple(Link(f"{at // ISPS} to {at % ISPS}", 40_000.0) for at in range(ISPS * ISPS))
    contracts = tuple(
        Contract(f"c{at}", price=float(rng.integers(4, 9))) for at in range(size.sites)
    )
    names = [tuple(f"{what}{at}" for at in range(count)) for what, count in
             (("r", REGIONS), ("i", ISPS), ("a", size.accesses))]  # fmt: skip
    return Topology(
        names[0], names[1], names[2], sites, groups, links, contracts, candidates, rtt, link, loss
    )


def known(topology: Topology) -> Snapshot:
    """Demand where the sites are, uneven between groups; levels from nothing to half a site."""
    rng = np.random.default_rng(3)
    groups, places = topology.candidates.shape
    capacity = np.array([site.capacity_mbps for site in topology.sites])
    near = capacity[topology.candidates[:, :3]].sum(axis=1)
    demand = near * rng.lognormal(0, 0.5, groups)
    demand *= USE * capacity.sum() / demand.sum()
    sites, nothing = len(topology.sites), np.zeros((groups, places))
    return Snapshot(
        now=0.0, demand_mbps=demand, viewers=demand / 0.6, served=nothing.astype(np.float32),
        up=np.ones(sites, np.bool_), capacity_mbps=capacity, load_mbps=np.zeros(sites),
        frozen_s=nothing, watched_s=nothing, reported_at=np.zeros(sites),
        level_mbps=rng.uniform(0, 0.5, sites) * capacity, free=np.arange(sites) % 10 == 0,
        ladder_kbps=LADDER, last=None,
    )  # fmt: skip


def _plot(series: dict[str, list[float]]) -> None:
    figure, axes = canvas()
    for number, (name, warm) in enumerate(series.items()):
        axes.plot(range(1, len(warm) + 1), warm, marker="o", color=f"C{number}", label=name)
    axes.axhline(AIM_S, color="#888", linestyle="--", linewidth=1)
    axes.annotate("aim", (1, AIM_S), xytext=(0, 4), textcoords="offset points", color="#666")
    axes.set(xlabel="plan, warm", ylabel="seconds", ylim=(0, None),
             title="Seconds to a new plan, groups on sites")  # fmt: skip
    axes.legend(frameon=False)
    save(figure, "dispatch")
