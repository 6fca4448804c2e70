"""Every fuzz target holds its invariant for its seeds, cut short anywhere, and for every find."""

import importlib

import pytest

from bench._fuzz_targets import TARGETS, finds, seeds

CUTS = 200
"""Places a seed is cut at: all of a short one's, evenly spread over a long one's."""


@pytest.mark.parametrize("target", TARGETS)
def test_target_says_its_invariant_and_has_seeds(target: str) -> None:
    module = importlib.import_module(f"fuzz.{target}")
    assert module.__doc__
    assert module.SEEDS


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_hold_whole_and_cut_short(target: str) -> None:
    one = importlib.import_module(f"fuzz.{target}").one
    for seed in seeds(target):
        for length in {*range(0, len(seed), len(seed) // CUTS + 1), len(seed)}:
            one(seed[:length])


@pytest.mark.parametrize("target", TARGETS)
def test_finds_stay_mended(target: str) -> None:
    one = importlib.import_module(f"fuzz.{target}").one
    for path in finds(target):
        one(path.read_bytes())
