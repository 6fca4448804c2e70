"""Playlists of our own and of other servers as a player's requests depend on them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.hls_judge import read
from tidegate.load.playlist import LINE, LINES, Media, Multivariant, PlaylistError, Variant, parse
from tidegate.log import Flag, Record
from tidegate.package import hls
from tidegate.package.manifest import Manifest, Rendition
from tidegate.package.window import Window

VIDEO = Rendition("source", "video", "avc1.64001F", 0.2, width=1280, height=720, frame_rate=30.0)
AUDIO = Rendition("audio", "audio", "mp4a.40.2", 0.2, sample_rate=48_000, channels=2)
MANIFEST = Manifest("demo", "e1", 2, 12.0, [VIDEO, AUDIO])
PART = 18_000
"""Ticks of 90 kHz: 0.2 s."""

NGINX = """#EXTM3U
#EXT-X-VERSION:3
#EXT-X-MEDIA-SEQUENCE:41
#EXT-X-TARGETDURATION:5
#EXT-X-DISCONTINUITY
#EXTINF:5.000,
film-41.ts
#EXTINF:4.96,
film-42.ts
"""
FFMPEG = """#EXTM3U\r
#EXT-X-VERSION:7\r
#EXT-X-TARGETDURATION:2\r
#EXT-X-MEDIA-SEQUENCE:0\r
#EXT-X-PLAYLIST-TYPE:EVENT\r
#EXT-X-INDEPENDENT-SEGMENTS\r
#EXT-X-MAP:URI="film.mp4",BYTERANGE="840@0"\r
#EXTINF:2.000000,\r
#EXT-X-BYTERANGE:1000@840\r
film.mp4\r
#EXTINF:2.000000,a title, with commas\r
#EXT-X-BYTERANGE:500\r
film.mp4\r
#EXT-X-ENDLIST\r
"""


def ours(plan: list[int], ended: bool = False) -> dict[str, Window]:
    """A log of segments of so many parts."""
    window = Window(90_000)
    time, made = 90_000, []
    for segment, parts in enumerate(plan):
        for part in range(parts):
            flags = Flag.INDEPENDENT | Flag.STARTS_SEGMENT if part == 0 else 0
            wall = 1_700_000_000_000_000 + time * 1_000_000 // 90_000
            made.append(Record(time, wall, segment, part * 9000, 9000, PART, 0, flags))
            time += PART
    window.extend(0, made)
    window.ended = ended
    return {"source": window, "audio": window}


def media(text: str) -> Media:
    found = parse(text)
    assert isinstance(found, Media)
    return found


@given(st.lists(st.integers(1, 10), min_size=1, max_size=12), st.booleans())
def test_our_own_playlists_are_read_as_the_judge_reads_them(plan: list[int], ended: bool) -> None:
    windows = ours(plan, ended)
    text = hls.media_playlist(MANIFEST, "source", windows, skip=False).decode()
    judged, found = read(text), media(text)
    assert found.ended is ended
    whole = [each for each in judged.segments if each.uri]
    assert [each.uri for each in found.segments] == [each.uri for each in whole]
    assert [each.msn for each in found.segments] == [each.number for each in whole]
    parts = [
        (each.number, n, part.uri) for each in judged.segments for n, part in enumerate(each.parts)
    ]
    assert [(each.msn, each.part, each.uri) for each in found.parts] == parts
    assert all(each.independent is (each.part == 0) for each in found.parts)
    assert found.next_msn == (whole[-1].number + 1 if whole else judged.segments[0].number)
    assert found.can_block
    assert found.target_s >= found.part_target_s == 0.2
    assert found.part_hold_back_s >= 2 * found.part_target_s
    assert found.init


def test_our_multivariant_playlist() -> None:
    found = parse(hls.multivariant(MANIFEST, ours([10, 10, 3])).decode())
    assert isinstance(found, Multivariant)
    assert found.audio == {"audio": "demo/e1/audio.m3u8"}
    assert [(each.uri, each.audio) for each in found.variants] == [("demo/e1/source.m3u8", "audio")]
    assert found.variants[0].bandwidth > 0


def test_variants_rise_whatever_their_order() -> None:
    text = """#EXTM3U
#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=1,BANDWIDTH=5000000,CODECS="avc1.64001F,mp4a.40.2"
# a comment
high.m3u8

#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360
low.m3u8
stray.m3u8
"""
    low = Variant("low.m3u8", 800_000, "", 800_000)
    high = Variant("high.m3u8", 5_000_000, "", 1)
    assert parse(text) == Multivariant([low, high], high, {})


def test_a_delta_update_numbers_what_it_lists_as_the_whole_does() -> None:
    plan, long = [10] * 40, Manifest("demo", "e1", 2, 60.0, [VIDEO, AUDIO])
    whole, part = (
        media(hls.media_playlist(long, "source", ours(plan), skip=skip).decode())
        for skip in (False, True)
    )
    assert whole.skipped == 0 < part.skipped
    assert whole.segments[part.skipped :] == part.segments
    assert (whole.pieces[-5:], whole.next_msn) == (part.pieces[-5:], part.next_msn)
    assert whole.first_msn == part.first_msn


def test_discontinuities_are_counted_from_the_first_one_that_ever_was() -> None:
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-DISCONTINUITY-SEQUENCE:4\n"
    found = media(f"{head}#EXTINF:2,\na\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\nb\n")
    assert [piece.cut for piece in found.segments] == [4, 5]


def test_a_plain_playlist_as_nginx_rtmp_writes_it() -> None:
    found = media(NGINX)
    assert (found.target_s, found.can_block, found.ended, found.init) == (5.0, False, False, "")
    assert [(each.uri, each.msn, each.duration) for each in found.segments] == [
        ("film-41.ts", 41, 5.0),
        ("film-42.ts", 42, 4.96),
    ]
    assert found.next_msn == 43


def test_byte_ranges_as_ffmpeg_writes_them_go_on_where_the_last_ended() -> None:
    found = media(FFMPEG)
    assert (found.init, found.init_range, found.ended) == ("film.mp4", "840@0", True)
    assert [each.byte_range for each in found.segments] == ["1000@840", "500@1840"]


def test_a_playlist_without_segments_says_which_comes_next() -> None:
    assert media("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:9\n").next_msn == 9


@pytest.mark.parametrize("text", [NGINX, FFMPEG])
def test_a_playlist_cut_short_has_no_more_in_it(text: str) -> None:
    whole = media(text)
    for length in range(len(text)):
        try:
            found = media(text[:length])
        except PlaylistError:
            continue
        sure = found.segments[:-1]  # the last URI may be cut too
        assert sure == whole.segments[: len(sure)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "EXTM3U"),
        ("<html>", "EXTM3U"),
        ("#EXTM3U\n", "target duration"),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:0\n", "target duration"),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:-2\n", "seconds"),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:1e9\n", "seconds"),
        ("#EXTM3U\n#EXTINF:nan,\na\n", "seconds"),
        ("#EXTM3U\n#EXTINF:\na\n", "seconds"),
        ("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:x\n", "whole number"),
        ("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:" + "9" * 16, "whole number"),
        ("#EXTM3U\n#EXTINF:1,\na\n#EXT-X-MEDIA-SEQUENCE:9\n", "behind the first segment"),
        ("#EXTM3U\n#EXT-X-PART:DURATION=1\n", "URI"),
        ('#EXTM3U\n#EXT-X-PART:DURATION=1,URI="a",BYTERANGE="x@y"\n', "byte range"),
        ("#EXTM3U\n#EXTINF:1,\n#EXT-X-BYTERANGE:0@5\na\n", "byte range"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", "variants"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=fast\na\n", "whole number"),
        ("#EXTM3U\n" + "x" * (LINE + 1), "too long"),
        ("#EXTM3U\n" + "\n" * LINES, "too long"),
    ],
)
def test_a_lie_is_named(text: str, why: str) -> None:
    with pytest.raises(PlaylistError, match=why):
        parse(text)


tags = st.sampled_from(
    [line.split(":")[0] + ":" for line in (NGINX + FFMPEG).splitlines() if ":" in line]
    + ["#EXT-X-PART:URI=", "#EXT-X-STREAM-INF:BANDWIDTH=", "#EXT-X-MEDIA:", "a.ts", ""]
)


@given(st.lists(st.tuples(tags, st.text(max_size=12)), max_size=20))
def test_any_text_is_a_playlist_or_a_playlist_error(lines: list[tuple[str, str]]) -> None:
    try:
        found = parse("#EXTM3U\n" + "\n".join(tag + rest for tag, rest in lines))
    except PlaylistError:
        return
    assert found.variants if isinstance(found, Multivariant) else found.target_s


def test_a_line_of_letters_takes_no_longer_than_its_length() -> None:
    line = "#EXT-X-STREAM-INF:" + "A" * 4000
    with pytest.raises(PlaylistError, match="variants"):
        parse("#EXTM3U\n" + "\n".join([line] * 1000))
