"""Sentences name the site, the people and the cause, with the figures of the plan."""

from dataclasses import replace

import numpy as np

from support.fleets import capacity, fleet, known, load
from tidegate.dispatch import Dispatcher, Policy
from tidegate.dispatch.reasons import _clock, _listed

TOPOLOGY = fleet(2, sites=16, places=8)


def test_a_site_that_is_down_names_where_its_viewers_go() -> None:
    dispatcher, snapshot = Dispatcher(TOPOLOGY), known(TOPOLOGY, 0.3)
    first = dispatcher.plan(snapshot)
    dead = int(load(TOPOLOGY, first.weights, snapshot.viewers).argmax())
    lost = load(TOPOLOGY, first.weights, snapshot.viewers)[dead]
    up = np.arange(16) != dead
    plan = dispatcher.plan(replace(snapshot, served=first.weights, last=first, up=up))
    told = next(reason for reason in plan.reasons if "is down" in reason)
    assert told.startswith(f"site site-{dead} is down: ")
    count = float(told.split(": ")[1].split(" ")[0].replace(",", ""))
    assert abs(count - lost) < 0.02 * lost
    assert " to site-" in told


def test_a_free_slot_is_named_with_its_end() -> None:
    policy = Policy(price_reserve=0.0)
    dispatcher, snapshot = Dispatcher(TOPOLOGY, policy), known(TOPOLOGY, 0.15)
    first = dispatcher.plan(snapshot)
    held = load(TOPOLOGY, first.weights, snapshot.demand_mbps)
    free = held < 0.05 * capacity(TOPOLOGY)
    later = replace(snapshot, now=43_300.0, reported_at=np.full(16, 43_300.0), free=free)
    plan = dispatcher.plan(replace(later, served=first.weights, last=first))
    assert any("free slot until 20:05" in reason for reason in plan.reasons)
    assert any(reason.startswith("moved ") and "% of region-" in reason for reason in plan.reasons)


def test_standing_still_needs_no_reason() -> None:
    dispatcher, snapshot = Dispatcher(TOPOLOGY), known(TOPOLOGY, 0.3)
    first = dispatcher.plan(snapshot)
    again = dispatcher.plan(replace(snapshot, served=first.weights, last=first))
    assert not any("moved" in reason or "down" in reason for reason in again.reasons)


def test_repairs_of_telemetry_are_told() -> None:
    plan = Dispatcher(TOPOLOGY).plan(known(TOPOLOGY, 0.3, load_mbps=np.full(16, np.nan)))
    assert "sites' loads are no numbers: taken as 0 (16 of 16)" in plan.reasons


def test_clock_and_lists() -> None:
    assert _clock(0.0, 0.0) == "00:05"
    assert _clock(86_399.0, 0.0) == "00:00"
    assert _clock(299.0, 28_800.0) == "08:05"
    assert _listed([]) == "no other"
    assert _listed(["a"]) == "a"
    assert _listed(["a", "b"]) == "a and b"
    assert _listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
