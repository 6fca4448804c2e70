"""Where viewers and sites are: a scenario's regions and ISPs become the dispatcher's topology.

Law: it follows from the scenario alone, so that a plan made for a rehearsal fits the next one.
"""

import difflib
import math
from itertools import product

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.topology import NO_LINK, NO_SITE, Group, Link, Site, Topology
from tidegate.sim.access import Access
from tidegate.sim.scenario import Region, Scenario, ScenarioError
from tidegate.usage.contract import Contract

EARTH_KM = 6371.0
Floats = npt.NDArray[np.float64]


def topology(scenario: Scenario, lines: tuple[Access, ...]) -> Topology:
    """Pools (region, ISP) with their sites; groups (region, ISP, access) with their candidates."""
    sites, contracts = _sites(scenario)
    _known(scenario, sites)
    count = len(scenario.isps)
    links = [
        Link(f"{here.name} to {there.name}", scenario.paths.link_gbps * 1000)
        for here, there in product(scenario.isps, scenario.isps)
        if here is not there
    ]
    groups = [
        Group(region, isp, access)
        for region, isp, access in product(
            range(len(scenario.regions)), range(count), range(len(lines))
        )
    ]
    number = {(a, b): at for at, (a, b) in enumerate(
        (a, b) for a, b in product(range(count), range(count)) if a != b
    )}  # fmt: skip
    shape = len(groups), scenario.paths.candidates
    candidates, link = np.full(shape, NO_SITE, np.int32), np.full(shape, NO_LINK, np.int32)
    rtt_ms, loss = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    away = _distances(scenario.regions)
    for at, group in enumerate(groups):
        for k, site in enumerate(_candidates(scenario, group, sites, away)):
            cross = sites[site].isp != group.isp
            candidates[at, k] = site
            rtt_ms[at, k] = (
                lines[group.access].rtt_ms
                + scenario.paths.base_ms
                + away[group.region, sites[site].region] / 1000 * scenario.paths.ms_per_1000_km
                + cross * scenario.paths.cross_isp_ms
            )
            link[at, k] = number[group.isp, sites[site].isp] if cross else NO_LINK
            loss[at, k] = cross * scenario.paths.cross_isp_freeze
    return Topology(
        tuple(region.name for region in scenario.regions),
        tuple(isp.name for isp in scenario.isps),
        tuple(line.name for line in lines),
        tuple(sites), tuple(groups), tuple(links), tuple(contracts),
        candidates, rtt_ms, link, loss,
    )  # fmt: skip


def pool_shares(scenario: Scenario) -> Floats:
    """[regions, ISPs]: what share of the viewers is expected in each pool."""
    people = np.array([region.people_m for region in scenario.regions])
    return np.outer(people / people.sum(), [isp.share for isp in scenario.isps])


def peak_mbps(scenario: Scenario) -> float:
    """What all viewers take at the peak when each has the highest rendition."""
    return scenario.audience.peak * scenario.stream.ladder_kbps[-1] / 1000


def _sites(scenario: Scenario) -> tuple[list[Site], list[Contract]]:
    """Sites by the square root of a pool's viewers: a large pool has more sites, and larger ones.

    Each site is a billing domain of its own; contracts are dealt out in turn, by their shares.
    """
    shares = pool_shares(scenario)
    numbers = _dealt(np.sqrt(shares), scenario.fleet.sites)
    capacity = scenario.fleet.headroom * peak_mbps(scenario) * shares / np.maximum(numbers, 1)
    sites: list[Site] = []
    contracts: list[Contract] = []
    owed = [0.0] * len(scenario.fleet.contracts)
    for (region, isp), count in np.ndenumerate(numbers):
        for nth in range(count):
            owed = [
                has + each.share for has, each in zip(owed, scenario.fleet.contracts, strict=True)
            ]
            turn = owed.index(max(owed))
            owed[turn] -= 1
            terms = scenario.fleet.contracts[turn]
            name = f"{scenario.regions[region].name}-{scenario.isps[isp].name}-{nth + 1}".lower()
            mbps = float(capacity[region, isp])
            requests = mbps / 1000 * scenario.fleet.requests_per_gbps
            sites.append(Site(name, region, isp, len(sites), mbps, requests))
            commit = terms.commit_mbps or (mbps if terms.rule == "flat" else 0.0)
            contracts.append(
                Contract(f"{name} {terms.name}", terms.rule, terms.price, commit, terms.index,
                         terms.overhead)
            )  # fmt: skip
    return sites, contracts


def _known(scenario: Scenario, sites: list[Site]) -> None:
    names = [site.name for site in sites]
    for number, failure in enumerate(scenario.failures):
        for nth, name in enumerate(failure.sites):
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                mend = f"; did you mean {near[0]}?" if near else ""
                raise ScenarioError(
                    f"failures[{number}].sites[{nth}]: there is no site {name!r}{mend}"
                )


def _dealt(weights: Floats, count: int) -> npt.NDArray[np.int64]:
    """Whole numbers in proportion to `weights` that sum to `count`; 1 at least where it lasts."""
    flat = weights.ravel() / weights.sum() * count
    least = 1 if count >= flat.size else 0
    numbers = np.maximum(np.floor(flat).astype(np.int64), least)
    while numbers.sum() != count:
        behind = flat - numbers
        if numbers.sum() < count:
            numbers[behind.argmax()] += 1
        else:
            behind[numbers <= least] = np.inf
            numbers[behind.argmin()] -= 1
    dealt: npt.NDArray[np.int64] = numbers.reshape(weights.shape)
    return dealt


def _distances(regions: tuple[Region, ...]) -> Floats:
    """Kilometres between each two, along the earth."""
    lon = np.radians([region.longitude for region in regions])
    lat = np.radians([region.latitude for region in regions])
    half = np.sin((lat[:, None] - lat) / 2) ** 2
    half += np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1))))


def _candidates(scenario: Scenario, group: Group, sites: list[Site], away: Floats) -> list[int]:
    """Its own ISP's sites by distance, and at the end a few of other ISPs."""
    paths = scenario.paths
    near = sorted(
        range(len(sites)), key=lambda at: (away[group.region, sites[at].region], sites[at].name)
    )
    own = [at for at in near if sites[at].isp == group.isp]
    others = [at for at in near if sites[at].isp != group.isp]
    cross = min(paths.cross_isp_candidates, len(others), max(0, paths.candidates - 1))
    if len(own) < paths.candidates - cross:
        cross = min(len(others), paths.candidates - len(own))
    own = own[: paths.candidates - cross]
    return own + others[: paths.candidates - len(own)][: max(cross, 0) if own else None]


def scaled(scenario: Scenario, factor: float) -> Scenario:
    """Fewer players, and links and sites smaller by as much."""
    peak = max(1, math.ceil(scenario.audience.peak * factor))
    return scenario.model_copy(
        update={
            "audience": scenario.audience.model_copy(update={"peak": peak}),
            "paths": scenario.paths.model_copy(
                update={"link_gbps": scenario.paths.link_gbps * factor}
            ),
        }
    )
