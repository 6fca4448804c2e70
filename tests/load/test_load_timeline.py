"""What a track has, whatever its pieces' clocks say: no second twice, no hole in the buffer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.load.timeline import Timeline


def laid(*pieces: tuple[float, float], cut: int = 0) -> Timeline:
    timeline = Timeline()
    for times in pieces:
        timeline.append(times, times[1] - times[0], cut)
    return timeline


def test_pieces_lie_end_to_end() -> None:
    timeline = laid((100, 102), (102, 104))
    assert (timeline.start, timeline.end, timeline.missed_s) == (100, 104, 0)


def test_one_may_begin_within_the_first() -> None:
    timeline = Timeline()
    timeline.enter(0.5)
    timeline.append((100.0, 102.0), 2.0, 0)
    assert (timeline.start, timeline.end, timeline.missed_s) == (100.5, 102, 0)


def test_a_hole_is_missed_and_so_is_what_a_seek_leaves_out() -> None:
    timeline = laid((100, 102), (108, 110))
    assert (timeline.end, timeline.missed_s) == (110, 6)
    timeline.enter(1.5)
    timeline.append((120.0, 122.0), 2.0, 0)
    assert (timeline.end, timeline.missed_s) == (122, 17.5)


def test_a_discontinuity_begins_another_clock_without_a_hole() -> None:
    timeline = laid((100, 102), cut=4)
    timeline.append((3.0, 5.0), 2.0, 5)
    timeline.append((5.0, 7.0), 2.0, 5)
    assert (timeline.end, timeline.missed_s) == (106, 0)


def test_pieces_without_times_last_as_long_as_their_playlist_says() -> None:
    timeline = Timeline()
    for _ in range(3):
        timeline.append(None, 2.0, 0)
    assert (timeline.start, timeline.end, timeline.missed_s) == (0, 6, 0)


pieces = st.lists(
    st.tuples(st.one_of(st.none(), st.floats(0, 100)), st.floats(0.1, 10), st.integers(0, 3)),
    min_size=1,
    max_size=30,
)


@given(pieces)
def test_it_never_shrinks_and_holds_no_more_than_it_was_given(
    pieces: list[tuple[float | None, float, int]],
) -> None:
    timeline = Timeline()
    before, given_s = 0.0, 0.0
    for begin, duration, cut in pieces:
        timeline.append(None if begin is None else (begin, begin + duration), duration, cut)
        assert timeline.end is not None
        assert timeline.end >= before
        before, given_s = timeline.end, given_s + duration
        held = timeline.end - timeline.start - timeline.missed_s
        assert held <= given_s + 1e-6
        assert timeline.missed_s >= 0
    assert timeline.end == pytest.approx(before)
