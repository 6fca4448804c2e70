"""A plan that will still do stays; what a new one would save is never underestimated."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.fleets import LADDER, capacity, fleet, known, load
from tidegate.dispatch import Dispatcher, Plan, Policy, Snapshot, Topology
from tidegate.dispatch.check import checked
from tidegate.dispatch.hold import Held
from tidegate.dispatch.model import Figures, Model
from tidegate.dispatch.moment import Rules
from tidegate.dispatch.pools import Paths

seeds = st.integers(0, 10_000)
POLICY = Policy()


def figures_of(paths: Paths, snapshot: Snapshot) -> Figures:
    return Rules(paths, POLICY).figures(checked(snapshot, paths.topology, POLICY)[0])


def later(topology: Topology, snapshot: Snapshot, seed: int, noise: float) -> Snapshot:
    """The same fleet with other crowds, other freezes and other levels."""
    rng = np.random.default_rng(seed + 1)
    crowd = np.exp(rng.normal(0.0, noise, len(snapshot.demand_mbps)))
    watched = snapshot.served * snapshot.viewers[:, None] * 30.0
    return replace(
        snapshot,
        demand_mbps=snapshot.demand_mbps * crowd,
        viewers=snapshot.viewers * crowd,
        watched_s=watched,
        frozen_s=watched * rng.choice([0.001, 0.02], watched.shape, p=[0.95, 0.05]),
        free=rng.random(len(snapshot.free)) < 0.5,
        level_mbps=rng.uniform(0.0, 0.5) * capacity(topology),
    )


@settings(max_examples=40, deadline=None)
@given(seeds, st.floats(0.05, 1.2), st.sampled_from([0.0, 0.01, 0.1, 1.0]))
def test_no_solution_saves_more_than_is_said(seed: int, use: float, noise: float) -> None:
    topology = fleet(seed)
    paths = Paths.of(topology)
    model = Model(paths, len(LADDER), POLICY)
    first = known(topology, use, seed)
    before = model.solve(figures_of(paths, first))
    figures = figures_of(paths, later(topology, first, seed, noise))
    after = Model(paths, len(LADDER), POLICY).solve(figures)
    best = Held(after.flow, np.zeros(len(after.flow), np.bool_), before.prices)
    if after.shed.sum() < 1e-9 and after.rise.sum() < 1e-9:
        assert model.saving(figures, best) >= -1e-6 * max(1.0, abs(after.cost))
        own = Held(after.flow, best.arrived, after.prices)
        assert model.saving(figures, own) == pytest.approx(0.0, abs=1e-4 * max(1.0, after.cost))


def calm(topology: Topology, use: float) -> tuple[Dispatcher, Snapshot, Plan]:
    """A fleet whose plan everybody has followed long ago."""
    every = np.ones(len(topology.contracts), np.bool_)
    dispatcher, snapshot = Dispatcher(topology), known(topology, use, free=every)
    plan = dispatcher.plan(snapshot)
    snapshot = replace(
        snapshot, now=snapshot.now + 300, served=plan.weights, last=plan,
        reported_at=snapshot.reported_at + 300,
        load_mbps=load(topology, plan.weights, snapshot.demand_mbps),
    )  # fmt: skip
    plan = dispatcher.plan(snapshot)
    return dispatcher, replace(snapshot, last=plan), plan


def test_where_nothing_changes_the_plan_is_the_very_same() -> None:
    dispatcher, snapshot, plan = calm(fleet(2, sites=16, places=8), 0.3)
    assert dispatcher.plan(snapshot) is plan
    assert dispatcher.plan(replace(snapshot, demand_mbps=1.002 * snapshot.demand_mbps)) is plan


def test_another_dispatcher_says_the_same_of_the_same_snapshot() -> None:
    topology = fleet(2, sites=16, places=8)
    _, snapshot, plan = calm(topology, 0.3)
    assert Dispatcher(topology).plan(snapshot) is plan


def test_what_matters_makes_a_new_plan() -> None:
    topology = fleet(2, sites=16, places=8)
    dispatcher, snapshot, plan = calm(topology, 0.3)
    busiest = int(load(topology, plan.weights, snapshot.demand_mbps).argmax())
    for news in (
        {"up": np.arange(16) != busiest},
        {"capacity_mbps": np.where(np.arange(16) == busiest, 0.2, 1.0) * capacity(topology)},
        {"demand_mbps": 2.5 * snapshot.demand_mbps, "viewers": 2.5 * snapshot.viewers},
        {"free": np.zeros(16, np.bool_)},
    ):
        changed = dispatcher.plan(replace(snapshot, **news))
        assert changed.generation > plan.generation, news
        assert changed.prices is not plan.prices, news


def test_no_plan_stands_that_would_send_on_to_the_dead() -> None:
    topology = fleet(2, sites=16, places=8)
    dispatcher, snapshot, plan = calm(topology, 0.2)
    dead = int(load(topology, plan.weights, snapshot.demand_mbps).argmin())
    there = topology.candidates == dead
    assert there.any()
    assert not plan.weights[there].any()
    up = np.arange(16) != dead
    safe = dispatcher.plan(replace(snapshot, up=up))
    assert safe.spare is not None
    assert not safe.spare[there].any()
    few = np.where(there, 0.05, safe.spare).astype(np.float32)
    lame = replace(plan, spare=few / few.sum(axis=1, keepdims=True))
    after = dispatcher.plan(replace(snapshot, up=up, last=lame))
    assert after.spare is not None
    assert not after.spare[there].any()
    assert not np.isin(after.backups, dead).any()


def test_a_bill_is_not_raised_for_standing_still() -> None:
    topology = fleet(2, sites=16, places=8)
    _, snapshot, plan = calm(topology, 0.3)
    held = load(topology, plan.weights, snapshot.demand_mbps)
    none = np.zeros(len(snapshot.free), np.bool_)
    level = 1.25 * np.bincount([s.domain for s in topology.sites], held, len(none))
    dispatcher = Dispatcher(topology)
    paid = replace(snapshot, free=none, level_mbps=level)
    paid = replace(paid, last=dispatcher.plan(paid))
    plan = dispatcher.plan(paid)
    assert plan is paid.last
    short = dispatcher.plan(replace(paid, level_mbps=0.85 * level / 1.25))
    assert short.prices is not plan.prices


def test_an_alarm_changes_when_to_ask_and_nobodys_site() -> None:
    topology = fleet(2, sites=16, places=8)
    dispatcher, snapshot, plan = calm(topology, 0.3)
    busiest = int(load(topology, plan.weights, snapshot.demand_mbps).argmax())
    hot = np.where(np.arange(16) == busiest, 0.9 * capacity(topology), snapshot.load_mbps)
    alarmed = dispatcher.plan(replace(snapshot, load_mbps=hot))
    there = (plan.weights * (topology.candidates == busiest)).sum(axis=1) > 0.01
    assert (alarmed.ttl_s[there] == POLICY.alarm_ttl_s).all()
    assert alarmed.generation == plan.generation + 1
    assert alarmed.weights is plan.weights


def test_what_was_repaired_is_told_though_the_plan_stands() -> None:
    dispatcher, snapshot, plan = calm(fleet(2, sites=16, places=8), 0.3)
    told = dispatcher.plan(replace(snapshot, load_mbps=-snapshot.load_mbps))
    assert told.weights is plan.weights
    assert any("loads are negative" in reason for reason in told.reasons)
