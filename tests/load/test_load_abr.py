"""The choice of a variant: a fall of the line is believed at once, a rise when it lasts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.load.abr import FIRST_ESTIMATE, LEAST_BYTES, Abr
from tidegate.load.playlist import Variant

LOW, MIDDLE, HIGH = (
    Variant(name, rate, "") for name, rate in (("l", 300_000), ("m", 10**6), ("h", 4 * 10**6))
)
VARIANTS = [LOW, MIDDLE, HIGH]


def line(abr: Abr, rate: float, seconds: float) -> None:
    """Downloads of a second each at `rate` bits a second."""
    for _ in range(int(seconds)):
        abr.took(int(rate / 8), 1.0)


def test_before_anything_was_measured_a_modest_line_is_assumed() -> None:
    abr = Abr()
    assert abr.estimate == FIRST_ESTIMATE
    assert abr.choose(VARIANTS, None) is LOW


def test_the_first_download_alone_sets_the_estimate() -> None:
    abr = Abr()
    abr.took(1_000_000, 2.0)
    assert abr.estimate == pytest.approx(4_000_000)


def test_a_fall_is_believed_sooner_than_a_rise() -> None:
    falls, rises = Abr(), Abr()
    line(falls, 8e6, 30)
    line(falls, 1e6, 3)
    line(rises, 1e6, 30)
    line(rises, 8e6, 3)
    assert falls.estimate < 5e6
    assert rises.estimate < 4e6
    assert falls.choose(VARIANTS, HIGH) is not LOW
    line(falls, 2e5, 30)
    assert falls.choose(VARIANTS, HIGH) is LOW


def test_going_up_takes_more_than_staying() -> None:
    abr = Abr()
    line(abr, 4.8e6, 60)
    assert abr.choose(VARIANTS, HIGH) is HIGH
    assert abr.choose(VARIANTS, MIDDLE) is MIDDLE
    line(abr, 6e6, 60)
    assert abr.choose(VARIANTS, MIDDLE) is HIGH


def test_a_small_download_tells_nothing() -> None:
    abr = Abr()
    abr.took(LEAST_BYTES - 1, 0.001)
    assert abr.estimate == FIRST_ESTIMATE


def test_the_lowest_is_taken_when_none_fits() -> None:
    abr = Abr()
    line(abr, 200_000, 30)
    assert abr.choose(VARIANTS, LOW) is LOW


downloads = st.lists(st.tuples(st.integers(0, 10**8), st.floats(0, 60)), max_size=40)


@given(downloads)
def test_the_estimate_lies_between_the_slowest_and_the_fastest_download(
    downloads: list[tuple[int, float]],
) -> None:
    abr = Abr()
    for size, seconds in downloads:
        abr.took(size, seconds)
    rates = [size * 8 / max(seconds, 0.001) for size, seconds in downloads if size >= LEAST_BYTES]
    if rates:
        assert min(rates) * 0.999 <= abr.estimate <= max(rates) * 1.001
    assert abr.choose(VARIANTS, None) in VARIANTS
