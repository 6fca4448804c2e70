"""Telemetry that is late, lost or a lie: bounded, with words, and a plan all the same."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.fleets import capacity, fleet, known
from tidegate.dispatch import Dispatcher, Policy, Snapshot, SnapshotError, checked

TOPOLOGY = fleet(1)
POLICY = Policy()


def said(**wrong: Any) -> tuple[Snapshot, str]:
    snapshot, words = checked(known(TOPOLOGY, 0.4, **wrong), TOPOLOGY, POLICY)
    return snapshot, "; ".join(words)


def changed(name: str, at: int, value: float) -> dict[str, Any]:
    array = np.array(getattr(known(TOPOLOGY, 0.4), name), copy=True)
    array.flat[at] = value
    return {name: array}


def test_what_is_right_is_left_as_it_is() -> None:
    snapshot, words = said()
    assert words == ""
    assert (snapshot.capacity_mbps == capacity(TOPOLOGY)).all()
    assert np.allclose(snapshot.demand_mbps, known(TOPOLOGY, 0.4).demand_mbps)


ARRAYS = ("demand_mbps", "viewers", "served", "capacity_mbps", "load_mbps", "frozen_s",
          "watched_s", "reported_at", "level_mbps")  # fmt: skip
BAD = (float("nan"), float("inf"), -float("inf"), -1.0, 1e30, -1e30, 1e-320)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(ARRAYS), st.tuples(st.sampled_from(BAD), st.floats(0, 1))))
def test_whatever_comes_in_a_plan_comes_out(lies: dict[str, tuple[float, float]]) -> None:
    wrong, rng = {}, np.random.default_rng(1)
    for name, (value, share) in lies.items():
        array = np.array(getattr(known(TOPOLOGY, 0.4), name), np.float64)
        array[rng.uniform(size=array.shape) <= share] = value
        wrong[name] = array
    with np.errstate(all="raise", under="ignore"):
        plan = Dispatcher(TOPOLOGY).plan(known(TOPOLOGY, 0.4, **wrong))
    assert np.isfinite(plan.weights).all()
    assert plan.weights.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.isfinite(plan.overflow_mbps)


def test_demand_that_is_no_number_is_taken_from_the_viewers() -> None:
    snapshot, words = said(**changed("demand_mbps", 3, float("nan")))
    groups = len(TOPOLOGY.groups)
    told = f"groups' demands are no numbers: taken from their viewers (1 of {groups})"
    assert told in words
    assert snapshot.demand_mbps[3] == pytest.approx(known(TOPOLOGY, 0.4).demand_mbps[3], rel=1e-6)


def test_demand_beyond_what_viewers_can_take_is_cut() -> None:
    snapshot, words = said(**changed("demand_mbps", 3, 1e9))
    assert "more than their viewers can take" in words
    assert snapshot.demand_mbps[3] == pytest.approx(1.2 * snapshot.viewers[3])


def test_a_site_cannot_hold_more_than_was_built() -> None:
    snapshot, words = said(**changed("capacity_mbps", 2, 1e9))
    assert snapshot.capacity_mbps[2] == capacity(TOPOLOGY)[2]
    assert "sites' capacities are more than can be: taken as the most (1 of 12)" in words


def test_more_frozen_than_watched_cannot_be() -> None:
    watched = np.full(TOPOLOGY.candidates.shape, 10.0)
    snapshot, words = said(watched_s=watched, frozen_s=watched * 3)
    assert (snapshot.frozen_s == watched).all()
    assert "seconds frozen are more than can be" in words


def test_a_site_unheard_of_is_trusted_less_and_less() -> None:
    shares = []
    for age in (0, 15, 60, 120, 1e6):
        snapshot, _ = said(**changed("reported_at", 4, 100.0 - age))
        shares.append(snapshot.capacity_mbps[4] / capacity(TOPOLOGY)[4])
    assert shares[:2] == [1, 1]
    assert 0.5 < shares[2] < 1
    assert shares[3:] == [0.5, 0.5]


def test_when_most_are_unheard_of_the_ear_is_at_fault() -> None:
    snapshot, words = said(reported_at=np.full(12, -1e6))
    assert (snapshot.capacity_mbps == capacity(TOPOLOGY)).all()
    assert "more than half" in words


def test_a_clock_that_is_ahead_is_told_and_counts_as_now() -> None:
    snapshot, words = said(**changed("reported_at", 4, 5000.0))
    told = "sites' clocks are ahead of ours: their figures are taken as of now (1 of 12)"
    assert told in words
    assert (snapshot.capacity_mbps == capacity(TOPOLOGY)).all()


def test_shares_are_made_whole() -> None:
    served = np.full(TOPOLOGY.candidates.shape, 3.0)
    served[0] = np.nan
    served[1] = 0
    snapshot, words = said(served=served)
    assert "shares are no shares" in words
    assert snapshot.served.sum(axis=1)[2:] == pytest.approx(1)
    assert not snapshot.served[:2].any()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"demand_mbps": np.zeros(3)}, r"snapshot.demand_mbps has shape \(3,\).* needs \(16,\)"),
        ({"served": np.zeros((16, 2))}, "snapshot.served has shape"),
        ({"up": np.ones(5, bool)}, "snapshot.up has shape"),
        ({"free": np.ones(5, bool)}, "snapshot.free has shape"),
        ({"ladder_kbps": ()}, "snapshot.ladder_kbps is .* ascending"),
        ({"ladder_kbps": (400.0, 200.0)}, "ascending"),
        ({"ladder_kbps": (0.0, 200.0)}, "ascending"),
        ({"ladder_kbps": (200.0, float("inf"))}, "ascending"),
        ({"now": float("nan")}, "snapshot.now is nan"),
    ],
)
def test_another_topologys_arrays_are_refused(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(SnapshotError, match=named):
        said(**wrong)
