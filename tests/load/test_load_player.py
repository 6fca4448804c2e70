"""The player model, the audience, the choice of a variant: pure, with time as an argument."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.load.abr import FIRST_ESTIMATE, Abr
from tidegate.load.outcome import Moment, Outcome, quantile
from tidegate.load.plan import Audience, Line, parse_lines
from tidegate.load.player import Player, Rules, State
from tidegate.load.playlist import Variant

RULES = Rules(start_s=1.0, resume_s=0.5, target_s=2.0, slack_s=1.0, catch_up=1.05, most_s=12.0)


def test_it_starts_freezes_and_goes_on() -> None:
    player = Player(RULES, 10.0)
    player.arrived(100.0, 100.9, 10.2)
    assert player.state is State.WAITING
    player.arrived(100.0, 101.0, 10.5)
    assert (player.state, player.join_s) == (State.PLAYING, 0.5)
    player.advance(12.0)
    assert (player.state, player.stalls) == (State.FROZEN, 1)
    assert (player.played_s, player.frozen_s) == (pytest.approx(1.0), pytest.approx(0.5))
    player.arrived(100.0, 101.4, 12.5)
    assert player.state is State.FROZEN
    player.arrived(100.0, 101.6, 13.0)
    assert player.state is State.PLAYING
    assert player.frozen_s == pytest.approx(1.5)


def test_it_catches_up_and_skips() -> None:
    player = Player(RULES, 0.0)
    player.arrived(50.0, 56.0, 0.0)
    player.advance(1.0)
    assert player.buffered_s == pytest.approx(6 - 1.05)
    player.arrived(50.0, 80.0, 1.0)
    assert player.skips == 1
    assert player.buffered_s == pytest.approx(RULES.target_s)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 4)), max_size=60), st.floats(0, 20))
def test_every_second_since_the_start_is_played_or_frozen(
    steps: list[tuple[float, float]], rest: float
) -> None:
    player = Player(RULES, 5.0)
    now, end = 5.0, 7.0
    for wait, media in steps:
        now, end = now + wait, end + media
        player.arrived(7.0, end, now)
    player.advance(now + rest)
    lived = now + rest - player.joined_at if player.joined_at is not None else 0.0
    assert player.played_s + player.frozen_s == pytest.approx(lived)
    assert player.buffered_s >= -1e-9
    assert (player.frozen_s > 0) <= (player.stalls > 0)


def test_the_same_seed_is_the_same_audience() -> None:
    lines = [Line(70, 2e7), Line(30, 1e6)]
    audience = Audience(1000, 60, "poisson", 10, churn_s=20, lines=lines, seed=4)
    visits = list(audience.visits())
    assert visits == list(audience.visits())
    assert visits == sorted(visits, key=lambda visit: visit.at)
    assert all(0 <= visit.at <= 10 for visit in visits)
    assert 600 < sum(visit.rate == 2e7 for visit in visits) < 800
    assert 17 < sum(visit.lasts for visit in visits) / 1000 < 23


def test_the_shapes_of_arrival() -> None:
    assert {visit.at for visit in Audience(5, 60, "all", 10).visits()} == {0.0}
    assert [visit.at for visit in Audience(5, 60, "ramp", 10).visits()] == [0, 2, 4, 6, 8]
    assert all(visit.lasts == 60 for visit in Audience(5, 60).visits())


def test_lines_are_read_or_refused() -> None:
    assert parse_lines("70:20000,2:800") == [Line(70, 2e7), Line(2, 8e5)]
    assert parse_lines("") == []
    for wrong in ("70", "x:1", "1:x", "0:5", "-1:5", "1:-5", "1:nan", "nan:1", "1:inf"):
        with pytest.raises(ValueError, match="SHARE:KBITS"):
            parse_lines(wrong)


def test_a_variant_is_chosen_by_the_slower_average() -> None:
    variants = [Variant(str(rate), rate, "") for rate in (400_000, 1_500_000, 6_000_000)]
    abr = Abr()
    assert abr.estimate == FIRST_ESTIMATE
    assert abr.choose(variants, None).bandwidth == 400_000
    for _ in range(20):
        abr.took(1_000_000, 1.0)  # 8 Mbit/s
    assert abr.choose(variants, variants[0]).bandwidth == 1_500_000  # 6 is over 0.7 of it
    assert abr.choose(variants, variants[2]).bandwidth == 6_000_000
    for _ in range(3):
        abr.took(100_000, 2.0)
    assert abr.choose(variants, variants[2]).bandwidth < 6_000_000
    before = abr.estimate
    abr.took(100, 5.0)
    assert abr.estimate == before


def test_outcomes_add_up() -> None:
    one, two = Outcome(), Outcome()
    for outcome, frozen in ((one, 1.0), (two, 3.0)):
        player = Player(RULES, 0.0)
        player.arrived(0.0, 2.0, 0.0)
        outcome.add_view(player, 2.0 + frozen)
        outcome.errors = {"404": 2}
        outcome.moments = [Moment(1.02, 1, 0, 10), Moment(2.1, 1, 1, 20)]
    one.add(two)
    assert one.freeze_rate == pytest.approx(4 / 8)
    assert one.figures(10)["stalls"] == 2
    assert one.errors == {"404": 4}
    assert [(moment.viewers, moment.received) for moment in one.moments] == [(2, 20), (2, 40)]
    assert Outcome().figures(10)["freeze_rate"] == 0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
