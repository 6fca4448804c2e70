"""A scenario as arrays: players, network, servers.

Law: the same scenario and seed give the same arrays; what a policy does changes none of who the
players are and how their lines waver.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.topology import NO_LINK, Topology
from tidegate.sim import access, kinds, net, players
from tidegate.sim.abr import rungs_of
from tidegate.sim.access import Access
from tidegate.sim.places import pool_shares, topology
from tidegate.sim.scenario import Scenario
from tidegate.sim.servers import Servers, whole

Floats = npt.NDArray[np.float64]
BLOCK = 1024
"""Players in a row that are sorted by what their course depends on: a processor foresees best what
was done for the player before. Blocks are small, so that any part of an audience is like all."""


@dataclass
class World:
    """What a rehearsal begins with."""

    scenario: Scenario
    topology: Topology
    players: net.Records
    network: net.Network
    servers: Servers
    kinds: tuple[str, ...]
    line_step_s: Floats


def build(scenario: Scenario, lines: tuple[Access, ...], seed: int) -> World:
    """Players are dealt out by shares; each one's line is drawn from its type's quantiles."""
    places = topology(scenario, lines)
    packed = access.packed(lines)
    by_name = scenario.kinds()
    names = tuple(name for name, share in scenario.audience.kinds.items() if share > 0)
    network = net.Network(
        sites=np.zeros(len(places.sites), net.SITE),
        paths=_paths(places, scenario.paths.cross_isp_left),
        groups=_groups(places, len(scenario.stream.ladder_kbps)),
        kinds=kinds.table([by_name[name] for name in names]),
        candidates=places.candidates,
        weights=np.zeros(places.candidates.shape, np.float32),
        spare=np.zeros(places.candidates.shape, np.float32),
        links=np.ones(len(places.links) + 1, np.float32),
        rungs=rungs_of(scenario.stream.ladder_kbps),
        ratio=packed.ratio,
        moves=packed.moves,
        moving=np.zeros(len(lines), np.int64),
        moved=np.zeros(len(lines), np.int64),
    )
    servers = whole(
        np.array([site.capacity_mbps * 1000 for site in places.sites]),
        np.array([site.requests_s for site in places.sites]),
        np.array([link.capacity_mbps * 1000 for link in places.links]),
        scenario.fleet.queue_ms / 1000,
        scenario.stream.encoder_s + scenario.fleet.tier_ms / 1000,
    )
    rng = np.random.Generator(np.random.Philox(seed))
    people = _players(scenario, lines, packed, names, rng)
    steps = packed.step_s.astype(np.float64)
    return World(scenario, places, people, network, servers, names, steps)


def _paths(places: Topology, cross_isp_left: float) -> net.Records:
    paths = np.zeros(places.candidates.shape, net.PATH)
    paths["site"] = np.maximum(places.candidates, 0)
    paths["link"] = np.where(places.link == NO_LINK, len(places.links), places.link)
    paths["rtt_s"] = places.rtt_ms / 1000
    paths["left"] = np.where(places.link == NO_LINK, 1.0, cross_isp_left)
    return paths


def _groups(places: Topology, rungs: int) -> net.Records:
    groups = np.zeros(len(places.groups), net.GROUP)
    groups["turns"], groups["top"] = 1, rungs - 1
    groups["first"] = groups["second"] = groups["third"] = -1
    return groups


def _players(
    scenario: Scenario,
    lines: tuple[Access, ...],
    packed: access.Lines,
    names: tuple[str, ...],
    rng: np.random.Generator,
) -> net.Records:
    count = scenario.audience.peak
    shares = pool_shares(scenario)
    spread = scenario.audience.regional_spread
    shares = shares * np.exp(spread * rng.standard_normal((len(shares), 1)))
    by_line = packed.share.astype(np.float64)
    whole_shares = (shares[:, :, None] * by_line).ravel()
    people = players.empty(count)
    people["group"] = _drawn(whole_shares, count, rng)
    people["kind"] = _drawn([scenario.audience.kinds[name] for name in names], count, rng)
    people["line"] = people["group"] % len(lines)
    block = np.arange(count) // BLOCK
    people = people[np.lexsort((people["group"], people["line"], people["kind"], block))]
    people["level"] = access.START
    for number in range(len(lines)):
        mine = people["line"] == number
        quantiles = packed.log_mean[number]
        at = np.linspace(0, 1, len(quantiles))
        drawn = np.interp(rng.random(int(mine.sum())), at, quantiles)
        people["mean_kbps"][mine] = np.exp(drawn) * scenario.lines.rate_factor
    return people


def _drawn(shares: npt.ArrayLike, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    edges = np.cumsum(np.asarray(shares, np.float64))
    return np.searchsorted(edges / edges[-1], rng.random(count, np.float32), side="right").clip(
        0, len(edges) - 1
    )
