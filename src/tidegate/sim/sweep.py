"""What fleet holds an event: fleets tried from the smallest on, then the chosen one's sites killed.

Law: a fleet is chosen by rehearsal alone, with the dispatcher that will run it: the cheapest, by
traffic and capacity together, whose freeze rate stays under the target and which no site overfills.
What other policies make of it, and what the loss of each of its largest sites would do, is then
shown, not judged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from tidegate.sim.access import Access
from tidegate.sim.event import Rehearsal
from tidegate.sim.month import Estimate, estimate
from tidegate.sim.places import peak_mbps, scaled, topology
from tidegate.sim.policies import NAMES
from tidegate.sim.result import Result
from tidegate.sim.scenario import Failure, Scenario
from tidegate.sim.world import build

Tell = Callable[[str, float], None]
AFTER_S = 60.0
"""Seconds after a site's death that are looked at."""
FULL = 1.0
"""Load of a site, over ten seconds, that a fleet must not need."""


@dataclass(frozen=True)
class Fleet:
    """One that was tried: how many times the peak its sites hold, how many they are, which share of
    each is paid for in any case, and what came of it."""

    headroom: float
    sites: int
    commit: float
    freeze_rate: float
    peak_load: float
    bill: Estimate
    capacity_yuan: float
    holds: bool

    @property
    def yuan(self) -> float:
        """A month: traffic, and the capacity that carries it."""
        return self.bill.ours_yuan + self.capacity_yuan


@dataclass(frozen=True)
class Death:
    """A site that dies at the peak: the freeze rate of the minute after, and what it would be."""

    site: str
    share: float
    freeze_rate: float
    before: float
    peak_load: float


@dataclass(frozen=True)
class Study:
    """Everything the report shows. Results are of the chosen fleet; `others` by policy."""

    scenario: Scenario
    scale: float
    target: float
    fleets: Sequence[Fleet]
    chosen: Fleet
    ours: Result
    others: Mapping[str, Result]
    floor: Result
    deaths: Sequence[Death]


@dataclass(frozen=True)
class Asked:
    """What is tried: each headroom with each number of sites (none: the scenario's) and each
    commitment, a share of a site's capacity (none: the scenario's); how many of the largest sites
    die; at what scale and seed."""

    headrooms: Sequence[float]
    sites: Sequence[int]
    commits: Sequence[float]
    deaths: int
    scale: float
    target: float
    seed: int


def study(scenario: Scenario, lines: tuple[Access, ...], asked: Asked, tell: Tell) -> Study:
    """`tell` hears what is done and the share that is done already."""
    commits: Sequence[float | None] = asked.commits or (None,)
    grid = list(product(asked.headrooms, asked.sites or (scenario.fleet.sites,), commits))
    others = [name for name in NAMES if name != "ours"]
    total = len(grid) * 2 + len(others) + 1 + asked.deaths
    done = 0

    def step(what: str) -> None:
        nonlocal done
        tell(what, done / total)
        done += 1

    tried, fleets, results = [], [], []
    for headroom, sites, commit in grid:
        fleet = with_fleet(scenario, headroom, sites, commit)
        words = f"{sites} sites, {headroom:g} times the peak"
        step(f"bill of {words}")
        places = topology(fleet, lines)
        bill = estimate(fleet, places, asked.seed)
        gbps = sum(site.capacity_mbps for site in places.sites) / 1000
        step(f"rehearsal of {words}")
        result = rehearse(fleet, lines, asked, "ours")
        tried.append(fleet)
        results.append(result)
        peak = max(span.peak_load for span in result.spans)
        rate = float(result.freeze_rate())
        holds = rate <= asked.target and peak <= FULL
        capacity = gbps * scenario.fleet.capacity_yuan_per_gbps
        fleets.append(Fleet(headroom, sites, commit or 0.0, rate, peak, bill, capacity, holds))
    held = [number for number, fleet in enumerate(fleets) if fleet.holds]
    best = min(held or range(len(fleets)), key=lambda n: (fleets[n].yuan, n))
    if not held:
        best = min(range(len(fleets)), key=lambda n: (fleets[n].freeze_rate, n))
    chosen = tried[best]
    by_policy = {}
    for name in others:
        step(f"the same by {name}")
        by_policy[name] = rehearse(chosen, lines, asked, name)
    step("the same on unlimited servers")
    floor = rehearse(chosen, lines, asked, "floor")
    deaths = []
    largest = sorted(topology(chosen, lines).sites, key=lambda site: -site.capacity_mbps)
    whole = sum(site.capacity_mbps for site in largest)
    for site in largest[: asked.deaths]:
        step(f"{site.name} dies")
        deaths.append(_death(chosen, lines, asked, site.name, site.capacity_mbps / whole))
    tell("", 1.0)
    return Study(
        chosen,
        asked.scale,
        asked.target,
        fleets,
        fleets[best],
        results[best],
        by_policy,
        floor,
        deaths,
    )


def with_headroom(scenario: Scenario, headroom: float) -> Scenario:
    """Another fleet for the same event."""
    return with_fleet(scenario, headroom, scenario.fleet.sites, None)


def with_fleet(scenario: Scenario, headroom: float, sites: int, commit: float | None) -> Scenario:
    """Another fleet, and what of each of its sites is paid for in any case, share of its capacity
    in the mean; None leaves that to the scenario."""
    contracts = scenario.fleet.contracts
    if commit is not None:
        mbps = commit * headroom * peak_mbps(scenario) / sites
        contracts = tuple(each.model_copy(update={"commit_mbps": mbps}) for each in contracts)
    fleet = scenario.fleet.model_copy(
        update={"headroom": headroom, "sites": sites, "contracts": contracts}
    )
    return scenario.model_copy(update={"fleet": fleet})


def rehearse(scenario: Scenario, lines: tuple[Access, ...], asked: Asked, policy: str) -> Result:
    """One run at the study's scale; `floor` is on unlimited servers."""
    world = build(scaled(scenario, asked.scale), lines, asked.seed)
    floor = policy == "floor"
    return Rehearsal(world, "nearest" if floor else policy, asked.seed, unlimited=floor).run()


def peak_at(scenario: Scenario) -> float:
    """The first moment at which all watch."""
    most = max(share for _, share in scenario.audience.curve)
    return next(at for at, share in scenario.audience.curve if share == most)


def _death(
    scenario: Scenario, lines: tuple[Access, ...], asked: Asked, site: str, share: float
) -> Death:
    at = peak_at(scenario) + 60.0
    event = scenario.event.model_copy(update={"duration_s": at + AFTER_S})
    failure = Failure(at_s=at, what="site_down", sites=(site,))
    broken = scenario.model_copy(update={"event": event, "failures": (failure,)})
    spans = rehearse(broken, lines, asked, "ours").spans
    after = [span for span in spans if span.at_s > at]
    before = [span for span in spans if at - AFTER_S < span.at_s <= at]
    return Death(
        site,
        share,
        sum(span.freeze_rate for span in after) / max(len(after), 1),
        sum(span.freeze_rate for span in before) / max(len(before), 1),
        max((span.peak_load for span in after), default=0.0),
    )
