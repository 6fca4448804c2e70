"""A month told sample by sample ends with the bill of its samples, and never counts back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.usage import Contract, Ledger, of_rates

SLOTS = 288
rules = st.sampled_from(["monthly_95", "fourth_peak"])


def noisy(seed: int, days: int) -> np.ndarray:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    return rng.gamma(2.0, 50.0, days * SLOTS) * np.repeat(rng.uniform(0.5, 2.0, days), SLOTS)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.integers(1, 5), rules)
def test_at_the_end_the_level_is_the_bill(seed: int, days: int, rule: str) -> None:
    terms = Contract("a", rule, overhead=1.1)  # type: ignore[arg-type]
    ledger, samples, level = Ledger(terms, days), noisy(seed, days), 0.0
    for sample in samples.tolist():
        ledger.add(sample)
        assert ledger.level_mbps >= level
        level = ledger.level_mbps
    assert level == pytest.approx(of_rates(terms, samples).billed)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(50, 400))
def test_free_slots_are_what_may_still_lie_above(seed: int, level: float) -> None:
    ledger, samples = Ledger(Contract("a"), 4), noisy(seed, 4)
    half = len(samples) // 2
    for sample in samples[:half].tolist():
        ledger.add(sample)
    left = ledger.free_slots_left(level)
    above = int((samples[:half] > level * 1.001).sum())
    assert left == max(0, 4 * SLOTS // 20 - above)
    rest = np.where(np.arange(half) < left, 1e6, level)
    for sample in rest.tolist():
        ledger.add(sample)
    if left:
        assert ledger.level_mbps <= level * 1.001


def test_todays_peak_is_paid_and_tomorrow_begins_anew() -> None:
    ledger = Ledger(Contract("a", "average_daily_peak"), 2)
    ledger.add(70.0)
    assert ledger.level_mbps == 70.0
    for _ in range(SLOTS - 1):
        ledger.add(10.0)
    assert ledger.level_mbps == 0.0
    assert ledger.free_slots_left(5.0) == 0


def test_three_days_may_lie_above_the_fourth_peak() -> None:
    ledger = Ledger(Contract("a", "fourth_peak"), 6)
    for day in range(3):
        assert ledger.free_slots_left(10.0) == SLOTS
        ledger.add(100.0)
        assert ledger.free_slots_left(10.0) == SLOTS - 1, day
        for _ in range(SLOTS - 1):
            ledger.add(1.0)
    assert ledger.free_slots_left(10.0) == 0
    assert ledger.level_mbps == 0.0
    ledger.add(20.0)
    assert ledger.level_mbps == 20.0


def test_volume_is_counted_and_commit_is_the_least_level() -> None:
    ledger = Ledger(Contract("a", "volume", overhead=1.1), 1)
    ledger.add(80.0)
    assert ledger.volume_gb == pytest.approx(80 * 1.1 * 300 / 8000)
    assert ledger.level_mbps == 0.0
    assert Ledger(Contract("a", commit_mbps=50.0), 30).level_mbps == 50.0


def test_a_full_month_and_no_rates_are_refused() -> None:
    ledger = Ledger(Contract("a"), 1)
    for bad in (float("nan"), float("inf"), -1.0):
        with pytest.raises(ValueError, match="no rate"):
            ledger.add(bad)
    for _ in range(SLOTS):
        ledger.add(1.0)
    with pytest.raises(ValueError, match="is full"):
        ledger.add(1.0)
