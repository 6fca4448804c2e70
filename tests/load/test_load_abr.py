"""The choice of a variant: a fall of the line is believed at once, a rise when it lasts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.load.abr import FIRST_DELAY_S, FIRST_ESTIMATE, FIRST_ESTIMATE_MOST, Abr, Load
from tidegate.load.playlist import Variant

LOW, MIDDLE, HIGH = (
    Variant(name, rate, "", rate) for name, rate in (("l", 300_000), ("m", 10**6), ("h", 4 * 10**6))
)
VARIANTS = [LOW, MIDDLE, HIGH]
AT_ONCE = 0.005
"""Seconds to the first byte on a line without delay."""


def line(abr: Abr, rate: float, seconds: float) -> None:
    """Downloads of a second each at `rate` bits a second."""
    for _ in range(int(seconds)):
        abr.took(int(rate / 8), 1.0 + AT_ONCE, AT_ONCE)


def chosen(abr: Abr, last: Variant, buffered_s: float = 0.0) -> Variant:
    return abr.choose(VARIANTS, last, buffered_s, 2.0)


def test_before_anything_was_measured_a_modest_line_is_assumed() -> None:
    assert Abr().estimate == FIRST_ESTIMATE
    assert Abr().delay_s == FIRST_DELAY_S
    assert Abr().first(VARIANTS, LOW) is LOW


def test_the_variant_that_is_listed_first_is_begun_with_unless_it_is_a_very_high_one() -> None:
    assert Abr().first(VARIANTS, HIGH) is HIGH
    abr, huge = Abr(), Variant("x", 9 * 10**6, "", 9 * 10**6)
    assert abr.first([*VARIANTS, huge], huge) is HIGH
    assert abr.estimate == FIRST_ESTIMATE_MOST


def test_what_was_measured_counts_more_than_the_order_of_a_list() -> None:
    abr = Abr()
    line(abr, 4e5, 3)
    assert abr.first(VARIANTS, HIGH) is LOW


def test_the_first_download_alone_sets_the_estimate() -> None:
    abr = Abr()
    abr.took(1_000_000, 2.0 + AT_ONCE, AT_ONCE)
    assert abr.estimate == pytest.approx(4_000_000)
    assert abr.delay_s == pytest.approx(AT_ONCE)


def test_the_wait_for_a_first_byte_tells_of_the_delay_and_not_of_the_rate() -> None:
    abr = Abr()
    for _ in range(20):
        abr.took(500_000, 1.5, 0.5)
    assert abr.estimate == pytest.approx(4_000_000, rel=1e-3)
    assert abr.delay_s == pytest.approx(0.5)


def test_a_fall_is_believed_sooner_than_a_rise() -> None:
    falls, rises = Abr(), Abr()
    line(falls, 8e6, 30)
    line(falls, 1e6, 3)
    line(rises, 1e6, 30)
    line(rises, 8e6, 3)
    assert falls.estimate < 5e6
    assert rises.estimate < 4e6
    assert chosen(falls, HIGH) is not LOW
    line(falls, 2e5, 30)
    assert chosen(falls, HIGH) is LOW


def test_going_up_takes_more_than_staying() -> None:
    abr = Abr()
    line(abr, 4.8e6, 60)
    assert chosen(abr, HIGH) is HIGH
    assert chosen(abr, MIDDLE) is MIDDLE
    line(abr, 6e6, 60)
    assert chosen(abr, MIDDLE) is HIGH


def test_with_enough_in_the_buffer_a_variant_is_taken_at_its_average() -> None:
    abr, peaky = Abr(), Variant("p", 4 * 10**6, "", 2 * 10**6)
    line(abr, 3e6, 60)
    assert abr.choose([LOW, peaky], peaky, 3.9, 2.0) is LOW
    assert abr.choose([LOW, peaky], peaky, 4.0, 2.0) is peaky


def test_the_lowest_is_taken_when_none_fits() -> None:
    abr = Abr()
    line(abr, 200_000, 30)
    assert chosen(abr, LOW) is LOW


def load(got: int, for_s: float, buffered_s: float) -> Load:
    return Load(got, for_s, AT_ONCE if got else None, 2.0, buffered_s)


def test_a_piece_that_comes_in_time_is_waited_for() -> None:
    abr = Abr()
    line(abr, 4e6, 30)
    assert abr.rescue(VARIANTS, HIGH, load(500_000, 1.2, 2.0)) is None
    assert abr.rescue(VARIANTS, LOW, load(100, 9.0, 0.0)) is None, "there is nothing lower"


def test_a_piece_that_comes_too_late_is_fetched_lower() -> None:
    abr = Abr()
    line(abr, 4e6, 30)
    rescue = abr.rescue(VARIANTS, MIDDLE, load(50_000, 1.2, 1.0))
    assert rescue is not None
    assert (rescue.variant, rescue.at_once) == (LOW, False)
    assert abr.estimate < 1e6


def test_a_hopeless_piece_is_given_up_at_once_for_the_lowest() -> None:
    abr = Abr()
    line(abr, 8e6, 30)
    rescue = abr.rescue(VARIANTS, HIGH, load(170_000, 1.2, 1.95))
    assert rescue is not None
    assert (rescue.variant, rescue.at_once) == (LOW, True)
    assert abr.estimate == LOW.bandwidth


def test_a_line_that_carries_nothing_is_no_better_lower() -> None:
    abr = Abr()
    line(abr, 1e5, 30)
    assert abr.rescue(VARIANTS, MIDDLE, load(1, 20.0, 0.0)) is None


seconds = st.floats(0, 60)
downloads = st.lists(st.tuples(st.integers(0, 10**8), seconds, seconds), max_size=40)


@given(downloads, st.floats(0, 60))
def test_the_estimate_is_bounded_by_the_downloads_and_every_choice_is_one(
    downloads: list[tuple[int, float, float]], buffered_s: float
) -> None:
    abr = Abr()
    for size, took_s, first_s in downloads:
        abr.took(size, took_s + first_s, first_s)
    sized = [(size, took, first) for size, took, first in downloads if size]
    if sum(took for _, took, _ in sized) > 0.01:
        least = min(size * 8 / (took + first + 0.06) for size, took, first in sized)
        assert least * 0.999 <= max(abr.estimate, FIRST_ESTIMATE)
    assert 0 < abr.delay_s <= 60
    assert chosen(abr, MIDDLE, buffered_s) in VARIANTS
    for size, took_s, first_s in downloads:
        rescue = abr.rescue(VARIANTS, HIGH, Load(size, took_s, first_s, 2.0, buffered_s))
        assert rescue is None or rescue.variant in (LOW, MIDDLE)
