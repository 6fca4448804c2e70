"""The timeline's laws, over made-up publishers: some clean, some with clocks no one should have."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.media import AudioTrack, Placed, Timeline, Track, VideoTrack
from tidegate.media.timeline import JUMP_FORWARD_MS, MAX_COMPOSITION_MS, Repair

VIDEO = VideoTrack(b"", "avc1.42C01E", 320, 180)
AUDIO = AudioTrack(b"", "mp4a.40.2", 44100, 2)
HE_AAC = AudioTrack(b"", "mp4a.40.5", 48000, 2, 2048)
WRAP = 1 << 32
LAW_MS = 10
HOUR_MS = 3_600_000

Wire = tuple[Track, int]
WIRE_TIMES = st.lists(
    st.tuples(
        st.sampled_from([VIDEO, AUDIO]),
        st.integers(0, WRAP - 1) | st.integers(0, 2000) | st.integers(WRAP - 2000, WRAP - 1),
        st.integers(-(2**23), 2**23),
    ),
    max_size=60,
)


def clean(
    start: int, seconds: int, audio: AudioTrack = AUDIO, fps: Fraction = Fraction(30)
) -> list[Wire]:
    """A sane publisher's samples from `start` ms, both tracks in the order of their times."""
    frames = [(VIDEO, start + int(at * 1000 / fps)) for at in range(int(seconds * fps))]
    step = Fraction(audio.frame_size * 1000, audio.sample_rate)
    sounds = [(audio, start + int(at * step)) for at in range(int(seconds * 1000 / step))]
    return sorted([*frames, *sounds], key=lambda each: each[1])


def place(wire: list[Wire]) -> list[tuple[Track, int, Placed]]:
    timeline = Timeline()
    return [(track, ms, timeline.place(track, ms % WRAP)) for track, ms in wire]


def ms_of(track: Track, placed: Placed) -> Fraction:
    return Fraction(placed.dts * 1000, track.timescale)


def repairs(placed: list[tuple[Track, int, Placed]]) -> list[Repair]:
    return [repair for _, _, each in placed for repair in each.repairs]


def assert_strictly_increasing(placed: list[tuple[Track, int, Placed]]) -> None:
    for track in (VIDEO, AUDIO, HE_AAC):
        times = [each.dts for of, _, each in placed if of is track]
        assert all(earlier < later for earlier, later in pairwise(times))


@given(WIRE_TIMES)
def test_dts_strictly_increases_whatever_comes(wire: list[tuple[Track, int, int]]) -> None:
    timeline = Timeline()
    placed = [(track, ms, timeline.place(track, ms, offset)) for track, ms, offset in wire]
    assert_strictly_increasing(placed)
    for track, _, each in placed:
        assert abs(each.pts - each.dts) <= MAX_COMPOSITION_MS * track.timescale // 1000


@given(
    st.integers(-2000, 2 * WRAP),
    st.sampled_from([AUDIO, HE_AAC]),
    st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(60)]),
)
def test_a_clean_publisher_is_left_alone(start: int, audio: AudioTrack, fps: Fraction) -> None:
    placed = place(clean(start, 3, audio, fps))
    (offset,) = {ms_of(track, each) - ms for track, ms, each in placed if track is VIDEO}
    assert offset % WRAP == 0
    sounds = [each.dts for track, _, each in placed if track is audio]
    assert {later - earlier for earlier, later in pairwise(sounds)} == {audio.frame_size}
    assert {repair.kind for repair in repairs(placed)} <= {"wrap"}


@given(st.integers(-3000, -1))
def test_a_start_below_zero_stays_small(start: int) -> None:
    placed = place(clean(start, 5))
    assert ms_of(VIDEO, next(each for track, _, each in placed if track is VIDEO)) == start
    assert [repair.kind for repair in repairs(placed)] == ["wrap", "wrap"]
    assert_in_step(placed)


def assert_in_step(placed: list[tuple[Track, int, Placed]], law: int = LAW_MS) -> None:
    """Sound and picture are as far apart as on the wire."""
    shift = [ms_of(track, each) - ms for track, ms, each in placed]
    assert max(shift) - min(shift) <= law


@given(
    st.integers(-HOUR_MS, -700) | st.integers(JUMP_FORWARD_MS + 200, HOUR_MS),
    st.integers(0, 6),
    st.sampled_from([VIDEO, AUDIO]),
    st.integers(0, WRAP - 1),
)
def test_after_a_jump_both_tracks_go_on_together(
    jump: int, late: int, lagging: Track, start: int
) -> None:
    """The `lagging` track's last samples of the old time come `late` samples into the new."""
    before = clean(start, 1)
    after = clean(before[-1][1] + 33 + jump, 2)
    kept = [each for each in before if each[0] is lagging][-late or len(before) :]
    fresh = [each for each in after if each[0] is not lagging][:late]
    wire = [each for each in before if each not in kept]
    wire += [each for pair in zip(kept, fresh, strict=True) for each in pair]
    wire += [each for each in after if each not in fresh]
    placed = place(wire)
    befores = set(map(id, before))
    old = [each for each, of in zip(placed, wire, strict=True) if id(of) in befores]

    assert_strictly_increasing(placed)
    (leap,) = [repair for repair in repairs(placed) if repair.kind == "jump"]
    assert abs(leap.amount_ms - jump) < 300
    # The old time base is left as it was, by the samples that came late too ...
    assert_in_step(old)
    # ... and once the overlap is past, the new one is in step, right after the old.
    new = [each for each, of in zip(placed, wire, strict=True) if id(of) not in befores]
    assert_in_step([each for each in new if each[1] > after[0][1] + 500])
    end = max(ms_of(track, each) for track, _, each in old)
    assert -300 <= min(ms_of(track, each) for track, _, each in new) - end <= 300


def test_a_jump_and_its_way_back_leave_the_tracks_in_step() -> None:
    wire = clean(0, 2)
    wire += [(VIDEO, 2000 + HOUR_MS)]
    wire += clean(2034, 2)
    placed = place(wire)
    assert_strictly_increasing(placed)
    assert_in_step([each for each in placed if 2400 < each[1] < HOUR_MS])


@given(st.integers(11_000, 600_000), st.sampled_from([VIDEO, AUDIO]))
def test_a_track_that_paused_comes_back_in_step(pause: int, quiet: Track) -> None:
    wire = [each for each in clean(0, 2) if each[0] is not quiet or each[1] < 500]
    wire += [
        (other, ms)
        for ms in range(2000, pause, 40)
        for other in (VIDEO, AUDIO)
        if other is not quiet
    ]
    wire += [(quiet, pause), (quiet, pause + 30)]
    placed = place(wire)
    assert "jump" not in {repair.kind for repair in repairs(placed)}
    assert_in_step([each for each in placed if each[0] is VIDEO or each[0] is quiet])


def test_a_gap_of_both_tracks_stays_a_gap() -> None:
    placed = place(clean(0, 1) + clean(9000, 1))
    assert_in_step(placed)
    assert {repair.kind for repair in repairs(placed)} == {"drift"}


def test_the_second_track_s_absurd_start_joins_the_first() -> None:
    timeline = Timeline()
    timeline.place(VIDEO, 5000)
    placed = timeline.place(AUDIO, 5000 + HOUR_MS)
    assert placed.repairs == (Repair("jump", "audio", HOUR_MS),)
    assert ms_of(AUDIO, placed) == 5000
    assert timeline.place(VIDEO, 5033).dts == 5033 * 90


@given(st.lists(st.integers(0, 400), min_size=3, max_size=20))
def test_what_is_out_of_order_comes_right_after_the_last(times: list[int]) -> None:
    timeline, top = Timeline(), -1
    for ms in times:
        placed = timeline.place(VIDEO, ms, 40)
        if ms > top + 1:
            assert placed == Placed(ms * 90, (ms + 40) * 90)
        elif ms * 90 <= top * 90:
            assert [repair.kind for repair in placed.repairs] == ["reorder"]
            assert placed.pts >= placed.dts
        top = max(top, placed.dts / 90)


def test_an_absurd_composition_offset_is_dropped() -> None:
    placed = Timeline().place(VIDEO, 100, 8_000_000)
    assert placed == Placed(9000, 9000, (Repair("composition", "video", 8_000_000),))
    assert Timeline().place(VIDEO, 100, -40) == Placed(9000, 5400)


@given(st.lists(st.integers(-30, 30), min_size=10, max_size=60))
def test_sound_is_never_far_from_a_wire_that_jitters(jitter: list[int]) -> None:
    timeline = Timeline()
    top = Fraction(-1)
    for number, off in enumerate(jitter):
        wire = 1000 + int(number * 1024000 / 44100) + off
        at = ms_of(AUDIO, timeline.place(AUDIO, wire))
        # Where it may not be where the wire is, it waits at the last sample for the wire to come.
        assert abs(at - wire) <= LAW_MS or at - top < 1
        top = at


@given(st.floats(-0.02, 0.02))
def test_sound_that_drifts_is_put_back(drift: float) -> None:
    wire = [(AUDIO, int(at * 1024000 / 44100 * (1 + drift))) for at in range(400)]
    placed = place([(track, ms) for track, ms in wire])
    assert_in_step(placed, 2 * LAW_MS)
    assert all(abs(ms_of(track, each) - ms) <= LAW_MS for track, ms, each in placed)


def test_a_hole_in_sound_is_reported() -> None:
    timeline = Timeline()
    timeline.place(AUDIO, 0)
    placed = timeline.place(AUDIO, 523)
    assert placed.repairs == (Repair("drift", "audio", 499),)
    assert placed.dts == pytest.approx(0.523 * 44100, abs=1)


def test_a_wrap_in_one_track_waits_for_the_other() -> None:
    placed = place(clean(WRAP - 1000, 2))
    assert [(repair.kind, repair.track) for repair in repairs(placed)] in (
        [("wrap", "video"), ("wrap", "audio")],
        [("wrap", "audio"), ("wrap", "video")],
    )
    assert_in_step(placed)


def test_other_ticks_go_on_after_the_last_sample() -> None:
    timeline = Timeline()
    timeline.place(AUDIO, 1000)
    placed = timeline.place(HE_AAC, 1023)
    assert Fraction(1000) < ms_of(HE_AAC, placed)
    assert abs(ms_of(HE_AAC, placed) - 1023) <= 43
