"""The month that an event lies in, slot by slot, and what it costs under each policy.

Law: ours sees a forecast (other days of the same kind, and the event as announced) and each slot
as it comes; the optimum sees what really came. All three are billed by the same contracts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidegate.dispatch.slot_ahead import Ahead, representatives
from tidegate.dispatch.slot_book import SlotBook
from tidegate.dispatch.slots import SlotPlanner
from tidegate.dispatch.topology import Topology
from tidegate.sim.optimum import optimum
from tidegate.sim.places import peak_mbps, pool_shares
from tidegate.sim.scenario import Scenario
from tidegate.usage import of_rates
from tidegate.usage.contract import SAMPLES_A_DAY

Floats = npt.NDArray[np.float64]
Tell = Callable[[float], None]
ESTIMATED_FROM = 36
"""Slots that an estimate's plan is made of."""
PLAN_DAYS = 2
"""Days between two plans of the levels."""
FORECAST, FORECASTS = 1 << 20, 8
"""Added to the seed: the days that a forecast is made of are not those that come; and how many
months of them there are, for one alone may ask for 2 % more than another."""
KEPT = 0.8
"""Share of the free slots that `estimate` plans with: what slot by slot is left of them."""
LEARNING = 0.1
"""Weight of the last slot in how much more comes than was forecast."""
FORESEEN_FOR = 0.15
"""Share of a slot for which viewers are where the forecast put them: 15 s until telemetry tells,
and half of the minute in which they ask again."""
WEEKEND_DAYS = (5, 6)


@dataclass(frozen=True)
class Bills:
    """Yuan of the month. demand_mbps: [T]; nearest_mbps, ours_mbps: float32 [T, S], samples.

    level_mbps: [D], what ours is billed for. at_event: ours as it was when the event began.
    """

    nearest_yuan: float
    ours_yuan: float
    optimum_yuan: float
    nearest_by_contract: dict[str, float]
    ours_by_contract: dict[str, float]
    demand_mbps: Floats
    nearest_mbps: npt.NDArray[np.float32]
    ours_mbps: npt.NDArray[np.float32]
    level_mbps: Floats
    at_event: SlotBook

    @property
    def saved(self) -> float:
        """Share of nearest's bill."""
        return 1.0 - self.ours_yuan / self.nearest_yuan

    @property
    def over_optimum(self) -> float:
        """Ours over the optimum, 1 at best."""
        return self.ours_yuan / self.optimum_yuan

    def figures(self) -> dict[str, float]:
        """For `--json`."""
        return {
            "bill_yuan": self.ours_yuan,
            "bill_nearest_yuan": self.nearest_yuan,
            "bill_optimum_yuan": self.optimum_yuan,
            "bill_saved": self.saved,
            "bill_over_optimum": self.over_optimum,
        }


def demand(scenario: Scenario, seed: int, noisy: bool = True) -> Floats:
    """[T, pools], Mbit/s of each five minutes; without noise what a calendar knows."""
    month, shares = scenario.month, pool_shares(scenario)
    regions, isps = shares.shape
    slots = month.days * SAMPLES_A_DAY
    hours = np.arange(slots) * 24 / SAMPLES_A_DAY
    day = (hours // 24).astype(np.int64)
    shape = np.interp(hours % 24, np.arange(25), [*month.hours, month.hours[0]])
    shape *= month.ordinary * np.where(np.isin(day % 7, WEEKEND_DAYS), month.weekend, 1.0)
    event = _event(scenario, slots)
    found = np.maximum(shape, event)[:, None] * shares.ravel() * peak_mbps(scenario)
    if noisy:
        rng = np.random.Generator(np.random.Philox(seed))
        regional = np.exp(rng.normal(0.0, month.regional_noise, (month.days, regions)))[day]
        regional[event > shape] = 1.0
        found = found * np.repeat(regional, isps, axis=1)
        found = found * np.exp(rng.normal(0.0, month.noise, found.shape))
    return np.asarray(found)


def _event(scenario: Scenario, slots: int) -> Floats:
    """[T]: the event's share of its own peak in each slot."""
    month = scenario.month
    curve = np.array(scenario.audience.curve)
    begin_s = ((month.event_day - 1) * 24 + month.event_hour) * 3600
    middle_s = (np.arange(slots) + 0.5) * 86_400 / SAMPLES_A_DAY - begin_s
    inside = (middle_s >= 0) & (middle_s < scenario.event.duration_s)
    return np.where(inside, np.interp(middle_s, curve[:, 0], curve[:, 1]), 0.0)


def event_slot(scenario: Scenario) -> int:
    """The five minutes of the month with which the event begins."""
    hour = (scenario.month.event_day - 1) * 24 + scenario.month.event_hour
    return round(hour * SAMPLES_A_DAY / 24)


def month_bill(
    scenario: Scenario, topology: Topology, seed: int, tell: Tell = lambda _share: None
) -> Bills:
    """`tell` hears the share of the month that is done."""
    came = demand(scenario, seed)
    nearest = came @ _own_sites(topology)
    book = SlotBook(topology, SlotPlanner(topology), scenario.month.days)
    ours, at_event = _dispatched(scenario, topology, book, came, seed, tell)
    near_bill, our_bill = _billed(topology, nearest), _billed(topology, ours)
    return Bills(
        nearest_yuan=sum(near_bill.values()),
        ours_yuan=sum(our_bill.values()),
        optimum_yuan=optimum(topology, _by_group(topology, came)),
        nearest_by_contract=near_bill,
        ours_by_contract=our_bill,
        demand_mbps=came.sum(axis=1),
        nearest_mbps=nearest.astype(np.float32),
        ours_mbps=ours.astype(np.float32),
        level_mbps=book.levels.level_mbps,
        at_event=at_event,
    )


@dataclass(frozen=True)
class Estimate:
    """Yuan of the month as planned, not slot by slot: nearest is exact, ours what its levels cost
    with the share of free slots that a month's plan keeps, the optimum as `optimum` has it.

    nearest_by_contract, ours_by_contract: by the contracts' rules; what is billed by the GB is in
    nearest's alone.
    """

    nearest_yuan: float
    ours_yuan: float
    optimum_yuan: float
    nearest_by_contract: dict[str, float]
    ours_by_contract: dict[str, float]


def estimate(scenario: Scenario, topology: Topology, seed: int) -> Estimate:
    """In seconds where `month_bill` takes minutes."""
    came = demand(scenario, seed)
    planner = SlotPlanner(topology)
    days = scenario.month.days
    free = [float(each.free_samples(days * SAMPLES_A_DAY)) for each in topology.contracts]
    chosen, label = representatives(came, ESTIMATED_FROM)
    ahead = Ahead(
        _by_group(topology, came[chosen]),
        np.bincount(label, minlength=len(chosen)).astype(float),
        np.array(free),
        np.zeros(len(free)),
        kept=KEPT,
    )
    nearest, planned = _billed(topology, came @ _own_sites(topology)), planner.plan_levels(ahead)
    ours: dict[str, float] = dict.fromkeys(nearest, 0.0)
    for contract, mbps in zip(topology.contracts, planned.level_mbps.tolist(), strict=True):
        ours[contract.rule] += contract.price * mbps
    return Estimate(
        sum(nearest.values()),
        planned.yuan,
        optimum(topology, _by_group(topology, came), ESTIMATED_FROM),
        nearest,
        ours,
    )


def _dispatched(
    scenario: Scenario, topology: Topology, book: SlotBook, came: Floats, seed: int, tell: Tell
) -> tuple[Floats, SlotBook]:
    """[T, S]: each slot as it comes, under levels that are planned again every few days; and the
    book as it was when the event began."""
    typical = demand(scenario, seed, noisy=False)
    forecasts = np.array([
        _by_group(topology, demand(scenario, seed + nth * FORECAST))
        for nth in range(1, FORECASTS + 1)
    ])  # fmt: skip
    up = np.ones(len(topology.sites), np.bool_)
    carried: list[Floats] = []
    more = np.ones(came.shape[1])
    at_event = book
    for slot in range(len(came)):
        if slot % (PLAN_DAYS * SAMPLES_A_DAY) == 0:
            book.plan(forecasts[:, slot:])
            tell(slot / len(came))
        if slot == event_slot(scenario):
            at_event = book.copy()
        soon, real = _by_group(topology, np.stack([typical[slot] * more, came[slot]]))
        early = book.planner.carried(book.begin(soon, up), real)
        late = book.again(real, up, early, FORESEEN_FOR).load_mbps
        carried.append(FORESEEN_FOR * early + (1.0 - FORESEEN_FOR) * late)
        book.close(carried[-1])
        more += LEARNING * (came[slot] / typical[slot] - more)
    tell(1.0)
    return np.array(carried), at_event


def _domain(topology: Topology) -> npt.NDArray[np.int64]:
    return np.array([site.domain for site in topology.sites])


def _by_group(topology: Topology, pools_mbps: Floats) -> Floats:
    """[T, G] of [T, pools]; a pool's traffic is all in its first group: access changes no path."""
    accesses = len(topology.accesses)
    groups = np.zeros((len(pools_mbps), len(topology.groups)))
    groups[:, ::accesses] = pools_mbps
    return groups


def _own_sites(topology: Topology) -> Floats:
    """[pools, S]: in even parts to the sites of the same region and ISP, else to the nearest."""
    shares = np.zeros((len(topology.regions) * len(topology.isps), len(topology.sites)))
    for pool, row in enumerate(shares):
        group = topology.groups[pool * len(topology.accesses)]
        own = [
            number
            for number, site in enumerate(topology.sites)
            if (site.region, site.isp) == (group.region, group.isp)
        ]
        nearest = int(topology.candidates[pool * len(topology.accesses), 0])
        row[own or [nearest]] = 1.0 / max(1, len(own))
    return shares


def _billed(topology: Topology, mbps: Floats) -> dict[str, float]:
    """Yuan by rule."""
    bills: dict[str, float] = {}
    domain = _domain(topology)
    for number, contract in enumerate(topology.contracts):
        yuan = of_rates(contract, mbps[:, domain == number].sum(axis=1)).yuan
        bills[contract.rule] = bills.get(contract.rule, 0.0) + yuan
    return bills
