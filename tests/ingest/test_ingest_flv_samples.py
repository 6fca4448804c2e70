"""FLV-shaped messages to tracks and samples: recorded publishers, and each thing that is mended."""

from itertools import pairwise

import pytest
from rtmp_peer import NAMES, capture, new_session, play
from rtmp_service import Stay

from tidegate.ingest.flv_samples import FlvSamples
from tidegate.ingest.rtmp.session import Media
from tidegate.media.errors import MediaError, UnsupportedCodec
from tidegate.media.sample import AudioTrack, VideoTrack

WALL = 1_700_000_000_000_000
H264 = [name for name in NAMES if "hevc" not in name]
MESSAGES = {
    name: [event for event in play(new_session(), [capture(name)]) if isinstance(event, Media)]
    for name in NAMES
}
VIDEO = [message for message in MESSAGES["ffmpeg"] if message.kind == "video"]
AUDIO = [message for message in MESSAGES["ffmpeg"] if message.kind == "audio"]
HEADER, IDR, NEXT = VIDEO[0].payload, VIDEO[1].payload, VIDEO[2].payload


def pour(*messages: Media) -> Stay:
    stay = Stay("demo", lambda _reason: None)
    samples = FlvSamples(stay)
    for message in messages:
        samples.media(message, WALL)
    return stay


def video(payload: bytes, time: int = 0) -> Media:
    return Media("video", time, payload)


def audio(payload: bytes, time: int = 0) -> Media:
    return Media("audio", time, payload)


@pytest.mark.parametrize("name", H264)
def test_a_recorded_publish_becomes_tracks_and_samples(name):
    stay = pour(*MESSAGES[name])
    tracks = [track for track in stay.tracks if isinstance(track, VideoTrack)]
    assert [(track.width, track.height) for track in tracks] == [(160, 120)]
    for track in stay.tracks:
        mine = [sample for of, sample in stay.samples if of is track]
        times = [sample.dts for sample in mine]
        assert times == sorted(set(times))
        assert all(sample.wall == WALL for sample in mine)
        assert mine[0].keyframe
        if isinstance(track, AudioTrack):
            assert all(b - a == track.frame_size for a, b in pairwise(times))
        else:
            assert [index for index, sample in enumerate(mine) if sample.keyframe] == [0, 15]
    assert stay.events == []


def test_a_sequence_header_said_again_is_nothing_new():
    stay = pour(video(HEADER), video(IDR), video(HEADER, 40), video(NEXT, 40), *AUDIO[:2], AUDIO[0])
    assert [type(track) for track in stay.tracks] == [VideoTrack, AudioTrack]


def test_changed_parameters_are_a_new_track():
    other = next(m for m in MESSAGES["gst-rtmp2sink"] if m.kind == "video" and m.payload)
    stay = pour(video(HEADER), video(IDR), video(other.payload), video(IDR, 40))
    first, second = stay.tracks
    assert first != second
    assert [track for track, _ in stay.samples] == [first, second]


def test_what_comes_before_its_sequence_header_is_dropped_and_reported_once():
    stay = pour(video(IDR), audio(AUDIO[1].payload), video(HEADER), video(IDR, 40))
    assert len(stay.samples) == 1
    assert [name for name, _ in stay.events] == ["no_parameters"]


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty message"),
        pytest.param(b"\x17\x01\0\0\0", id="empty frame"),
        pytest.param(b"\x17\x02\0\0\0", id="end of sequence"),
        pytest.param(b"\x57\x00", id="command frame"),
    ],
)
def test_what_carries_nothing_is_passed_over(payload):
    stay = pour(video(HEADER), video(IDR), video(payload, 20), video(NEXT, 40))
    assert len(stay.samples) == 2
    assert stay.events == []


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(NEXT[:-1], id="cut short"),
        pytest.param(b"\x27\x01\0\0\0\xff\xff\xff\xffx", id="endless NAL unit"),
        pytest.param(b"\x27\x01", id="no composition time"),
        pytest.param(b"\x77\x01\0\0\0x", id="unknown frame type"),
    ],
)
def test_a_damaged_picture_costs_itself_and_an_event(payload):
    stay = pour(video(HEADER), video(IDR), video(payload, 20), video(NEXT, 40))
    assert len(stay.samples) == 2
    assert [name for name, _ in stay.events] == ["damaged_sample"]


def test_a_damaged_frame_of_sound_costs_itself_and_an_event():
    stay = pour(AUDIO[0], AUDIO[1], audio(b"\xaf"), audio(b"\xaf\x01"), AUDIO[2])
    assert len(stay.samples) == 2
    assert [name for name, _ in stay.events] == ["damaged_sample"]


def test_a_keyframe_is_what_holds_an_idr_picture():
    stay = pour(video(HEADER), video(IDR), video(b"\x17" + NEXT[1:], 40))
    assert [sample.keyframe for _, sample in stay.samples] == [True, False]
    assert [name for name, _ in stay.events] == ["keyframe_without_idr"]


def test_short_lengths_of_nal_units_become_long_ones():
    two = HEADER[:9] + bytes((HEADER[9] & 0xFC | 1,)) + HEADER[10:]
    stay = pour(video(two), video(b"\x17\x01\0\0\0" + b"\0\x03\x65ab" + b"\0\x02\x06c"))
    assert stay.samples[0][1].data == b"\0\0\0\x03\x65ab" + b"\0\0\0\x02\x06c"


def test_a_leap_of_the_clock_is_mended_and_reported():
    stay = pour(video(HEADER), video(IDR), video(NEXT, 40), video(NEXT, 3_600_000))
    times = [sample.dts for _, sample in stay.samples]
    assert times[2] - times[1] < 90_000
    assert [name for name, _ in stay.events] == ["time_jump"]


@pytest.mark.parametrize(
    ("message", "codec"),
    [
        (next(m for m in MESSAGES["pyav-hevc"] if m.kind == "video"), "HEVC"),
        (audio(b"\x2f\xff\xfb"), "MP3"),
        (audio(b"\x90Opus"), "Opus"),
        (video(b"\x1c\0\0\0\0"), "HEVC"),
    ],
)
def test_a_codec_that_is_not_carried_is_named(message, codec):
    with pytest.raises(UnsupportedCodec, match=codec):
        pour(message)


@pytest.mark.parametrize("message", [video(HEADER[:12]), audio(b"\xaf\x00")])
def test_parameters_that_cannot_be_read_end_the_publish(message):
    with pytest.raises(MediaError):
        pour(message)
