"""Both tracks in one file: FFmpeg reads the samples it was made of, and so does our own reader."""

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_clips import RECIPES, audio_of, packets, video_of, with_durations

from tidegate.media import AudioTrack, MediaError, Sample, Track, VideoTrack, cmaf
from tidegate.media.cmaf.init import NOT_SYNC, SYNC

WALL = 1_700_000_000_123_456
BOTH = [name for name, recipe in RECIPES.items() if recipe.size and recipe.rate]
VIDEO = VideoTrack(b"", "avc1.42C01E", 320, 180)
AUDIO = AudioTrack(b"\x11\x90", "mp4a.40.2", 48000, 2)
TRACKS: dict[int, Track] = {cmaf.VIDEO_ID: VIDEO, cmaf.AUDIO_ID: AUDIO}

ROWS = st.lists(
    st.tuples(st.integers(1, 9000), st.integers(-9000, 9000), st.binary(max_size=5), st.booleans()),
    min_size=1,
    max_size=9,
)
TIMES = st.integers(0, 2**62)


def stretch(number: int, track: Track, pairs: list[tuple[Sample, int]]) -> cmaf.Stretch:
    samples = [sample for sample, _ in pairs]
    return cmaf.Stretch(number, track, samples[0].dts, samples, [lasts for _, lasts in pairs])


def made_of(number: int, time: int, rows: list[tuple[int, int, bytes, bool]]) -> cmaf.Stretch:
    video = number == cmaf.VIDEO_ID
    samples = [
        Sample(0, offset if video else 0, 0, key or not video, data)
        for _, offset, data, key in rows
    ]
    return cmaf.Stretch(number, TRACKS[number], time, samples, [lasts for lasts, _, _, _ in rows])


def file_of(name: str, video_at_once: int = 3) -> bytes:
    """A recipe as a file: fragments of some pictures and the sound that goes with them."""
    video, pictures = video_of(name)
    audio, frames = audio_of(name)
    shots, sounds = with_durations(pictures, 3000), with_durations(frames, audio.frame_size)
    parts = [cmaf.file_init(video, audio)]
    while shots or sounds:
        now, shots = shots[:video_at_once], shots[video_at_once:]
        end = shots[0][0].dts * audio.timescale // video.timescale if shots else 1 << 60
        heard = [each for each in sounds if each[0].dts < end]
        sounds = sounds[len(heard) :]
        stretches = [stretch(cmaf.VIDEO_ID, video, now)] if now else []
        stretches += [stretch(cmaf.AUDIO_ID, audio, heard)] if heard else []
        parts.append(cmaf.fragment(len(parts), stretches, WALL))
    return b"".join(parts)


@pytest.mark.parametrize("name", BOTH)
def test_ffmpeg_reads_the_same_packets_of_both_tracks(name: str) -> None:
    found = packets(file_of(name))
    for kind, (track, samples) in {"video": video_of(name), "audio": audio_of(name)}.items():
        base = Fraction(1, track.timescale)
        assert [each for each in found if each.kind == kind] == [
            (kind, sample.dts * base, sample.pts * base, sample.data) for sample in samples
        ]


@pytest.mark.parametrize("name", BOTH)
def test_ffprobe_finds_two_tracks_and_no_fault(name: str, tmp_path: Path) -> None:
    path = tmp_path / "both.mp4"
    path.write_bytes(file_of(name))
    command = ["ffprobe", "-v", "warning", "-show_packets", "-show_streams", "-of", "json", path]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=30)
    assert ran.stderr == b""
    told = json.loads(ran.stdout)
    assert [(each["id"], each["codec_type"]) for each in told["streams"]] == [
        ("0x1", "video"),
        ("0x2", "audio"),
    ]
    video, pictures = video_of(name)
    shown = told["streams"][0]
    assert (shown["width"], shown["height"]) == (video.width, video.height)
    keys = ["K" in each["flags"] for each in told["packets"] if each["codec_type"] == "video"]
    assert keys == [sample.keyframe for sample in pictures]


def test_a_file_of_one_track_keeps_the_track_s_number() -> None:
    video, pictures = video_of("ntsc")
    audio, frames = audio_of("ntsc")
    for init, part in (
        (cmaf.file_init(video, None), stretch(1, video, with_durations(pictures, 3000))),
        (cmaf.file_init(None, audio), stretch(2, audio, with_durations(frames, 1024))),
    ):
        found = packets(init + cmaf.fragment(1, [part], WALL))
        assert [each.data for each in found] == [sample.data for sample in part.samples]
        assert init.count(b"trak") == init.count(b"trex") == 1


def expected(part: cmaf.Stretch) -> list[tuple[int, int, int, int]]:
    return [
        (lasts, sample.pts, len(sample.data), SYNC if sample.keyframe else NOT_SYNC)
        for sample, lasts in zip(part.samples, part.durations, strict=True)
    ]


@given(ROWS, ROWS, TIMES, TIMES, st.integers(0, 2**32 - 1))
def test_a_fragment_is_read_as_it_was_written(
    video: list[tuple[int, int, bytes, bool]],
    audio: list[tuple[int, int, bytes, bool]],
    video_time: int,
    audio_time: int,
    sequence: int,
) -> None:
    parts = [made_of(1, video_time, video), made_of(2, audio_time, audio)]
    for written in (parts, parts[:1], parts[1:]):
        data = cmaf.fragment(sequence, written, WALL)
        assert [box.kind for box in cmaf.parse_boxes(data)] == ["prft", "moof", "mdat"]
        found = cmaf.parse_fragment(data)
        assert [each.track_id for each in found] == [part.track_id for part in written]
        for each, part in zip(found, written, strict=True):
            assert (each.sequence, each.decode_time) == (sequence, part.decode_time)
            assert each.samples == expected(part)
            assert each.data == b"".join(sample.data for sample in part.samples)
        lead = written[0].decode_time
        assert [each.prft for each in found] == [
            cmaf.ProducerTime(24, WALL, lead),
            *[None] * (len(written) - 1),
        ]


@given(ROWS, TIMES)
def test_a_chunk_is_a_fragment_of_one_track(
    rows: list[tuple[int, int, bytes, bool]], time: int
) -> None:
    part = made_of(1, time, rows)
    pairs = list(zip(part.samples, part.durations, strict=True))
    data = cmaf.chunk(7, time, pairs, VIDEO, WALL, True)
    (found,) = cmaf.parse_fragment(data)
    assert found[1:] == cmaf.parse_chunk(data)


def pair() -> bytes:
    video = [(3000, 0, b"key", True), (3001, 9, b"other", False)]
    audio = [(1024, 0, b"frame", True), (1024, 0, b"frames", True)]
    return cmaf.fragment(1, [made_of(1, 90_000, video), made_of(2, 48_000, audio)], WALL)


def test_a_track_that_comes_twice_is_refused() -> None:
    part = made_of(1, 0, [(3000, 0, b"key", True)])
    with pytest.raises(MediaError, match="each track once"):
        cmaf.parse_fragment(cmaf.fragment(1, [part, part], WALL))


def test_a_second_table_in_a_traf_is_refused() -> None:
    data = pair()
    at = data.index(b"tfdt")
    with pytest.raises(MediaError, match="one tfhd, one tfdt and one trun"):
        cmaf.parse_fragment(data[:at] + b"tfhd" + data[at + 4 :])


def test_samples_that_leave_a_hole_are_refused() -> None:
    data = pair()
    at = data.rindex(b"trun") + 12
    moved = int.from_bytes(data[at : at + 4]) + 1
    with pytest.raises(MediaError, match="behind the last's"):
        cmaf.parse_fragment(data[:at] + moved.to_bytes(4) + data[at + 4 :])


def test_offsets_from_elsewhere_than_the_moof_are_refused() -> None:
    data = pair()
    at = data.index(b"tfhd") + 5
    with pytest.raises(MediaError, match="not told from its moof"):
        cmaf.parse_fragment(data[:at] + b"\0" + data[at + 1 :])


def test_a_chunk_of_two_tracks_is_no_chunk() -> None:
    with pytest.raises(MediaError):
        cmaf.parse_chunk(pair())


def test_every_prefix_and_every_damage_is_a_fragment_or_an_error() -> None:
    data = pair()
    for size in range(len(data)):
        with pytest.raises(MediaError):
            cmaf.parse_fragment(data[:size])
    for at in range(len(data)):
        for value in (0, 1, 0x7F, 0xFF):
            parses_or_raises(data[:at] + bytes((value,)) + data[at + 1 :])


@given(st.binary(max_size=80))
def test_any_bytes_are_a_fragment_or_an_error(data: bytes) -> None:
    parses_or_raises(data)


def parses_or_raises(data: bytes) -> None:
    try:
        cmaf.parse_fragment(data)
    except MediaError:
        return
