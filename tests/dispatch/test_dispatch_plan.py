"""Plans of random fleets: whole, lawful, cheapest, safe, and a function of the snapshot alone."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.fleets import LADDER, capacity, fleet, known, load
from tidegate.dispatch import Dispatcher, Plan, Policy, Snapshot, Topology, newest
from tidegate.dispatch.fallback import greedy
from tidegate.dispatch.pools import Paths
from tidegate.dispatch.topology import NO_SITE

seeds = st.integers(0, 10_000)


def whole(topology: Topology, snapshot: Snapshot, plan: Plan) -> None:
    """What holds of every plan."""
    assert np.isfinite(plan.weights).all()
    assert (plan.weights >= 0).all()
    assert plan.weights.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert plan.spare is not None
    assert plan.spare.sum(axis=1) == pytest.approx(1, abs=1e-5)
    alive = snapshot.up[topology.candidates] & (topology.candidates != NO_SITE)
    some = alive.any(axis=1)
    assert not plan.weights[some][~alive[some]].any()
    named = plan.backups[some]
    assert (snapshot.up[named] | (named == NO_SITE)).all()


@settings(max_examples=40, deadline=None)
@given(seeds, st.floats(0.05, 2.5), st.integers(0, 11))
def test_every_plan_is_whole_and_sends_nobody_to_the_dead(seed: int, use: float, dead: int) -> None:
    topology = fleet(seed)
    up = np.random.default_rng(seed).permutation(12) >= dead
    snapshot = known(topology, use, seed, up=up)
    plan = Dispatcher(topology).plan(snapshot)
    assert plan.source == "solved"
    whole(topology, snapshot, plan)
    assert plan.ladder_cap_kbps.min() >= LADDER[0]


@settings(max_examples=25, deadline=None)
@given(seeds, st.floats(0.1, 0.6))
def test_capacity_is_kept_and_the_loss_of_any_one_site_fits(seed: int, use: float) -> None:
    topology = fleet(seed, sites=16, places=8)
    snapshot = known(topology, use, seed)
    plan = Dispatcher(topology).plan(snapshot)
    most = capacity(topology)
    held = load(topology, plan.weights, snapshot.demand_mbps)
    if plan.overflow_mbps + plan.shed_mbps == 0:
        assert (held <= 0.95 * most + 1).all()
    if any("too little room" in reason for reason in plan.reasons) or plan.shed_mbps:
        return
    assert (held <= 0.95 * most + 1).all()
    for lost in range(len(topology.sites)):
        after = load(topology, after_loss(topology, plan, lost), snapshot.demand_mbps)
        others = np.arange(len(most)) != lost
        assert (after[others] <= 0.95 * most[others] * 1.002 + 5).all(), lost


def after_loss(topology: Topology, plan: Plan, lost: int) -> np.ndarray:  # type: ignore[type-arg]
    """Weights when those of a site that is lost have gone by `spare`."""
    assert plan.spare is not None
    gone = topology.candidates == lost
    refuge = np.where(gone, 0.0, plan.spare.astype(np.float64))
    total = refuge.sum(axis=1, keepdims=True)
    refuge = np.divide(refuge, total, out=np.zeros_like(refuge), where=total > 0)
    share = np.where(gone, plan.weights, 0.0).sum(axis=1, keepdims=True)
    return np.where(gone, 0.0, plan.weights) + share * refuge


def test_most_fleets_with_room_are_safe() -> None:
    safe = 0
    for seed in range(10):
        topology = fleet(seed, sites=16, places=8)
        plan = Dispatcher(topology).plan(known(topology, 0.4, seed))
        safe += not any("too little room" in reason for reason in plan.reasons)
    assert safe >= 7


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_it_costs_at_most_what_greed_would(seed: int) -> None:
    topology = fleet(seed, sites=16, places=8)
    rng = np.random.default_rng(seed)
    level = rng.uniform(0, 0.5, 16) * capacity(topology)
    snapshot = known(topology, 0.3, seed, level_mbps=level)
    policy = Policy(price_easy=0.0, price_reserve=0.0, price_freeze=0.0, price_rtt=0.0)
    plan = Dispatcher(topology, policy).plan(snapshot)
    paths, room = Paths.of(topology), policy.ceiling * capacity(topology)
    rooms = np.minimum(level, room), room, capacity(topology)
    weights = greedy(paths, snapshot.up, snapshot.demand_mbps, rooms)
    held = load(topology, weights, snapshot.demand_mbps)
    if (held > room + 1).any() or plan.shed_mbps or (topology.link >= 0)[weights > 0].any():
        return
    prices = np.array([contract.price for contract in topology.contracts])
    ours = load(topology, plan.weights, snapshot.demand_mbps)
    bill = [(prices * np.maximum(each - level, 0)).sum() for each in (ours, held)]
    assert bill[0] <= bill[1] * 1.001 + 10


def test_the_plan_follows_from_the_snapshot_alone() -> None:
    topology = fleet(3)
    warm, snapshot = Dispatcher(topology), known(topology, 0.5)
    rng = np.random.default_rng(0)
    for _ in range(6):
        plan = warm.plan(snapshot)
        assert np.abs(plan.weights - Dispatcher(topology).plan(snapshot).weights).max() < 1e-4
        demand = snapshot.demand_mbps * np.exp(rng.normal(0, 0.05, len(snapshot.demand_mbps)))
        snapshot = replace(
            snapshot, now=snapshot.now + 10, served=plan.weights, demand_mbps=demand, last=plan,
            reported_at=snapshot.reported_at + 10,
        )  # fmt: skip


def test_free_slots_and_sunk_levels_are_filled_before_anything_is_billed() -> None:
    topology = fleet(5, sites=16, places=8)
    free = np.arange(16) // 2 % 2 == 0
    snapshot = known(topology, 0.2, level_mbps=0.1 * capacity(topology), free=free)
    plan = Dispatcher(topology).plan(snapshot)
    held = load(topology, plan.weights, snapshot.demand_mbps)
    billed = np.maximum(held - snapshot.level_mbps, 0)[~free].sum()
    nearest = Dispatcher(topology).plan(replace(snapshot, free=~free & free))
    alone = load(topology, nearest.weights, snapshot.demand_mbps)
    assert billed < 0.3 * np.maximum(alone - snapshot.level_mbps, 0).sum()


def test_small_noise_moves_few_and_standing_still_is_free() -> None:
    topology = fleet(2, sites=16, places=8)
    dispatcher = Dispatcher(topology)
    snapshot = known(topology, 0.4)
    first = dispatcher.plan(snapshot)
    second = dispatcher.plan(replace(snapshot, served=first.weights, last=first))
    assert np.abs(second.weights - first.weights).max() < 0.01
    assert second.generation == first.generation + 1


def test_money_alone_moves_no_more_than_the_limit_at_a_time() -> None:
    topology = fleet(2, sites=16, places=8)
    policy = Policy(move_limit=0.05, price_reserve=0.0)
    snapshot = known(topology, 0.2)
    first = Dispatcher(topology, policy).plan(snapshot)
    free = load(topology, first.weights, snapshot.demand_mbps) < 0.05 * capacity(topology)
    snapshot = replace(snapshot, served=first.weights, last=first, free=free)

    def moved(plan: Plan) -> float:
        change = np.abs(plan.weights - first.weights).sum(axis=1) / 2
        return float((change * snapshot.demand_mbps).sum() / snapshot.demand_mbps.sum())

    assert moved(Dispatcher(topology, Policy(move_limit=1.0)).plan(snapshot)) > 0.1
    assert 0.03 < moved(Dispatcher(topology, policy).plan(snapshot)) < 0.051


def test_who_was_moved_a_moment_ago_is_left_alone() -> None:
    topology = fleet(2, sites=16, places=8)
    snapshot = known(topology, 0.3)
    dispatcher = Dispatcher(topology)
    first = dispatcher.plan(snapshot)
    assert first.moved_at is not None
    assert (first.moved_at < 0).all()
    up = np.arange(16) != int(load(topology, first.weights, snapshot.demand_mbps).argmax())
    second = dispatcher.plan(replace(snapshot, served=first.weights, last=first, up=up))
    changed = np.abs(second.weights - first.weights).sum(axis=1) > 0.02
    assert second.moved_at is not None
    assert (second.moved_at[changed] == snapshot.now).all()
    assert (second.moved_at[~changed] < 0).all()


def test_a_dead_site_shortens_the_ttl_of_its_viewers_alone() -> None:
    topology = fleet(2, sites=16, places=8)
    dispatcher, snapshot = Dispatcher(topology), known(topology, 0.4)
    first = dispatcher.plan(snapshot)
    up = np.arange(16) != int(topology.candidates[0][first.weights[0].argmax()])
    plan = dispatcher.plan(replace(snapshot, served=first.weights, last=first, up=up))
    there = (first.weights * ~up[topology.candidates]).sum(axis=1) > 0.01
    assert (plan.ttl_s[there] == 10).all()
    assert (plan.ttl_s[~there] == 60).all()
    assert there.any()
    assert not there.all()


def test_too_much_demand_is_shed_by_the_ladder_first_and_told() -> None:
    topology = fleet(1)
    snapshot = known(topology, 1.3)
    plan = Dispatcher(topology).plan(snapshot)
    capped = np.isfinite(plan.ladder_cap_kbps)
    assert capped.any()
    assert set(plan.ladder_cap_kbps[capped].tolist()) <= set(LADDER)
    most = np.minimum(snapshot.demand_mbps, snapshot.viewers * plan.ladder_cap_kbps / 1000)
    held = load(topology, plan.weights, most)
    assert (held <= 0.951 * capacity(topology) + 2).all()
    assert plan.shed_mbps >= snapshot.demand_mbps.sum() - 0.95 * capacity(topology).sum() - 1
    assert "more than sites hold" in plan.reasons[0]


def test_what_no_rendition_can_mend_is_overflow() -> None:
    topology = fleet(1)
    snapshot = known(topology, 9.0)
    plan = Dispatcher(topology).plan(snapshot)
    assert plan.ladder_cap_kbps.max() == LADDER[0]
    lowest = (snapshot.viewers * LADDER[0] / 1000).sum()
    assert plan.overflow_mbps == pytest.approx(lowest - 0.95 * capacity(topology).sum(), rel=0.02)


def test_a_single_rendition_cannot_be_shed() -> None:
    topology = fleet(1)
    plan = Dispatcher(topology).plan(known(topology, 1.5, ladder_kbps=(800.0,)))
    assert np.isinf(plan.ladder_cap_kbps).all()
    assert plan.overflow_mbps > 0


def test_where_the_dual_simplex_ends_unsure_the_primal_is_asked() -> None:
    topology = fleet(1681)
    assert Dispatcher(topology).plan(known(topology, 1.125, 1681)).source == "solved"


def test_without_a_solver_the_last_plan_stands_with_the_dead_left_out() -> None:
    topology = fleet(4)
    first = Dispatcher(topology).plan(known(topology, 0.4))
    up = np.arange(12) != int(topology.candidates[0][first.weights[0].argmax()])
    hasty = Dispatcher(topology, Policy(solver_s=0.0))
    snapshot = known(topology, 0.4, up=up, served=first.weights, last=first)
    plan = hasty.plan(snapshot)
    assert plan.source == "last"
    whole(topology, snapshot, plan)
    kept = (up[topology.candidates] | (first.weights == 0)).all(axis=1)
    assert np.abs(plan.weights - first.weights)[kept].max() < 1e-3
    assert "solver" in plan.reasons[0]


def test_without_a_solver_and_a_last_plan_it_is_greedy_or_else_the_nearest() -> None:
    topology = fleet(4)
    hasty = Dispatcher(topology, Policy(solver_s=0.0))
    plan = hasty.plan(known(topology, 0.4))
    assert plan.source == "greedy"
    assert (load(topology, plan.weights, known(topology, 0.4).demand_mbps)
            <= capacity(topology) + 1).all()  # fmt: skip
    blind = known(topology, 0.4, demand_mbps=np.zeros(16), viewers=np.zeros(16))
    assert hasty.plan(blind).source == "nearest"


def test_a_plan_that_is_not_newer_is_refused() -> None:
    topology = fleet(4)
    first = Dispatcher(topology).plan(known(topology, 0.4))
    second = Dispatcher(topology).plan(known(topology, 0.4, last=first))
    assert newest(None, first) is first
    assert newest(first, second) is second
    assert newest(second, first) is second
    restarted = Dispatcher(topology).plan(known(topology, 0.4, now=101.0))
    assert newest(second, restarted) is restarted


def test_a_path_that_freezes_is_left() -> None:
    topology = fleet(7, sites=16, places=8)
    dispatcher, snapshot = Dispatcher(topology), known(topology, 0.3)
    first = dispatcher.plan(snapshot)
    watched = first.weights.astype(np.float64) * snapshot.viewers[:, None] * 30
    bad = int(load(topology, first.weights, snapshot.demand_mbps).argmax())
    frozen = watched * np.where(topology.candidates == bad, 0.05, 0.002)
    snapshot = replace(snapshot, served=first.weights, last=first)
    plan = dispatcher.plan(replace(snapshot, frozen_s=frozen, watched_s=watched))
    held = [load(topology, each.weights, snapshot.demand_mbps)[bad] for each in (first, plan)]
    assert held[1] < 0.5 * held[0]


def test_who_freezes_on_his_own_line_is_moved_last() -> None:
    topology = fleet(2, sites=16, places=8)
    access = np.array([group.access for group in topology.groups])
    snapshot = known(topology, 0.3)
    first = Dispatcher(topology).plan(snapshot)
    watched = first.weights.astype(np.float64) * 36_000
    snapshot = replace(snapshot, served=first.weights, last=first, free=np.arange(16) % 4 == 0)

    def moved(frozen: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """[2], Mbit/s of each access, where each group's lines freeze so much."""
        told = replace(snapshot, frozen_s=watched * frozen[:, None], watched_s=watched)
        plan = Dispatcher(topology, Policy(move_limit=0.1)).plan(told)
        share = np.abs(plan.weights - first.weights).sum(axis=1) / 2
        return np.bincount(access, share * snapshot.demand_mbps)

    one, other = (moved(np.where(access == frail, 0.06, 0.0002)) for frail in (0, 1))
    assert one[0] < 0.75 * other[0]
    assert other[1] < 0.75 * one[1]
    assert one.sum() > 0.7 * other.sum() > 0.0


def test_a_flat_contract_carries_no_more_than_its_commit() -> None:
    topology = fleet(8, sites=16, places=8)
    flat = replace(
        topology,
        contracts=tuple(type(each)(each.name, "flat", 5.0, 1000.0) if at // 2 % 2 else each
                        for at, each in enumerate(topology.contracts)),
    )  # fmt: skip
    snapshot = known(flat, 0.2)
    held = load(flat, Dispatcher(flat).plan(snapshot).weights, snapshot.demand_mbps)
    assert (held[np.arange(16) // 2 % 2 == 1] <= 1001).all()
