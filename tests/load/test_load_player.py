"""The player's clock: when it starts, freezes and goes on; no second is lost or doubled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.load.player import Player, Rules, State

RULES = Rules(start_s=1.0, resume_s=0.5, target_s=2.0, slack_s=1.0, catch_up=1.5, most_s=10.0)
MEDIA_AT = 5000.0
"""Media's own seconds are not the viewer's."""


def player(rules: Rules = RULES) -> Player:
    return Player(rules, 100.0)


def give(viewer: Player, until: float, now: float) -> None:
    viewer.arrived(MEDIA_AT, MEDIA_AT + until, now)


def test_it_starts_with_enough_in_its_buffer() -> None:
    viewer = player()
    give(viewer, 0.9, 100.2)
    assert viewer.state is State.WAITING
    assert viewer.join_s is None
    give(viewer, 1.0, 100.4)
    assert viewer.state is State.PLAYING
    assert viewer.join_s == pytest.approx(0.4)


def test_waiting_is_neither_played_nor_frozen() -> None:
    viewer = player()
    viewer.advance(160.0)
    assert (viewer.played_s, viewer.frozen_s, viewer.stalls) == (0.0, 0.0, 0)


def test_it_freezes_when_its_buffer_is_empty_and_resumes_with_enough() -> None:
    viewer = player()
    give(viewer, 1.0, 100.0)
    viewer.advance(103.0)
    assert viewer.state is State.FROZEN
    assert (viewer.played_s, viewer.frozen_s) == pytest.approx((1.0, 2.0))
    give(viewer, 1.4, 104.0)
    assert viewer.state is State.FROZEN
    give(viewer, 1.5, 105.0)
    assert viewer.state is State.PLAYING
    viewer.advance(105.25)
    assert (viewer.played_s, viewer.frozen_s) == pytest.approx((1.25, 4.0))
    assert viewer.stalls == 1


def test_a_buffer_that_is_just_enough_is_no_freeze() -> None:
    viewer = player()
    for second in range(1, 30):
        give(viewer, float(second), 99.0 + second)
    assert (viewer.stalls, viewer.frozen_s) == (0, 0.0)


def test_it_catches_up_while_it_is_behind() -> None:
    viewer = player()
    give(viewer, 6.0, 100.0)
    viewer.advance(101.0)
    assert viewer.buffered_s == pytest.approx(4.5)
    assert viewer.played_s == pytest.approx(1.0)
    viewer.advance(102.0)
    viewer.advance(103.0)
    assert viewer.buffered_s == pytest.approx(2.0)


def test_it_skips_to_its_target_when_it_is_too_far_behind() -> None:
    viewer = player()
    give(viewer, 10.0, 100.0)
    assert (viewer.skips, viewer.buffered_s) == (0, 10.0)
    give(viewer, 10.1, 100.0)
    assert (viewer.skips, viewer.buffered_s) == (1, pytest.approx(2.0))


def test_after_each_freeze_it_waits_for_twice_as_much_up_to_a_limit() -> None:
    viewer = player(Rules(start_s=0.1, resume_s=0.5, resume_most_s=1.6, catch_up=1.0))
    give(viewer, 1.0, 100.0)
    end, now = 1.0, 100.0
    for enough in (0.5, 1.0, 1.6, 1.6):
        now += 5.0
        give(viewer, end + enough - 0.01, now)
        assert viewer.state is State.FROZEN
        end += enough + 0.01
        give(viewer, end, now)
        assert viewer.state is State.PLAYING


def test_what_was_missed_is_not_in_the_buffer_and_not_waited_for() -> None:
    viewer = player()
    give(viewer, 1.0, 100.0)
    viewer.missed(30.0)
    give(viewer, 32.0, 100.0)
    assert viewer.buffered_s == 2.0
    viewer.advance(103.0)
    assert (viewer.state, viewer.played_s) == (State.FROZEN, 2.0)


def test_who_goes_elsewhere_while_frozen_leaves_the_rest_of_the_buffer() -> None:
    viewer = player()
    give(viewer, 1.0, 100.0)
    give(viewer, 1.4, 103.0)
    viewer.sought(103.0)
    assert (viewer.state, viewer.buffered_s) == (State.FROZEN, 0.0)
    viewer.missed(20.0)
    give(viewer, 22.4, 103.0)
    assert (viewer.state, viewer.buffered_s) == (State.PLAYING, 1.0)
    viewer.sought(103.5)
    assert viewer.buffered_s == 0.5


def test_a_hole_makes_it_resume_as_soon_as_after_its_first_freeze() -> None:
    viewer = player()
    for second in range(3):
        give(viewer, 1.0 + 2 * second, 100.0 + 10 * second)
    viewer.advance(140.0)
    viewer.missed(20.0)
    give(viewer, 25.6, 140.0)
    assert viewer.state is State.PLAYING


def test_time_never_goes_back() -> None:
    viewer = player()
    give(viewer, 5.0, 102.0)
    viewer.advance(103.0)
    viewer.advance(101.0)
    give(viewer, 4.0, 100.5)
    assert viewer.played_s == pytest.approx(1.0)
    assert viewer.buffered_s <= 4.0


steps = st.lists(
    st.tuples(st.floats(0, 5), st.one_of(st.none(), st.floats(0, 5))), min_size=1, max_size=60
)
rules = st.builds(
    Rules,
    start_s=st.floats(0.01, 3),
    resume_s=st.floats(0.01, 3),
    target_s=st.floats(0.5, 4),
    slack_s=st.floats(0, 2),
    catch_up=st.floats(1, 2),
    most_s=st.floats(4, 20),
)


@given(rules, steps)
def test_what_is_played_and_frozen_is_the_time_since_joining(
    rules: Rules, steps: list[tuple[float, float | None]]
) -> None:
    viewer = player(rules)
    now, until = 100.0, 0.0
    for passed, more in steps:
        now += passed
        if more is None:
            viewer.advance(now)
        else:
            until += more
            give(viewer, until, now)
        watched = 0.0 if viewer.joined_at is None else now - viewer.joined_at
        assert viewer.played_s + viewer.frozen_s == pytest.approx(watched, abs=1e-6)
        assert viewer.buffered_s >= -1e-9
        assert (viewer.state is State.WAITING) == (viewer.join_s is None)
        if viewer.state is State.FROZEN:
            assert viewer.stalls > 0
            assert viewer.buffered_s < max(rules.resume_s, rules.resume_most_s)


@given(steps, st.lists(st.floats(0, 1), max_size=5))
def test_looking_on_changes_nothing_of_a_steady_player(
    steps: list[tuple[float, float | None]], looks: list[float]
) -> None:
    steady = Rules(start_s=0.3, resume_s=0.1, catch_up=1.0)
    seen, unseen = player(steady), player(steady)
    now, until = 100.0, 0.0
    for passed, more in steps:
        for look in sorted(looks):
            seen.advance(now + look * passed)
        now, until = now + passed, until + (more or 0.0)
        give(seen, until, now)
        give(unseen, until, now)
    assert seen.frozen_s == pytest.approx(unseen.frozen_s, abs=1e-6)
    assert seen.played_s == pytest.approx(unseen.played_s, abs=1e-6)
    assert abs(seen.stalls - unseen.stalls) <= len(steps)
