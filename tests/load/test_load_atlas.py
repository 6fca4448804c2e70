"""Which time lies at which byte, and where in the scout's bytes a viewer stands."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tidegate.load import atlas as limits
from tidegate.load.atlas import SIGNATURE, Atlas, Mark


def signature(number: int) -> bytes:
    return random.Random(number).randbytes(SIGNATURE)


def test_a_time_is_there_once_its_last_byte_is() -> None:
    atlas = Atlas()
    assert atlas.time(0) is None
    for mark in (Mark(100, 1.0), Mark(200, 2.0), Mark(300, 3.0)):
        atlas.add(mark)
    asked = [99, 100, 199, 200, 299, 300, 10**9]
    assert [atlas.time(offset) for offset in asked] == [None, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]


def test_an_answer_at_the_front_is_not_kept() -> None:
    atlas = Atlas()
    atlas.add(Mark(100, 1.0))
    assert atlas.time(150) == 1.0
    atlas.add(Mark(120, 1.2))
    assert atlas.time(150) == 1.2
    atlas.add(Mark(300, 3.0))
    assert atlas.time(150) == 1.2
    assert atlas.time(150) == 1.2


def test_times_never_go_back() -> None:
    atlas = Atlas()
    for mark in (Mark(10, 1.0), Mark(20, 0.9), Mark(30, 1.1)):
        atlas.add(mark)
    assert [atlas.time(offset) for offset in (10, 20, 30)] == [1.0, 1.0, 1.1]


def test_the_first_known_keyframe_is_found() -> None:
    atlas = Atlas()
    for number in range(3):
        atlas.add(Mark(1000 * number + 900, float(number), signature(number), 1000 * number, 0.5))
    assert atlas.find(b"") is None
    assert atlas.find(signature(9) + signature(1)[:-1]) is None
    data = b"x" * 7 + signature(2) + b"y" + signature(1)
    assert atlas.find(data) == (7, 2000, 0.5)


def test_who_knows_its_place_searches_only_where_a_keyframe_is_due() -> None:
    atlas = Atlas()
    for number in range(3):
        at = 100_000 * number
        atlas.add(Mark(at + 90_000, float(number), signature(number), at, 0.5))
    data = bytearray(40_000)
    data[30_000 : 30_000 + SIGNATURE] = signature(1)
    exact, early, late = 70_000, 70_000 + 9_000, 70_000 - 9_000
    for hint in (exact, early, late):
        assert atlas.find(bytes(data), hint) == (30_000, 100_000, 0.5)
    assert atlas.find(bytes(data), 5_000) is None  # none is due, so none is looked for
    data[:SIGNATURE] = signature(2)
    assert atlas.find(bytes(data[:30_000]), 180_000) == (0, 200_000, 0.5)
    assert atlas.find(bytes(data[:SIGNATURE]), 100_000 - 1) is None  # not whole yet
    assert atlas.find(bytes(data[:SIGNATURE]), 100_000) == (0, 200_000, 0.5)  # it was moved


def test_a_keyframe_that_comes_again_is_the_newer_one() -> None:
    atlas = Atlas()
    atlas.add(Mark(100, 1.0, signature(0), 50, 1.0))
    atlas.add(Mark(200, 2.0, signature(0), 150, 2.0))
    assert atlas.find(signature(0)) == (0, 150, 2.0)


def test_no_more_keyframes_entries_or_answers_are_kept_than_named() -> None:
    atlas = Atlas()
    for number in range(limits.ENTRIES + 5):
        atlas.add(Mark(number * 10, number / 10, signature(number) if number < 100 else b""))
        if number % 3 == 0:
            atlas.time(number * 10 - 5)
    assert len(atlas._offsets) == len(atlas._times) <= limits.ENTRIES
    assert len(atlas._keyframes) <= limits.KEYFRAMES
    assert len(atlas._asked) <= limits.ASKED
    assert atlas.find(signature(99)) is not None
    assert atlas.find(signature(99 - limits.KEYFRAMES)) is None


@given(
    st.lists(st.tuples(st.integers(1, 50), st.floats(0, 10)), min_size=1, max_size=50),
    st.lists(st.integers(0, 3000)),
)
def test_more_bytes_are_never_less_time_and_asking_twice_changes_nothing(
    steps: list[tuple[int, float]], asked: list[int]
) -> None:
    atlas = Atlas()
    offset = 0
    for size, time in steps:
        offset += size
        atlas.add(Mark(offset, time))
        for each in asked[:3]:
            atlas.time(each)
    times = [atlas.time(each) for each in sorted(asked)]
    known = [time for time in times if time is not None]
    assert all(one <= two for one, two in pairwise(known))
    assert times == [atlas.time(each) for each in sorted(asked)]
