"""Playlists against RFC 8216bis: whatever the log holds, at every moment of its growth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.hls_judge import apply_delta, attributes, judge, judge_reload, read
from tidegate.log import Flag, Record
from tidegate.package import hls
from tidegate.package.manifest import Manifest, Rendition
from tidegate.package.window import Window

TIMESCALE = 90_000
PART = 18_000
VIDEO = Rendition(
    "source", "video", "avc1.64001F", 0.2, width=1280, height=720, frame_rate=30000 / 1001
)
AUDIO = Rendition("audio", "audio", "mp4a.40.2", 0.2, sample_rate=48_000, channels=2)
MANIFEST = Manifest("demo", "e1", 2, 12.0, [VIDEO, AUDIO])

# A log as (parts a segment, whether it follows a discontinuity); the last part may be short.
plans = st.lists(
    st.tuples(st.integers(1, 10), st.sampled_from([False] * 4 + [True]), st.integers(9_000, PART)),
    min_size=1,
    max_size=15,
)


def records(plan: list[tuple[int, bool, int]]) -> list[Record]:
    made: list[Record] = []
    time = 90_000
    init = 0
    for segment, (parts, discontinuity, last) in enumerate(plan):
        offset = 0
        init += discontinuity and segment > 0
        for part in range(parts):
            flags = Flag.INDEPENDENT | Flag.STARTS_SEGMENT if part == 0 else 0
            if part == 0 and discontinuity and segment > 0:
                flags |= Flag.DISCONTINUITY
            duration = last if part == parts - 1 else PART
            wall = 1_700_000_000_000_000 + time * 1_000_000 // TIMESCALE
            made.append(Record(time, wall, segment, offset, 10_000, duration, init, flags))
            offset += 10_000
            time += duration
    return made


def window_of(made: list[Record], ended: bool = False) -> Window:
    window = Window(TIMESCALE)
    window.extend(0, made)
    window.ended = ended
    return window


@given(plans, st.booleans())
def test_every_playlist_of_a_growing_log_obeys_the_law(
    plan: list[tuple[int, bool, int]], ended: bool
) -> None:
    made = records(plan)
    before = None
    window = Window(TIMESCALE)
    for number, record in enumerate(made):
        window.extend(number, [record])
        window.ended = ended and number == len(made) - 1
        windows = {"source": window, "audio": window}
        full = read(hls.media_playlist(MANIFEST, "source", windows, skip=False).decode())
        judge(full)
        delta = read(hls.media_playlist(MANIFEST, "source", windows, skip=True).decode())
        if before is not None:
            judge_reload(before, full)
            if not delta.skipped or before.segments[0].number <= full.segments[0].number:
                judged = apply_delta(full, delta)
                assert [each.uri for each in judged] == [each.uri for each in full.segments]
        last = full.segments[-1]
        if not window.ended:
            assert last.parts[-1].uri == f"source/part.{number}.m4s"
            assert full.hint == {"TYPE": "PART", "URI": f"source/part.{number + 1}.m4s"}
            assert full.reports == {"audio.m3u8": (last.number, len(last.parts) - 1)}
        assert full.ended == window.ended
        before = full


def test_a_delta_update_skips_only_what_is_older_than_the_skip_boundary() -> None:
    made = records([(10, False, PART)] * 15)
    windows = {"source": window_of(made), "audio": window_of(made)}
    manifest = Manifest("demo", "e1", 2, 26.0, [VIDEO, AUDIO])
    delta = read(hls.media_playlist(manifest, "source", windows, skip=True).decode())
    listed = sum(len(each.parts) * 0.2 if not each.uri else 2.0 for each in delta.segments)
    assert delta.skipped > 0
    assert float(delta.control["CAN-SKIP-UNTIL"]) <= listed < 14.1


def test_parts_are_listed_near_the_end_alone() -> None:
    made = records([(10, False, PART)] * 12)
    playlist = read(
        hls.media_playlist(MANIFEST, "source", {"source": window_of(made)}, skip=False).decode()
    )
    assert [bool(each.parts) for each in playlist.segments] == [False] * 3 + [True] * 3


def test_the_multivariant_playlist_names_codecs_size_rate_and_measured_bit_rates() -> None:
    window = window_of(records([(10, False, PART)] * 3))
    text = hls.multivariant(MANIFEST, {"source": window, "audio": window}).decode()
    variant = text.split("#EXT-X-STREAM-INF:")[1]
    head, uri = variant.splitlines()
    found = attributes(head)
    assert uri == "demo/e1/source.m3u8"
    assert found["CODECS"] == "avc1.64001F,mp4a.40.2"
    assert found["RESOLUTION"] == "1280x720"
    assert found["FRAME-RATE"] == "29.970"
    # 100,000 bytes in 2 s, video and audio alike
    assert found["BANDWIDTH"] == found["AVERAGE-BANDWIDTH"] == "800000"
    assert 'URI="demo/e1/audio.m3u8"' in text
    assert 'CHANNELS="2"' in text


def test_a_channel_of_sound_alone_has_one_variant() -> None:
    manifest = Manifest("radio", "e1", 2, 12.0, [AUDIO])
    text = hls.multivariant(manifest, {"audio": window_of(records([(5, False, PART)]))}).decode()
    assert 'CODECS="mp4a.40.2"' in text
    assert "TYPE=AUDIO" not in text
    assert text.endswith("radio/e1/audio.m3u8\n")


@pytest.mark.parametrize(
    ("number", "part", "has", "may_wait"),
    [
        (0, None, True, True),
        (1, None, False, True),
        (1, 4, True, True),
        (1, 5, False, True),
        (1, 19, False, True),  # the advance part limit: three seconds of parts
        (1, 20, False, False),
        (2, 0, False, True),
        (3, None, False, True),
        (4, None, False, False),
        (4, 0, False, False),
    ],
)
def test_a_blocking_reload_waits_for_what_is_near(
    number: int, part: int | None, has: bool, may_wait: bool
) -> None:
    window = window_of(records([(10, False, PART), (5, False, PART)]))
    assert window.has(number, part) == has
    assert hls.can_block(window, 0.2, number, part) == may_wait
    window.ended = True
    assert window.has(number, part)


def test_a_window_drops_what_is_retired_and_finds_what_is_kept() -> None:
    window = window_of(records([(3, False, PART)] * 4))
    window.retire(4)
    assert [segment.number for segment in window.segments] == [2, 3]
    assert window.segment(1) is None
    assert window.segment(4) is None
    found = window.segment(2)
    assert found is not None
    assert (found.first, found.complete, found.size) == (6, True, 30_000)
    assert window.last == (3, 2)
    assert window.next == 12
