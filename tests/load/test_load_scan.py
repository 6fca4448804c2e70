"""FLV and fragmented MP4 of our own writers, in every split: where what time is there."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.load.atlas import SIGNATURE, Mark
from tidegate.load.scan import (
    FlvScan,
    Mp4Scan,
    ScanError,
    fragment_times,
    segment_times,
    timescales,
)
from tidegate.media import AudioTrack, Sample, Track, aac, cmaf, flv, h264
from tidegate.media.cmaf.box import box, full_box, parse_boxes

VIDEO = h264.video_track(
    bytes.fromhex(
        "0142c00dffe1001b6742c00dda05067e79b808080a000003000200000300781e28554001000468ce0fc8"
    )
)
AUDIO: AudioTrack = aac.audio_track(bytes.fromhex("1190"))
FRAME = 3000
"""Ticks of a picture: 30 a second."""


def picture(number: int) -> Sample:
    dts = 90_000 + number * FRAME
    key = number % 5 == 0
    return Sample(dts, dts + FRAME, 0, key, bytes([0, 0, 0, 99, 0x65]) + bytes([number]) * 99)


def sound(number: int) -> Sample:
    return Sample(48_000 + number * 1024, 48_000 + number * 1024, 0, True, bytes([number]) * 20)


def flv_file(pictures: int = 12) -> tuple[bytes, list[Mark]]:
    """A stream, and the marks it must give."""
    data = flv.file_init(VIDEO, AUDIO, 1000) + flv.wall_cue_point(1000, 1_700_000_000_000)
    init = FlvScan()
    marks = list(init.feed(data))  # the decoders' parameters have a time too
    for number in range(pictures):
        sample = picture(number)
        for track, each, rate in ((VIDEO, sample, 90), (AUDIO, sound(number), 48)):
            time = each.dts // rate
            tag = flv.media_tag(track, each, time)
            key = track is VIDEO and each.keyframe
            at = len(data) + 11
            data += tag
            signature = tag[11 : 11 + SIGNATURE] if key else b""
            marks.append(Mark(len(data), time / 1000, signature, at, time / 1000))
    return data, marks


def mp4_file(fragments: int = 4) -> tuple[bytes, list[Mark]]:
    """A file of both tracks, a fragment of three pictures and five frames of sound at a time."""
    data = cmaf.file_init(VIDEO, AUDIO)
    marks = []
    for number in range(fragments):
        pictures = [picture(3 * number + each) for each in range(3)]
        sounds = [sound(5 * number + each) for each in range(5)]
        fragment = cmaf.fragment(
            number,
            [
                cmaf.Stretch(
                    cmaf.VIDEO_ID, VIDEO, pictures[0].dts, pictures, [FRAME, FRAME, FRAME]
                ),
                cmaf.Stretch(cmaf.AUDIO_ID, AUDIO, sounds[0].dts, sounds, [1024] * 5),
            ],
            1_700_000_000_000_000,
        )
        moof = next(each for each in parse_boxes(fragment) if each.kind == "moof")
        begin = max(pictures[0].dts / 90_000, sounds[0].dts / 48_000)
        end = min((pictures[0].dts + 3 * FRAME) / 90_000, (sounds[0].dts + 5 * 1024) / 48_000)
        at = len(data) + moof.start + 8
        data += fragment
        marks.append(Mark(len(data), end, moof.payload[:SIGNATURE], at, begin))
    return data, marks


FLV, FLV_MARKS = flv_file()
MP4, MP4_MARKS = mp4_file()
BOTH = [(FlvScan, FLV, FLV_MARKS), (Mp4Scan, MP4, MP4_MARKS)]
Maker = type[FlvScan] | type[Mp4Scan]
both = pytest.mark.parametrize(("make_scan", "data", "marks"), BOTH, ids=["flv", "mp4"])


def scanned(make_scan: Maker, pieces: list[bytes]) -> list[Mark]:
    scan = make_scan()
    return [mark for piece in pieces for mark in scan.feed(piece)]


@both
def test_every_mark_is_there_at_its_last_byte(
    make_scan: Maker, data: bytes, marks: list[Mark]
) -> None:
    assert len({mark.signature for mark in marks if mark.signature}) >= 3
    scan = make_scan()
    found = []
    for at in range(len(data)):
        for mark in scan.feed(data[at : at + 1]):
            assert mark.offset == at + 1
            found.append(mark)
    assert found == marks


@both
def test_every_split_in_two_gives_the_same(
    make_scan: Maker, data: bytes, marks: list[Mark]
) -> None:
    for cut in range(0, len(data), 3):
        assert scanned(make_scan, [data[:cut], data[cut:]]) == marks


@both
def test_a_stream_cut_short_gives_the_marks_before_the_cut(
    make_scan: Maker, data: bytes, marks: list[Mark]
) -> None:
    for size in range(0, len(data), 7):
        before = [mark for mark in marks if mark.offset <= size]
        assert scanned(make_scan, [data[:size]]) == before


@pytest.mark.parametrize(("make_scan", "data"), [each[:2] for each in BOTH], ids=["flv", "mp4"])
@given(st.data())
def test_damage_is_marks_or_a_scan_error(
    make_scan: Maker, data: bytes, draw: st.DataObject
) -> None:
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 8))):
        damaged[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    scan = make_scan()
    with suppress(ScanError):
        for at in range(0, len(damaged), 100):
            list(scan.feed(bytes(damaged[at : at + 100])))
            assert len(scan._buffer.held) <= len(data)


def test_what_is_long_is_not_held() -> None:
    scan = FlvScan()
    list(scan.feed(FLV))
    list(scan.feed(b"\x09\xff\xff\xff" + bytes(7)))
    for _ in range(20):
        list(scan.feed(bytes(100_000)))
        assert len(scan._buffer.held) <= 100_000
    mp4 = Mp4Scan()
    list(mp4.feed(MP4 + (2**29).to_bytes(4) + b"mdat"))
    for _ in range(20):
        list(mp4.feed(bytes(100_000)))
        assert not mp4._buffer.held


@pytest.mark.parametrize(
    ("make_scan", "data"),
    [
        (FlvScan, b"<html><body>404</body></html>"),
        (FlvScan, FLV[:13] + b"\x07" + bytes(10)),
        (Mp4Scan, b"<html><body>404</body></html>"),
        (Mp4Scan, bytes(8)),
        (Mp4Scan, b"\x00\x00\x00\x01mdat" + bytes(8)),
        (Mp4Scan, (1 << 21).to_bytes(4) + b"moof"),
        (Mp4Scan, box(b"moov", box(b"trak"))),
        (Mp4Scan, box(b"moof")),
        (Mp4Scan, box(b"moof", box(b"traf", full_box(b"tfhd", 0, 0, bytes(4))))),
        (Mp4Scan, MP4[MP4.index(b"moof") - 4 :]),
    ],
)
def test_nonsense_is_a_scan_error(make_scan: Maker, data: bytes) -> None:
    with pytest.raises(ScanError, match=r"."):
        scanned(make_scan, [data])


def traf(*truns: bytes, tfhd: bytes = b"", flags: int = 0) -> bytes:
    head = full_box(b"tfhd", 0, flags, (1).to_bytes(4), tfhd)
    return box(b"traf", head, full_box(b"tfdt", 0, 0, (1000).to_bytes(4)), *truns)


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(4) for value in values)


@pytest.mark.parametrize(
    ("payload", "end"),
    [
        (traf(full_box(b"trun", 0, 0, words(5)), tfhd=words(20), flags=8), 1100),
        (
            traf(full_box(b"trun", 0, 0, words(5)), tfhd=bytes(8) + words(9, 20), flags=1 | 2 | 8),
            1100,
        ),
        (traf(full_box(b"trun", 0, 0x301, words(2, 0, 30, 1, 40, 1))), 1070),
        (traf(full_box(b"trun", 0, 0x105, words(2, 0, 0, 30, 40))), 1070),
        (traf(*2 * [full_box(b"trun", 0, 0x100, words(1, 30))]), 1060),
        (traf(), 1000),
    ],
)
def test_how_long_a_fragment_lasts_as_other_writers_say_it(payload: bytes, end: int) -> None:
    assert fragment_times(payload, {1: 1000}) == [(1.0, end / 1000)]


def test_a_trun_cut_short_is_a_scan_error() -> None:
    with pytest.raises(ScanError, match="cut short"):
        fragment_times(traf(full_box(b"trun", 0, 0x100, words(3, 30))), {1: 1000})


def test_the_ticks_of_each_track() -> None:
    moov = next(each.payload for each in parse_boxes(MP4) if each.kind == "moov")
    tracks: dict[int, Track] = {cmaf.VIDEO_ID: VIDEO, cmaf.AUDIO_ID: AUDIO}
    assert timescales(moov) == {number: track.timescale for number, track in tracks.items()}


def test_when_a_segment_begins_and_ends() -> None:
    scales = {cmaf.VIDEO_ID: 90_000, cmaf.AUDIO_ID: 48_000}
    boxes = parse_boxes(MP4)
    moofs = [each for each in boxes if each.kind == "moof"]
    times = [span for each in moofs for span in fragment_times(each.payload, scales)]
    found = segment_times(MP4, scales)
    assert found == (min(start for start, _ in times), max(end for _, end in times))
    assert segment_times(MP4[: moofs[0].start], scales) is None
    assert segment_times(MP4[:-1], scales) is None
    assert segment_times(MP4, {}) is None
