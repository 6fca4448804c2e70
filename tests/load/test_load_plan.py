"""Who comes when, and over which line: the same seed gives the same audience."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.load.plan import ARRIVALS, Audience, Line, parse_lines


@given(
    st.sampled_from(ARRIVALS), st.integers(0, 200), st.floats(0, 100), st.integers(), st.booleans()
)
def test_all_arrive_in_order_within_the_time_and_the_same_every_time(
    arrival: str, viewers: int, over_s: float, seed: int, churn: bool
) -> None:
    lines = parse_lines("70:20000,30:800")
    audience = Audience(viewers, 60.0, arrival, over_s, 5.0 * churn, lines, seed)
    visits = list(audience.visits())
    assert visits == list(audience.visits())
    assert len(visits) == viewers
    assert all(0 <= visit.at <= over_s for visit in visits)
    assert all(one.at <= two.at for one, two in pairwise(visits))
    assert all(visit.lasts > 0 for visit in visits)
    assert {visit.rate for visit in visits} <= {20_000_000.0, 800_000.0}


def test_the_shapes_of_arrival() -> None:
    def arrivals(arrival: str) -> list[float]:
        return [visit.at for visit in Audience(4, 60.0, arrival, 8.0).visits()]

    assert arrivals("all") == [0.0] * 4
    assert arrivals("ramp") == [0.0, 2.0, 4.0, 6.0]
    assert len(set(arrivals("poisson"))) == 4


def test_another_seed_is_another_audience() -> None:
    one, two = (list(Audience(50, 60.0, "poisson", 9.0, seed=seed).visits()) for seed in (1, 2))
    assert one != two


def test_without_churn_all_stay_to_the_end_and_with_it_a_mean_time() -> None:
    assert {visit.lasts for visit in Audience(9, 60.0).visits()} == {60.0}
    stays = [visit.lasts for visit in Audience(5000, 600.0, churn_s=20.0).visits()]
    assert sum(stays) / len(stays) == pytest.approx(20.0, rel=0.1)


def test_lines_are_drawn_by_their_shares() -> None:
    audience = Audience(5000, 60.0, lines=parse_lines("70:20000,28:3000,2:800"))
    rates = [visit.rate for visit in audience.visits()]
    assert rates.count(20e6) / len(rates) == pytest.approx(0.70, abs=0.03)
    assert rates.count(8e5) / len(rates) == pytest.approx(0.02, abs=0.01)


def test_a_visit_of_a_later_viewer_is_drawn_from_the_given_chance() -> None:
    audience = Audience(1, 60.0, churn_s=3.0)
    one, two = (audience.visit(7.0, random.Random(5)) for _ in range(2))
    assert one == two
    assert one.at == 7.0


def test_lines_of_text() -> None:
    assert parse_lines("") == []
    assert parse_lines("1:0") == [Line(1.0, 0.0)]
    assert parse_lines("70:20000,0.5:64") == [Line(70.0, 20e6), Line(0.5, 64e3)]


@pytest.mark.parametrize(
    "text",
    ["70", "70:", ":800", "a:b", "0:800", "-1:800", "1:-1", "nan:1", "1:nan", "inf:1", "1:inf"],
)
def test_a_line_that_makes_no_sense_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="SHARE:KBITS") as caught:
        parse_lines(f"50:1000,{text}")
    assert repr(text) in str(caught.value)


@given(st.text())
def test_any_text_is_lines_or_a_value_error(text: str) -> None:
    try:
        lines = parse_lines(text)
    except ValueError:
        return
    audience = Audience(3, 60.0, lines=lines)
    assert len(list(audience.visits())) == 3
