"""The estimator: blind to what lines cause, quiet in noise, and quick where a path is bad."""

import numpy as np
import numpy.typing as npt
import pytest

from support.fleets import fleet
from tidegate.dispatch import Topology, freeze
from tidegate.dispatch.topology import NO_LINK

TOPOLOGY = fleet(1)
SHAPE = TOPOLOGY.candidates.shape
LINES = np.random.default_rng(5).uniform(0.001, 0.006, (SHAPE[0], 1))
"""Freezes that each group's own lines cause."""


def reported(rate: np.ndarray, watched: np.ndarray, seed: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    """Stalls of 3 s on average, as chance has it."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(np.maximum(rate, 0) * watched / 3.0)
    return np.minimum(rng.gamma(np.maximum(counts, 1e-9), 3.0) * (counts > 0), watched)


def held(rate: np.ndarray, watched: np.ndarray) -> freeze.Estimates:  # type: ignore[type-arg]
    estimates = None
    for step in range(12):
        frozen = reported(rate, watched, step)
        estimates = freeze.update(estimates, 10.0 * step, frozen, watched)
    assert estimates is not None
    return estimates


def charged(topology: Topology, estimates: freeze.Estimates) -> npt.NDArray[np.float64]:
    return freeze.charge(topology, estimates, freeze.floor(topology, estimates))


WATCHED = np.full(SHAPE, 20_000.0)
DIRECT = TOPOLOGY.loss == 0


def test_noise_alone_charges_less_than_a_tenth_of_the_budget() -> None:
    charge = charged(TOPOLOGY, held(np.broadcast_to(LINES, SHAPE), WATCHED))
    assert charge[DIRECT].mean() < 0.1 * 0.0005


def test_a_bad_site_is_charged_what_it_adds() -> None:
    bad = TOPOLOGY.candidates == TOPOLOGY.candidates[0, 0]
    charge = charged(TOPOLOGY, held(LINES + 0.01 * bad, WATCHED))
    assert 0.006 < charge[bad].mean() < 0.0115
    assert charge[DIRECT & ~bad].mean() < 0.0002


def test_a_bad_path_is_charged_and_its_site_is_not() -> None:
    bad = np.zeros(SHAPE, bool)
    bad[3, 1] = True
    charge = charged(TOPOLOGY, held(LINES + 0.02 * bad, WATCHED))
    assert charge[3, 1] > 0.008
    same = (TOPOLOGY.candidates == TOPOLOGY.candidates[3, 1]) & ~bad
    assert charge[same & DIRECT].mean() < 0.002


def test_a_path_that_nobody_uses_has_its_sites_figure_and_its_own_loss() -> None:
    bad = TOPOLOGY.candidates == TOPOLOGY.candidates[0, 0]
    watched = WATCHED.copy()
    watched[0, 0] = 0
    charge = charged(TOPOLOGY, held(LINES + 0.01 * bad, watched))
    assert charge[0, 0] > 0.005
    nothing = charged(TOPOLOGY, held(LINES, 0 * watched))
    assert nothing == pytest.approx(TOPOLOGY.loss)


def test_a_few_viewers_prove_nothing() -> None:
    few = np.full(SHAPE, 30.0)
    frozen = np.zeros(SHAPE)
    frozen[0, 0] = 6.0
    charge = charged(TOPOLOGY, freeze.update(None, 0.0, frozen, few))
    assert charge[0, 0] <= TOPOLOGY.loss[0, 0] + 1e-9


def test_what_a_peering_does_to_an_access_is_told_by_all_of_its_paths() -> None:
    topology = fleet(1, places=12)
    access = np.array([group.access for group in topology.groups])[:, None]
    across = topology.link != NO_LINK
    bad, same = across & (access == 0), across & (access == 1)
    few = np.full(across.shape, 500.0)
    charge = charged(topology, held(np.where(bad, 0.03, 0.001), few))
    assert charge[bad].mean() > 0.008
    assert charge[same].mean() < 0.003
    assert charge[~across].mean() < 0.001


def test_a_few_viewers_of_a_bad_access_are_told_from_those_of_a_bad_site() -> None:
    access = np.array([group.access for group in TOPOLOGY.groups])[:, None]
    lines = np.where(access == 1, 0.06, 0.0002)
    few = np.broadcast_to(np.where(access == 1, 50.0, 5000.0), SHAPE)
    estimates = held(np.broadcast_to(lines, SHAPE), few)
    assert freeze.floor(TOPOLOGY, estimates)[access[:, 0] == 1].min() > 0.04
    assert charged(TOPOLOGY, estimates)[DIRECT].mean() < 0.0003


def test_half_is_forgotten_in_a_minute_and_overlap_is_counted_once() -> None:
    one = freeze.update(None, 0.0, WATCHED * 0.01, WATCHED)
    later = freeze.update(one, 60.0, 0 * WATCHED, 0 * WATCHED)
    assert later.frozen_s == pytest.approx(one.frozen_s / 2)
    again = freeze.update(one, 0.0, WATCHED * 0.01, WATCHED)
    assert again.watched_s == pytest.approx(one.watched_s)
    back = freeze.update(one, -50.0, WATCHED * 0.01, WATCHED)
    assert back.watched_s == pytest.approx(one.watched_s)


def test_who_says_all_is_frozen_is_believed_to_a_quarter() -> None:
    assert freeze.update(None, 0.0, WATCHED, WATCHED).frozen_s == pytest.approx(0.25 * WATCHED)


def test_another_topology_begins_anew() -> None:
    one = freeze.update(None, 0.0, np.zeros((2, 2)), np.ones((2, 2)))
    assert freeze.update(one, 1.0, 0 * WATCHED, WATCHED).watched_s.shape == SHAPE
