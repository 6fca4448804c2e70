"""FLV: FFmpeg reads what we write as what it was; we read what FFmpeg writes; the rest is named."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_clips import RECIPES, audio_of, clip, packets, read_flv, video_of

from tidegate.media import MediaError, Sample, Track, UnsupportedCodec, VideoTrack, amf0, flv
from tidegate.media.flv.write import MAX_BODY

VIDEO = VideoTrack(b"config", "avc1.42C01E", 320, 180)


def in_wire_order(
    tracks: dict[str, Track], samples: dict[str, list[Sample]]
) -> list[tuple[Track, Sample]]:
    pairs = [(tracks[kind], sample) for kind in tracks for sample in samples[kind]]
    return sorted(pairs, key=lambda pair: pair[1].dts / pair[0].timescale)


@pytest.mark.parametrize("name", RECIPES)
def test_ffmpeg_reads_the_same_packets_from_our_file(name: str) -> None:
    tracks, samples = read_flv(clip(name))
    video, audio = tracks.get("video"), tracks.get("audio")
    assert video is None or isinstance(video, VideoTrack)
    assert not isinstance(audio, VideoTrack)
    ours = flv.file_init(video, audio, 0)
    for track, sample in in_wire_order(tracks, samples):
        # Sound's ticks were rounded down from the wire's milliseconds.
        ours += flv.media_tag(track, sample, -(-sample.dts * 1000 // track.timescale))
    assert sorted(packets(ours)) == sorted(packets(clip(name)))
    assert len(packets(ours)) == sum(map(len, samples.values()))


def test_a_tag_s_body_is_what_media_tag_writes() -> None:
    track, pictures = video_of("1080p-bframes")
    sound_track, sounds = audio_of("1080p-bframes")
    for sample in pictures:
        (tag,) = flv.parse_tags(flv.media_tag(track, sample, 77))
        assert tag == (flv.TagKind.VIDEO, 77, flv.video_tag_body(sample, track))
    for sample in sounds:
        (tag,) = flv.parse_tags(flv.media_tag(sound_track, sample, 78))
        assert tag == (flv.TagKind.AUDIO, 78, flv.audio_tag_body(sample))
    assert {sample.pts - sample.dts for sample in pictures} != {0}


def test_a_file_s_init_says_what_follows() -> None:
    track, _ = video_of("1080p-bframes")
    sound, _ = audio_of("1080p-bframes")
    data = flv.file_init(track, sound, 1234)
    assert data[: flv.FILE_HEADER_SIZE] == flv.file_header(video=True, audio=True)
    script, picture, tone = flv.parse_file_tags(data)
    assert {tag.timestamp for tag in (script, picture, tone)} == {1234}
    name, values = amf0.decode_all(script.body)
    assert name == "onMetaData"
    assert values == {
        "hasVideo": True, "hasAudio": True,
        "videocodecid": 7.0, "width": 1920.0, "height": 1080.0, "framerate": 30.0,
        "audiocodecid": 10.0, "audiosamplerate": 44100.0, "audiosamplesize": 16.0, "stereo": True,
    }  # fmt: skip
    assert flv.parse_video_tag(picture.body).data == track.config
    assert flv.parse_audio_tag(tone.body).data == sound.config


def test_a_wall_cue_point_can_be_read() -> None:
    (tag,) = flv.parse_tags(flv.wall_cue_point(5500, 1_700_000_000_123))
    assert (tag.kind, tag.timestamp) == (flv.TagKind.SCRIPT, 5500)
    assert amf0.decode_all(tag.body) == [
        "onCuePoint",
        {"name": "wall", "time": 5.5, "type": "event", "parameters": {"wall": 1_700_000_000_123.0}},
    ]


@given(st.sampled_from(flv.TagKind), st.integers(-10, 2**33), st.binary(max_size=50))
def test_a_tag_is_read_as_it_was_written(kind: int, timestamp: int, body: bytes) -> None:
    data = flv.tag(kind, timestamp, body)
    assert flv.parse_tags(data) == [(kind, timestamp % 2**32, body)]
    assert struct.unpack(">I", data[-4:])[0] == len(data) - 4
    for size in range(1, len(data)):
        with pytest.raises(MediaError):
            flv.parse_tags(data[:size])


@given(st.integers(-(2**23) // 90, 2**23 // 90 - 1), st.binary(max_size=10), st.booleans())
def test_composition_times_have_a_sign(offset: int, data: bytes, key: bool) -> None:
    sample = Sample(900_000, 900_000 + offset * 90, 0, key, data)
    tag = flv.parse_video_tag(flv.video_tag_body(sample, VIDEO))
    kind = flv.FrameType.KEY if key else flv.FrameType.INTER
    assert tag == (kind, 7, flv.PacketType.MEDIA, offset, data)


def test_a_tag_too_long_is_refused() -> None:
    with pytest.raises(MediaError, match="over"):
        flv.tag(flv.TagKind.VIDEO, 0, bytes(MAX_BODY + 1))


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"\x12\x00", "Sorenson H.263"),
        (b"\x14\x00", "VP6"),
        (b"\x1c\x00\x00\x00\x00", r"HEVC \(codec id 12\)"),
        (b"\x1f\x00", "FLV video codec 15"),
        (b"\x90hvc1", r"HEVC \(hvc1\)"),
        (b"\x90av01", r"AV1 \(av01\)"),
        (b"\x91vp09", r"VP9 \(vp09\)"),
        (b"\x90avc1", r"H.264 in an Enhanced RTMP header \(avc1\)"),
        (b"\x96\x01av01", r"AV1 \(av01\)"),
        (b"\x90????", "Enhanced RTMP video"),
        (b"\x90", "Enhanced RTMP video"),
    ],
)
def test_other_video_is_named(body: bytes, name: str) -> None:
    with pytest.raises(UnsupportedCodec, match=f"^{name} is not carried; send H.264"):
        flv.parse_video_tag(body)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"\x2f", "MP3"),
        (b"\x7f\x00", "G.711 A-law"),
        (b"\x8f\x00", "G.711 mu-law"),
        (b"\xb2\x00", "Speex"),
        (b"\xc0\x00", "FLV sound format 12"),
        (b"\x90Opus", r"Opus \(Opus\)"),
        (b"\x95\x00Opus", r"Opus \(Opus\)"),
        (b"\x90mp4a", r"AAC in an Enhanced RTMP header \(mp4a\)"),
    ],
)
def test_other_sound_is_named(body: bytes, name: str) -> None:
    with pytest.raises(UnsupportedCodec, match=f"^{name} is not carried; send AAC"):
        flv.parse_audio_tag(body)


@pytest.mark.parametrize(
    "body", [b"", b"\x17", b"\x17\x01\0\0", b"\x17\x03\0\0\0", b"\x77\x01\0\0\0"]
)
def test_damaged_video_is_refused(body: bytes) -> None:
    with pytest.raises(MediaError):
        flv.parse_video_tag(body)


@pytest.mark.parametrize("body", [b"", b"\xaf", b"\xaf\x02"])
def test_damaged_sound_is_refused(body: bytes) -> None:
    with pytest.raises(MediaError):
        flv.parse_audio_tag(body)


def test_what_holds_no_media_is_told_apart() -> None:
    assert flv.parse_video_tag(b"\x57\x00").packet_type is flv.PacketType.NO_MEDIA
    assert flv.parse_video_tag(b"\x17\x02\0\0\0").packet_type is flv.PacketType.NO_MEDIA


@given(st.binary(max_size=30))
def test_any_body_is_a_tag_or_an_error(body: bytes) -> None:
    for parse in (flv.parse_video_tag, flv.parse_audio_tag, flv.parse_tags, flv.parse_file_tags):
        try:
            parse(body)
        except MediaError:
            continue


def test_a_file_cut_anywhere_is_refused_or_ends_with_a_whole_tag() -> None:
    data = clip("sound")[:2000]
    whole = clip("sound")
    tags = flv.parse_file_tags(whole)
    for size in range(len(data)):
        try:
            found = flv.parse_file_tags(data[:size])
        except MediaError:
            continue
        assert found == tags[: len(found)]
    with pytest.raises(MediaError, match="another size"):
        flv.parse_file_tags(whole[:-1] + b"\xff")
