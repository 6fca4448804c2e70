"""What the load generator reads of a server: any split gives the same, and lies are told."""

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.load.atlas import SIGNATURE, Atlas, Mark
from tidegate.load.http import HEAD_LIMIT, BadResponse, Chunks, parse_head
from tidegate.load.playlist import Media, Multivariant, PlaylistError, parse
from tidegate.load.scan import FlvScan, Mp4Scan, ScanError
from tidegate.load.target import TargetError, kind_of, resolve

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
LOW_LATENCY = """#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6,HOLD-BACK=6.0
#EXT-X-PART-INF:PART-TARGET=0.2
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="init.0.mp4"
#EXTINF:2.0,
7.m4s
#EXT-X-PART:DURATION=0.2,URI="part.80.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.2,URI="part.81.m4s"
#EXTINF:2.00000,
8.m4s
#EXT-X-PART:DURATION=0.2,URI="part.90.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part.91.m4s"
"""
MULTIVARIANT = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",DEFAULT=YES,URI="audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.64001f,mp4a.40.2",AUDIO="a"
high.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=300000
low.m3u8
"""


def test_a_head_is_read_once_it_is_whole() -> None:
    head = parse_head(HEAD + b"hello")
    assert head is not None
    assert (head.status, head.size, head.length, head.keep_alive) == (200, len(HEAD), 5, False)
    for length in range(len(HEAD)):
        assert parse_head(HEAD[:length]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * HEAD_LIMIT,
    ],
)
def test_what_is_no_head_is_refused(data: bytes) -> None:
    with pytest.raises(BadResponse):
        parse_head(data)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=6), st.integers(1, 50))
def test_chunks_come_out_as_they_went_in(pieces: list[bytes], step: int) -> None:
    wire = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    chunks = Chunks()
    got = b"".join(chunks.feed(wire[at : at + step]) for at in range(0, len(wire), step))
    assert got == b"".join(pieces)
    assert chunks.over


def test_a_playlist_of_parts() -> None:
    media = parse(LOW_LATENCY)
    assert isinstance(media, Media)
    assert (media.target_s, media.part_target_s, media.part_hold_back_s) == (2.0, 0.2, 0.6)
    assert [(piece.msn, piece.uri) for piece in media.segments] == [(7, "7.m4s"), (8, "8.m4s")]
    assert [(each.msn, each.part, each.independent) for each in media.parts] == [
        (8, 0, True),
        (8, 1, False),
        (9, 0, True),
    ]
    assert (media.next_msn, media.can_block, media.init) == (9, True, "init.0.mp4")


def test_a_multivariant_playlist() -> None:
    found = parse(MULTIVARIANT)
    assert isinstance(found, Multivariant)
    assert [variant.uri for variant in found.variants] == ["low.m3u8", "high.m3u8"]
    assert found.audio == {"a": "audio.m3u8"}


@pytest.mark.parametrize("text", [LOW_LATENCY, MULTIVARIANT])
def test_a_cut_playlist_is_one_or_is_refused(text: str) -> None:
    for length in range(len(text)):
        with contextlib.suppress(PlaylistError):
            parse(text[:length])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "#EXTM3U",
        "#EXTM3U\n#EXT-X-TARGETDURATION:x",
        "#EXTM3U\n" + "x" * 5000,
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1e9,\na.ts",
        "#EXTM3U\n#EXT-X-STREAM-INF:A=1",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART:DURATION=1",
    ],
)
def test_lies_are_playlist_errors(text: str) -> None:
    with pytest.raises(PlaylistError):
        parse(text)


def flv_tag(kind: int, time_ms: int, body: bytes) -> bytes:
    stamp = (time_ms & 0xFFFFFF).to_bytes(3) + (time_ms >> 24).to_bytes(1)
    tag = bytes([kind]) + len(body).to_bytes(3) + stamp + bytes(3) + body
    return tag + len(tag).to_bytes(4)


FLV = (
    b"FLV\x01\x05\x00\x00\x00\x09"
    + bytes(4)
    + flv_tag(18, 0, b"onMetaData")
    + flv_tag(9, 1000, b"\x17\x01" + b"key" * 60)
    + flv_tag(8, 1005, b"\xaf\x01sound")
    + flv_tag(9, 20_000_000, b"\x27\x01" + b"p" * 90)
    + flv_tag(8, 20_000_020, b"\xaf\x01sound")
)


def box(kind: bytes, *payload: bytes) -> bytes:
    body = b"".join(payload)
    return (8 + len(body)).to_bytes(4) + kind + body


def fragment(start: int, durations: list[int]) -> bytes:
    trun = b"\0\0\1\1" + len(durations).to_bytes(4) + bytes(4)
    trun += b"".join(duration.to_bytes(4) for duration in durations)
    traf = box(
        b"traf",
        box(b"tfhd", b"\0\2\0\0", (1).to_bytes(4)),
        box(b"tfdt", b"\1\0\0\0", start.to_bytes(8)),
        box(b"trun", trun),
    )
    return box(b"moof", box(b"mfhd", bytes(4), start.to_bytes(4)), traf) + box(b"mdat", b"m" * 99)


MDHD = box(b"mdhd", bytes(12), (1000).to_bytes(4), bytes(8))
TKHD = box(b"tkhd", bytes(12), (1).to_bytes(4), bytes(60))
MP4 = (
    box(b"ftyp", b"isom", bytes(4))
    + box(b"moov", box(b"trak", TKHD, box(b"mdia", MDHD)))
    + fragment(5000, [40, 40])
    + fragment(5080, [40, 60])
    + box(b"free")
)


@pytest.mark.parametrize(("make", "data"), [(FlvScan, FLV), (Mp4Scan, MP4)])
@given(cuts=st.lists(st.integers(0, 2000), max_size=10))
def test_marks_do_not_depend_on_the_cuts(
    make: type[FlvScan] | type[Mp4Scan], data: bytes, cuts: list[int]
) -> None:
    scan, marks, at = make(), [], 0
    for cut in [*sorted(cut % len(data) for cut in cuts), len(data)]:
        marks += list(scan.feed(data[at:cut]))
        at = cut
    assert marks == list(make().feed(data))


def test_the_times_of_flv_and_mp4() -> None:
    marks = list(FlvScan().feed(FLV))
    assert [mark.time for mark in marks] == [1.0, 1.005, 20_000.0, 20_000.02]
    assert [bool(mark.signature) for mark in marks] == [True, False, False, False]
    assert FLV[marks[0].at :].startswith(marks[0].signature)
    assert len(marks[0].signature) == SIGNATURE
    marks = list(Mp4Scan().feed(MP4))
    assert [(mark.begin, mark.time) for mark in marks] == [
        (pytest.approx(5.0), pytest.approx(float(Fraction(508, 100)))),
        (pytest.approx(5.08), pytest.approx(5.18)),
    ]


@pytest.mark.parametrize(
    ("make", "data"),
    [
        (FlvScan, b"RIFF" + bytes(20)),
        (FlvScan, FLV[:13] + b"\x77" * 20),
        (Mp4Scan, bytes(16)),
        (Mp4Scan, b"\xff\xff\xff\xffmoof"),
        (Mp4Scan, box(b"moof", b"\0\0\0\1traf")),
    ],
)
def test_nonsense_is_a_scan_error(make: type[FlvScan] | type[Mp4Scan], data: bytes) -> None:
    with pytest.raises(ScanError):
        list(make().feed(data))


def test_a_place_is_found_by_a_keyframe_and_its_time_by_the_bytes() -> None:
    atlas = Atlas()
    assert atlas.find(b"anything") is None
    assert atlas.time(5) is None
    for number in range(100):
        key = f"keyframe {number} ".encode().ljust(SIGNATURE, b".") if number % 10 == 0 else b""
        atlas.add(Mark(1000 * (number + 1), number / 10, key, 1000 * number + 11, number / 10))
    data = b"xx" + b"keyframe 80 ".ljust(SIGNATURE, b".") + b"keyframe 90 ".ljust(SIGNATURE, b".")
    assert atlas.find(data) == (2, 80_011, 8.0)
    assert atlas.time(81_000) == atlas.time(81_999) == 8.0
    assert atlas.time(10**9) == 9.9


def test_a_url_says_its_kind_or_what_to_write() -> None:
    assert [kind_of(f"http://x/a{end}") for end in (".flv", ".mp4", ".m3u8?x=1")] == [
        "flv",
        "mp4",
        "hls",
    ]
    with pytest.raises(TargetError, match="must end with"):
        kind_of("http://x/a.webm")
    for wrong in ("rtmp://127.0.0.1/a.flv", "http:///a.flv", "http://127.0.0.1:99999/a.flv"):
        with pytest.raises(TargetError):
            resolve(wrong)
    target = resolve("http://127.0.0.1:81/live/a.m3u8")
    assert target.beside("a/b.m4s?x=1").path == "/live/a/b.m4s?x=1"
    assert b"Host: 127.0.0.1:81\r\n" in target.request
