"""The month of an event: its demand, its bills by the rule done by hand, and the bound below."""

import numpy as np
import pytest
from sim_world import SCENARIOS, small

from tidegate.dispatch import Topology
from tidegate.sim.month import Bills, demand, month_bill
from tidegate.sim.optimum import optimum
from tidegate.sim.places import topology
from tidegate.sim.scenario import Scenario, access_of

SCENARIO = small(month={"days": 1, "event_day": 1, "event_hour": 20})


def places(scenario: Scenario) -> Topology:
    return topology(scenario, access_of(scenario, SCENARIOS))


@pytest.fixture(scope="module")
def bills() -> Bills:
    return month_bill(SCENARIO, places(SCENARIO), 1)


def by_hand(mbps: np.ndarray, price: float) -> float:
    """The 95th percentile of each column: its highest five in a hundred are left out."""
    ordered = np.sort(mbps.astype(float), axis=0)[::-1]
    return float(ordered[len(mbps) * 5 // 100].sum() * price)


def test_demand_is_the_seeds_alone() -> None:
    once, again, other = demand(SCENARIO, 1), demand(SCENARIO, 1), demand(SCENARIO, 2)
    assert once.shape == (288, 6)
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_every_policy_carries_what_came(bills: Bills) -> None:
    assert bills.nearest_mbps.sum(axis=1) == pytest.approx(bills.demand_mbps, rel=1e-4)
    assert bills.ours_mbps.sum(axis=1) == pytest.approx(bills.demand_mbps, rel=1e-4)


def test_bills_are_the_rule_done_by_hand(bills: Bills) -> None:
    contracts = places(SCENARIO).contracts
    assert {each.rule for each in contracts} == {"monthly_95"}
    price = contracts[0].price * contracts[0].overhead
    assert bills.nearest_yuan == pytest.approx(by_hand(bills.nearest_mbps, price), rel=1e-4)
    assert bills.ours_yuan == pytest.approx(by_hand(bills.ours_mbps, price), rel=1e-4)


def test_no_bill_is_under_the_bound(bills: Bills) -> None:
    assert bills.optimum_yuan <= bills.ours_yuan * (1 + 1e-6)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fewer_kinds_of_slots_bound_no_higher(seed: int) -> None:
    fleet = places(SCENARIO)
    came = np.zeros((288, len(fleet.groups)))
    came[:, :: len(fleet.accesses)] = demand(SCENARIO, seed)
    assert optimum(fleet, came, 1) <= optimum(fleet, came, 288) * (1 + 1e-6)
