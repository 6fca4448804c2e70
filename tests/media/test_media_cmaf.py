"""CMAF: FFmpeg reads init and chunks as the samples they were made of, and has nothing to say."""

import io
import json
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_clips import RECIPES, audio_of, packets, video_of, with_durations
from test_media_aac import CONFIGS

from tidegate.media import AudioTrack, MediaError, Sample, Track, VideoTrack, aac, cmaf
from tidegate.media.cmaf.fragment import NTP_EPOCH_S
from tidegate.media.cmaf.init import NOT_SYNC, SYNC

WALL = 1_700_000_000_123_456
PICTURES = [name for name, recipe in RECIPES.items() if recipe.size]
SOUNDS = [name for name, recipe in RECIPES.items() if recipe.rate]
VIDEO = VideoTrack(b"", "avc1.42C01E", 320, 180)
AUDIO = AudioTrack(b"\x11\x90", "mp4a.40.2", 48000, 2)

ROWS = st.lists(
    st.tuples(st.integers(1, 9000), st.integers(-9000, 9000), st.binary(max_size=5), st.booleans()),
    min_size=1,
    max_size=9,
)


def init_of(track: Track) -> bytes:
    return cmaf.audio_init(track) if isinstance(track, AudioTrack) else cmaf.video_init(track)


def chunks_of(track: Track, samples: list[Sample], size: int = 4) -> list[bytes]:
    pairs = with_durations(samples, 1024)
    return [
        cmaf.chunk(at, pairs[at][0].dts, pairs[at : at + size], track, WALL, at == 0)
        for at in range(0, len(pairs), size)
    ]


def media_of(name: str, kind: str) -> tuple[Track, list[Sample]]:
    return video_of(name) if kind == "video" else audio_of(name)


EVERY = [("video", name) for name in PICTURES] + [("audio", name) for name in SOUNDS]


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_ffmpeg_reads_the_same_packets(kind: str, name: str) -> None:
    track, samples = media_of(name, kind)
    base = Fraction(1, track.timescale)
    found = packets(init_of(track) + b"".join(chunks_of(track, samples)))
    assert found == [(kind, each.dts * base, each.pts * base, each.data) for each in samples]


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_ffprobe_finds_the_track_and_no_fault(kind: str, name: str, tmp_path: Path) -> None:
    track, samples = media_of(name, kind)
    path = tmp_path / "track.mp4"
    path.write_bytes(init_of(track) + b"".join(chunks_of(track, samples)))
    command = ["ffprobe", "-v", "warning", "-show_packets", "-show_streams", "-of", "json", path]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=30)
    assert ran.stderr == b""
    told = json.loads(ran.stdout)
    (stream,) = told["streams"]
    if isinstance(track, VideoTrack):
        assert (stream["width"], stream["height"]) == (track.width, track.height)
        assert stream["codec_tag_string"] == "avc1"
    else:
        assert int(stream["sample_rate"]) == track.sample_rate
        assert stream["channels"] == track.channels
    assert [(packet["dts"], packet["pts"], int(packet["size"])) for packet in told["packets"]] == [
        (sample.dts, sample.pts, len(sample.data)) for sample in samples
    ]
    keys = ["K" in packet["flags"] for packet in told["packets"]]
    assert keys == [sample.keyframe for sample in samples]


def test_every_frame_decodes() -> None:
    track, samples = video_of("1080p-bframes")
    data = init_of(track) + b"".join(chunks_of(track, samples))
    with av.open(io.BytesIO(data)) as file:
        shown = [frame.pts for frame in file.decode(video=0)]
    assert shown == sorted(sample.pts for sample in samples)


def test_aspect_and_colour_reach_the_player() -> None:
    track, samples = video_of("interlaced")
    data = init_of(track) + b"".join(chunks_of(track, samples))
    with av.open(io.BytesIO(data)) as file:
        assert file.streams.video[0].sample_aspect_ratio == Fraction(16, 11)
    assert b"nclx\x00\x01\x00\x01\x00\x01\x80" in init_of(video_of("colour")[0])


@pytest.mark.parametrize("name", CONFIGS)
def test_an_audio_init_carries_its_config(name: str) -> None:
    track = aac.audio_track(CONFIGS[name][0])
    sample = Sample(0, 0, 0, True, bytes(8))
    data = cmaf.audio_init(track) + cmaf.chunk(
        1, 0, [(sample, track.frame_size)], track, WALL, True
    )
    with av.open(io.BytesIO(data)) as file:
        assert file.streams.audio[0].codec_context.extradata == track.config
        assert file.streams.audio[0].time_base == Fraction(1, track.sample_rate)


def test_a_rate_over_16_bits_is_left_to_the_config() -> None:
    track = AudioTrack(b"\x10\x10", "mp4a.40.2", 96000, 2)
    assert cmaf.audio_init(track).count((96000).to_bytes(4)) == 2  # mvhd and mdhd


@given(ROWS, st.integers(0, 2**62), st.integers(0, 2**32 - 1), st.booleans())
def test_a_chunk_is_read_as_it_was_written(
    rows: list[tuple[int, int, bytes, bool]], time: int, sequence: int, picture: bool
) -> None:
    pairs = [
        (Sample(0, offset if picture else 0, 0, key or not picture, data), duration)
        for duration, offset, data, key in rows
    ]
    track: Track = VIDEO if picture else AUDIO
    data = cmaf.chunk(sequence, time, pairs, track, WALL, False)
    found = cmaf.parse_chunk(data)
    assert (found.sequence, found.decode_time) == (sequence, time)
    assert found.prft == cmaf.ProducerTime(24, WALL, time)
    assert found.data == b"".join(sample.data for sample, _ in pairs)
    assert found.samples == [
        (duration, sample.pts, len(sample.data), SYNC if sample.keyframe else NOT_SYNC)
        for sample, duration in pairs
    ]


def test_a_chunk_s_table_holds_no_column_that_a_default_serves() -> None:
    def size(*pairs: tuple[Sample, int]) -> int:
        return len(cmaf.chunk(1, 0, pairs, VIDEO, WALL, False))

    plain = (Sample(0, 0, 0, False, b""), 3000)
    two = size(plain, plain)
    assert size(plain, plain, plain) == two + 4
    assert size((Sample(0, 0, 0, True, b""), 3000), plain) == two + 4
    assert size(plain, (Sample(0, 0, 0, True, b""), 3000)) == two + 8
    assert size(plain, (Sample(0, 0, 0, False, b""), 3001)) == two + 8
    assert size(plain, (Sample(0, 9, 0, False, b""), 3000)) == two + 8


def test_a_segment_s_first_chunk_says_so() -> None:
    pair = (Sample(0, 0, 0, True, b"data"), 1024)
    first, later = (cmaf.chunk(1, 0, [pair], AUDIO, WALL, start) for start in (True, False))
    assert [box.kind for box in cmaf.parse_boxes(first)] == ["styp", "prft", "moof", "mdat"]
    assert cmaf.parse_boxes(first)[0].payload.startswith(b"cmfs")
    assert cmaf.parse_boxes(later)[0].payload == b"cmfl\0\0\0\0cmfl"
    assert first.endswith(b"mdatdata")


def test_the_wall_clock_is_told_in_ntp_time() -> None:
    pair = (Sample(0, 0, 0, True, b""), 1024)
    boxes = cmaf.parse_boxes(cmaf.chunk(1, 7, [pair], AUDIO, 1_500_000, False))
    seconds, half = NTP_EPOCH_S + 1, 1 << 31
    assert boxes[1].payload[8:] == b"".join(
        (seconds.to_bytes(4), half.to_bytes(4), (7).to_bytes(8))
    )


def test_every_prefix_and_every_damage_is_a_chunk_or_an_error() -> None:
    track, samples = video_of("ntsc")
    data = chunks_of(track, [Sample(s.dts, s.pts, 0, s.keyframe, s.data[:9]) for s in samples])[0]
    for size in range(len(data)):
        with pytest.raises(MediaError):
            cmaf.parse_chunk(data[:size])
    for at in range(len(data)):
        for value in (0, 1, 0x7F, 0xFF):
            parses_or_raises(data[:at] + bytes((value,)) + data[at + 1 :])


@given(st.binary(max_size=80))
def test_any_bytes_are_a_chunk_or_an_error(data: bytes) -> None:
    parses_or_raises(data)


def parses_or_raises(data: bytes) -> None:
    try:
        cmaf.parse_chunk(data)
    except MediaError:
        return
