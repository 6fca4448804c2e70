"""Levels and bursts: what a month costs at least, and no burst in a slot that is not left."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.fleets import capacity, fleet, load
from tidegate.dispatch import Topology
from tidegate.dispatch.slot_ahead import Ahead, representatives
from tidegate.dispatch.slot_book import SlotBook
from tidegate.dispatch.slot_month import levels
from tidegate.dispatch.slots import RAISE, Levels, Now, SlotPlanner, settled
from tidegate.usage import Contract, of_rates

Floats = np.ndarray[Any, np.dtype[np.float64]]


def lone(count: int, **terms: Any) -> Topology:
    """So many equal sites of 10 Gbit/s for one group."""
    base = fleet(0, sites=2 * count, places=count)
    return replace(
        base,
        sites=tuple(replace_struct(base.sites[0], name=f"s{at}", domain=at, capacity_mbps=10_000.0)
                    for at in range(count)),
        groups=base.groups[:1],
        contracts=tuple(Contract(f"c{at}", **terms) for at in range(count)),
        candidates=np.arange(count, dtype=np.int32)[None],
        rtt_ms=np.full((1, count), 5, np.float32),
        link=np.full((1, count), -1, np.int32),
        loss=np.zeros((1, count), np.float32),
    )  # fmt: skip


def replace_struct(struct: Any, **changes: Any) -> Any:
    return type(struct)(**{**{key: getattr(struct, key) for key in struct.__struct_fields__},
                           **changes})  # fmt: skip


FLEET = fleet(6, sites=16, places=8)
PLANNER = SlotPlanner(FLEET)
DOMAINS = len(FLEET.contracts)


def ahead(demand: list[float], slots: list[float], left: float, domains: int) -> Ahead:
    return Ahead(np.array(demand)[:, None], np.array(slots), np.full(domains, left),
                 np.zeros(domains))  # fmt: skip


def now(topology: Topology, demand: Floats, share: float, **other: Any) -> Now:
    """Levels at a share of the sites' capacity."""
    domains = len(topology.contracts)
    given: dict[str, Any] = {
        "slots_left": np.full(domains, 10.0),
        "bursting": np.zeros(domains, np.bool_),
        "spent": np.zeros(domains, np.bool_),
        "up": np.ones(len(topology.sites), np.bool_),
    }
    return Now(demand, share * capacity(topology), **(given | other))


def test_one_site_is_billed_at_what_its_free_slots_leave() -> None:
    planner = SlotPlanner(lone(1, price=6.0))
    levels = planner.bound(ahead([1000.0, 3000.0], [95, 5], 5, 1))
    assert levels.level_mbps == pytest.approx([1000.0], rel=0.02) or levels.yuan < 6100
    short = planner.bound(ahead([1000.0, 3000.0], [95, 5], 0, 1))
    assert short.level_mbps == pytest.approx([3000.0], rel=1e-3)


def test_sites_that_burst_in_turn_are_billed_for_less_than_either_would_be() -> None:
    planner = SlotPlanner(lone(4, price=6.0))
    demand = ahead([4000.0, 9000.0], [80, 20], 5, 4)
    levels = planner.bound(demand)
    # Above the sum b of the levels lie 80 (4000 - b) + 20 (9000 - b); bursts are 5 (4 * 8500 - b).
    assert levels.level_mbps.sum() == pytest.approx(330_000 / 95, rel=1e-3)
    assert levels.yuan == pytest.approx(6 * levels.level_mbps.sum(), rel=1e-6)


def test_dear_contracts_burst_and_cheap_ones_are_raised() -> None:
    topology = lone(2)
    contracts = Contract("cheap", price=4.0), Contract("dear", price=9.0)
    planner = SlotPlanner(replace(topology, contracts=contracts))
    levels = planner.bound(ahead([3000.0, 6000.0], [90, 10], 5, 2))
    assert levels.level_mbps == pytest.approx([245_000 / 95, 0.0], abs=5)


def test_what_was_paid_is_used_and_a_gb_is_bought_where_a_level_is_dearer() -> None:
    contracts = (Contract("a", price=6.0, commit_mbps=500.0), Contract("b", "volume", price=0.2),
                 Contract("c", "flat", price=5.0, commit_mbps=800.0))  # fmt: skip
    planner = SlotPlanner(replace(lone(3), contracts=contracts))
    levels = planner.bound(ahead([1000.0, 5000.0], [8600, 10], 0, 3))
    assert levels.level_mbps == pytest.approx([500.0, 0.0, 800.0], abs=1)
    assert levels.lost_mbps < 1
    assert levels.yuan == pytest.approx(6 * 500 + 5 * 800)


def test_levels_hold_each_forecast_by_itself() -> None:
    rng, slots, left = np.random.default_rng(5), np.array([90.0, 10.0]), np.full(DOMAINS, 5.0)
    peak = capacity(FLEET).sum() * 0.3 / len(FLEET.groups)
    pairs = []
    for isp in range(2):
        own = np.array([group.isp == isp for group in FLEET.groups])
        hot = np.where(own, 1.5, 0.5) * peak * rng.uniform(0.8, 1.2, len(own))
        pairs.append(np.stack([0.4 * hot, hot]))
    none = np.zeros(DOMAINS)
    alone = [PLANNER.bound(Ahead(rows, slots, left, none)) for rows in pairs]
    rows, twice = np.concatenate(pairs), np.tile(slots, 2)
    mixed = PLANNER.bound(Ahead(rows, 0.5 * twice, left, none))
    apart = PLANNER.bound(Ahead(rows, twice, left, none, forecast=np.repeat([0, 1], 2)))
    assert apart.yuan >= 1.05 * max(each.yuan for each in alone)
    assert mixed.yuan < 0.97 * apart.yuan
    assert apart.lost_mbps < 1


def test_a_burst_is_never_dearer_than_a_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a domain is billed for all it can carry, the programme prices its burst at random."""

    def priced(*given: Any) -> Any:
        answer = levels(*given)
        return replace(answer, worth=np.where(np.arange(DOMAINS) == 3, 2e7, answer.worth))

    monkeypatch.setattr("tidegate.dispatch.slots.levels", priced)
    peak = np.full(len(FLEET.groups), 0.4 * capacity(FLEET).sum() / len(FLEET.groups))
    rows, slots = np.stack([0.3 * peak, peak]), np.array([95.0, 5.0])
    planned = PLANNER.bound(Ahead(rows, slots, np.full(DOMAINS, 3.0), np.zeros(DOMAINS)))
    grant = PLANNER.grant(now(FLEET, peak, 0.2), planned.burst_yuan)
    assert grant.free.any()
    assert (grant.level_mbps <= 0.2 * capacity(FLEET) + 1).all()


def test_demand_beyond_all_sites_is_told() -> None:
    levels = SlotPlanner(lone(1)).plan_levels(ahead([10_000.0], [1], 5, 1))
    assert levels.lost_mbps == pytest.approx(1500.0, rel=0.01)


WORTH = np.full(DOMAINS, 0.003)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.floats(0.05, 0.4), st.floats(0.0, 0.3))
def test_a_grant_carries_the_slot_and_bursts_only_who_may(
    seed: int, use: float, share: float
) -> None:
    rng = np.random.default_rng(seed)
    demand = rng.uniform(0.5, 1.5, len(FLEET.groups))
    demand *= use * capacity(FLEET).sum() / demand.sum()
    left = rng.integers(0, 3, DOMAINS).astype(np.float64)
    grant = PLANNER.grant(now(FLEET, demand, share, slots_left=left), WORTH)
    most = 0.85 * capacity(FLEET)
    assert (grant.load_mbps <= most + 1).all()
    assert grant.load_mbps.sum() <= demand.sum() + 1
    assert not grant.free[left == 0].any()
    assert (grant.level_mbps >= share * capacity(FLEET)).all()
    assert (grant.load_mbps <= np.where(grant.free, most, grant.level_mbps) + 1).all()


def test_no_burst_where_levels_hold_and_a_raise_where_no_slot_is_left() -> None:
    demand = np.full(len(FLEET.groups), 0.05 * capacity(FLEET).sum() / len(FLEET.groups))
    assert not PLANNER.grant(now(FLEET, demand, 0.5), WORTH).free.any()
    none = PLANNER.grant(now(FLEET, demand, 0.0, slots_left=np.zeros(DOMAINS)), WORTH)
    assert not none.free.any()
    assert none.level_mbps.sum() == pytest.approx(demand.sum(), rel=1e-3)


def test_bursts_are_few_and_go_on_and_a_spent_slot_is_used() -> None:
    demand = np.full(len(FLEET.groups), 0.3 * capacity(FLEET).sum() / len(FLEET.groups))
    first = PLANNER.grant(now(FLEET, demand, 0.15), WORTH)
    room = 0.7 * capacity(FLEET)
    above = demand.sum() - 0.15 * capacity(FLEET).sum()
    assert room[first.free].sum() < 2.0 * above
    more = PLANNER.grant(now(FLEET, 1.05 * demand, 0.15, spent=first.free), WORTH)
    assert (more.free | ~first.free).all()
    again = PLANNER.grant(now(FLEET, demand, 0.15, bursting=first.free), WORTH)
    assert (again.free & first.free).sum() >= 0.6 * first.free.sum()


def test_a_site_that_is_down_neither_carries_nor_bursts() -> None:
    demand = np.full(len(FLEET.groups), 0.3 * capacity(FLEET).sum() / len(FLEET.groups))
    up = np.arange(16) != 3
    grant = PLANNER.grant(now(FLEET, demand, 0.1, up=up), WORTH)
    assert grant.load_mbps[3] == 0
    assert not grant.free[3]


def test_levels_are_raised_only_where_it_matters() -> None:
    held = Levels(0.2 * capacity(FLEET), WORTH, 1.0, 0.0)
    planned = Levels(0.3 * capacity(FLEET), 2.0 * WORTH, RAISE - 1e-6, 0.0)
    kept = settled(held, planned)
    assert (kept.level_mbps == held.level_mbps).all()
    assert kept.burst_yuan is planned.burst_yuan
    assert settled(None, planned) is planned
    dearer = replace(planned, yuan=1.1)
    assert settled(held, dearer) is dearer


@given(st.integers(1, 400), st.integers(1, 40), st.integers(0, 99))
def test_representatives_stand_for_every_slot(times: int, count: int, seed: int) -> None:
    demand = np.random.default_rng(seed).uniform(0, 1, (times, 3))
    chosen, label = representatives(demand, count)
    assert len(label) == times
    assert set(label.tolist()) == set(range(len(chosen)))
    assert (label[chosen] == np.arange(len(chosen))).all()


def test_four_days_cost_far_less_than_by_the_nearest_and_no_less_than_the_bound() -> None:
    rng, days, topology = np.random.default_rng(3), 4, fleet(6, sites=40, places=16)
    planner, domains = SlotPlanner(topology), 40
    slots = np.arange(days * 288)
    shape = 0.12 + 0.18 * np.maximum(0, np.sin(slots / 288 * 2 * np.pi)) ** 2
    share = rng.uniform(0.5, 1.5, len(topology.groups))
    share *= capacity(topology).sum() / share.sum()
    demand = shape[:, None] * share * np.exp(rng.normal(0, 0.03, (len(slots), len(share))))
    chosen, label = representatives(demand, 12)
    book, loads = SlotBook(topology, planner, days), np.zeros((len(slots), domains))
    free, up = book.left, np.ones(domains, np.bool_)
    month = Ahead(demand[chosen], np.bincount(label).astype(float), free, np.zeros(domains))
    bound = planner.bound(month).yuan
    for slot in slots.tolist():
        if slot % 288 == 0:
            book.plan(demand[None, slot:])
        loads[slot] = book.begin(demand[slot], up).load_mbps
        book.close(loads[slot])
    bill = sum(of_rates(each, loads[:, at]).yuan for at, each in enumerate(topology.contracts))
    first = np.zeros(topology.candidates.shape)
    first[:, 0] = 1
    nearest = np.array([load(topology, first, row) for row in demand])
    static = sum(of_rates(each, nearest[:, at]).yuan for at, each in enumerate(topology.contracts))
    assert 0.97 * bound < bill < 0.55 * static
