"""Bills against the rules done by hand: sort, drop, take; and exact where samples are bytes."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.usage import Contract, SampleError, of_bytes, of_rates

SLOTS = 288


def month(seed: int, days: int) -> np.ndarray:  # type: ignore[type-arg]
    """Whole Mbit/s, some days without traffic, many equal samples."""
    rng = np.random.default_rng(seed)
    samples = rng.integers(0, 50, (days, SLOTS)) * rng.integers(0, 3, (days, 1))
    return samples.reshape(-1)


def freed(index: str, samples: int) -> int:
    """5 %, by the rule's name, by counting."""
    share = Fraction(samples, 20)
    whole = samples // 20
    if index == "ceil" and share > whole:
        return whole + 1
    if index == "round" and share - whole >= Fraction(1, 2):
        return whole + 1
    return whole


@given(st.integers(0, 99), st.integers(1, 31), st.sampled_from(["floor", "round", "ceil"]))
def test_monthly_95_is_the_first_sample_that_is_not_freed(seed: int, days: int, index: str) -> None:
    samples = month(seed, days)
    terms = Contract("a", index=index, price=2.0)  # type: ignore[arg-type]
    left = sorted(samples.tolist(), reverse=True)[freed(index, len(samples)) :]
    bill = of_rates(terms, samples)
    assert bill.billed == left[0]
    assert bill.yuan == pytest.approx(2.0 * left[0])


def test_the_index_rule_shows_where_five_percent_is_no_whole_number() -> None:
    samples = np.arange(31 * SLOTS, dtype=np.float64)
    billed = {
        index: of_rates(Contract("a", index=index), samples).billed  # type: ignore[arg-type]
        for index in ("floor", "round", "ceil")
    }
    assert billed == {"floor": 8927 - 446, "round": 8927 - 446, "ceil": 8927 - 447}


@given(st.integers(0, 99), st.integers(1, 31))
def test_valid_days_alone_are_sorted_and_paid(seed: int, days: int) -> None:
    samples = month(seed, days)
    held = [day for day in samples.reshape(-1, SLOTS) if day.any()]
    bill = of_rates(Contract("a", valid_days=True, price=3.0), samples)
    if not held:
        assert bill.yuan == 0
        return
    left = sorted(np.concatenate(held).tolist(), reverse=True)[len(held) * SLOTS // 20 :]
    assert bill.billed == pytest.approx(left[0] * len(held) / days)


@given(st.integers(0, 99), st.integers(1, 31))
def test_daily_peaks(seed: int, days: int) -> None:
    samples = month(seed, days)
    peaks = sorted((max(day) for day in samples.reshape(-1, SLOTS).tolist()), reverse=True)
    average = of_rates(Contract("a", "average_daily_peak"), samples).billed
    assert average == pytest.approx(sum(peaks) / days)
    fourth = of_rates(Contract("a", "fourth_peak"), samples).billed
    assert fourth == (peaks[3] if days > 3 else 0)


def test_volume_flat_commit_and_overhead() -> None:
    samples = np.full(SLOTS, 80.0)
    volume = of_rates(Contract("a", "volume", price=0.2), samples)
    assert volume.billed == pytest.approx(80e6 / 8 * 86_400 / 1e9)
    assert volume.yuan == pytest.approx(0.2 * volume.billed)
    flat = of_rates(Contract("a", "flat", price=5.0, commit_mbps=60.0), samples)
    assert (flat.billed, flat.yuan, flat.over_mbps) == (60.0, 300.0, 20.0)
    assert of_rates(Contract("a", commit_mbps=100.0), samples).billed == 100.0
    assert of_rates(Contract("a", overhead=1.1), samples).billed == pytest.approx(88.0)


@settings(max_examples=50)
@given(
    st.integers(0, 99), st.integers(4, 31), st.sampled_from([1.0, 1.1]),
    st.sampled_from(["monthly_95", "average_daily_peak", "fourth_peak", "volume"]),
)  # fmt: skip
def test_bytes_give_the_bill_of_their_rates(
    seed: int, days: int, overhead: float, rule: str
) -> None:
    counted = month(seed, days).astype(np.int64) * 37_500_000
    terms = Contract("a", rule, overhead=overhead)  # type: ignore[arg-type]
    exact, near = of_bytes(terms, counted), of_rates(terms, counted * 8 / 300 / 1e6)
    assert exact.billed == pytest.approx(near.billed)
    assert exact.yuan == pytest.approx(near.yuan)


def test_bytes_are_summed_exactly_however_many() -> None:
    counted = np.full(31 * SLOTS, 2**52 + 1, np.int64)
    bill = of_bytes(Contract("a", "volume", price=1.0), counted)
    assert bill.billed == float(Fraction(31 * SLOTS * (2**52 + 1), 10**9))


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.zeros(287), "no whole days; give 288 a day"),
        (np.zeros(32 * SLOTS), "more than 31 days"),
        (np.zeros((2, SLOTS)), "no whole days"),
        (np.where(np.arange(SLOTS) == 7, -1.0, 0.0), "sample 7 is negative"),
        (np.where(np.arange(SLOTS) == 9, np.nan, 0.0), "sample 9 is no number"),
        (np.where(np.arange(SLOTS) == 9, np.inf, 0.0), "sample 9 is no number"),
    ],
)
def test_samples_of_no_month_are_refused(samples: np.ndarray, said: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(SampleError, match=said):
        of_rates(Contract("a"), samples)


def test_bytes_that_are_no_whole_numbers_are_refused() -> None:
    with pytest.raises(SampleError, match="use of_rates"):
        of_bytes(Contract("a"), np.zeros(SLOTS))  # type: ignore[arg-type]


def test_a_month_without_days_costs_its_commit() -> None:
    assert of_rates(Contract("a", commit_mbps=5.0, price=2.0), np.zeros(0)).yuan == 10.0
