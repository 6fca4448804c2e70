"""Where a live playlist is begun, what comes next in it, and when and how it is asked for again."""

import pytest

from tidegate.load.live import after, beginning, directives, following, passed_s, reload_s
from tidegate.load.playlist import Media, parse


def media(*lines: str, target: int = 2, first: int = 10) -> Media:
    head = f"#EXTM3U\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
    found = parse(head + "\n".join(lines))
    assert isinstance(found, Media)
    return found


def segments(count: int, duration: float = 2.0) -> list[str]:
    return [f"#EXTINF:{duration},\ns{number}" for number in range(count)]


CONTROL = "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6,CAN-SKIP-UNTIL=12"
LOW = [CONTROL, "#EXT-X-PART-INF:PART-TARGET=0.2", *segments(3)]
LOW += [f'#EXT-X-PART:DURATION=0.2,URI="p{n}"{",INDEPENDENT=YES" * (n % 5 == 0)}' for n in range(8)]


def begun(playlist: Media, low_latency: bool = True, stalls: int = 0) -> tuple[str, float]:
    found = beginning(playlist, low_latency, stalls)
    assert found is not None
    return found[0].uri, pytest.approx(found[1])


def test_one_begins_three_targets_before_the_end() -> None:
    assert begun(media(*segments(8))) == ("s5", 0.0)


def test_and_within_a_segment_when_it_is_there() -> None:
    assert begun(media(*segments(8, 1.7))) == ("s4", pytest.approx(8 * 1.7 - 6 - 4 * 1.7))
    assert begun(media("#EXT-X-SERVER-CONTROL:HOLD-BACK=7.2", *segments(8))) == ("s4", 0.8)


def test_a_segment_is_not_begun_with_just_before_its_end() -> None:
    assert begun(media("#EXT-X-SERVER-CONTROL:HOLD-BACK=6.2", *segments(8))) == ("s5", 0.0)
    assert begun(media("#EXT-X-SERVER-CONTROL:HOLD-BACK=6.3", *segments(8))) == ("s4", 1.7)


def test_each_stall_puts_the_beginning_further_back_up_to_a_target() -> None:
    assert [begun(media(*segments(8)), True, n) for n in (1, 2, 9)] == [
        ("s4", 1.0),
        ("s4", 0.0),
        ("s4", 0.0),
    ]


def test_a_short_playlist_is_begun_with_its_first_and_an_ended_one_too() -> None:
    assert begun(media(*segments(2))) == ("s0", 0.0)
    assert begun(media(*segments(8), "#EXT-X-ENDLIST")) == ("s0", 0.0)
    assert beginning(media(), True, 0) is None


def test_parts_are_begun_with_where_decoding_can_start() -> None:
    assert begun(media(*LOW)) == ("p5", 0.0)
    assert begun(media(*LOW[:-1])) == ("p0", pytest.approx(0.8))
    assert begun(media(*LOW), low_latency=False) == ("s0", 0.0)


def test_what_comes_next_is_the_place_or_the_first_behind_it() -> None:
    playlist = media(*LOW)
    for point, uri in (((11, 0), "s1"), ((13, 3), "p3"), ((3, 0), "s0")):
        found = following(playlist, True, point)
        assert found is not None
        assert found.uri == uri
    assert following(playlist, True, (13, 8)) is None
    assert following(playlist, False, (13, 0)) is None


def listed(*closed: int, open_parts: int = 3, parted: int = 3) -> Media:
    """Segments of ten parts of 0.2 s, of which the last `parted` list them, and an open one."""
    lines = [CONTROL, "#EXT-X-PART-INF:PART-TARGET=0.2"]
    for number in closed:
        if number >= closed[-1] - parted + 1:
            lines += [f'#EXT-X-PART:DURATION=0.2,URI="p{number}.{n}"' for n in range(10)]
        lines += ["#EXTINF:2,", f"s{number}"]
    lines += [f'#EXT-X-PART:DURATION=0.2,URI="p{closed[-1] + 1}.{n}"' for n in range(open_parts)]
    return media(*lines, first=closed[0])


def next_one(
    playlist: Media, point: tuple[int, int], buffered_s: float = 0.5, by_parts: bool = True
) -> tuple[str, bool]:
    piece, by_parts = after(playlist, point, buffered_s, by_parts)
    return ("" if piece is None else piece.uri), by_parts


def test_near_the_end_part_follows_part_across_segments() -> None:
    playlist = listed(*range(10, 18))
    assert next_one(playlist, (17, 4)) == ("p17.4", True)
    assert next_one(playlist, (17, 10)) == ("p18.0", True)
    assert next_one(playlist, (18, 2)) == ("p18.2", True)
    assert next_one(playlist, (18, 3)) == ("", True)


def test_who_fell_behind_takes_whole_segments_and_parts_again_when_he_is_back() -> None:
    playlist = listed(*range(10, 18))
    assert next_one(playlist, (12, 7)) == ("s12", False), "its parts are listed no more"
    assert next_one(playlist, (13, 10)) == ("s13", False)
    assert next_one(playlist, (14, 0)) == ("s14", False)
    assert next_one(playlist, (15, 0), by_parts=False) == ("s15", False)
    assert next_one(playlist, (15, 0), by_parts=False, buffered_s=9.0) == ("s15", False)
    assert next_one(playlist, (17, 0), by_parts=False) == ("p17.0", True)
    assert next_one(playlist, (17, 0), by_parts=False, buffered_s=9.0) == ("s17", False)
    assert next_one(playlist, (18, 0), by_parts=False) == ("p18.0", True)


def test_without_parts_there_are_only_segments() -> None:
    playlist = media(CONTROL, *segments(3))
    assert next_one(playlist, (11, 0)) == ("s1", False)
    assert next_one(playlist, (13, 0)) == ("", False)


def test_what_has_passed_of_a_playlist() -> None:
    assert passed_s(media(*segments(8)), (12, 0)) == 4.0
    assert passed_s(media("#EXT-X-SKIP:SKIPPED-SEGMENTS=3", *segments(8)), (13, 0)) == 6.0
    assert passed_s(media(*segments(8)), (5, 0)) == 0.0


def test_a_playlist_is_loaded_again_at_the_pace_of_its_last_segment_near_its_end() -> None:
    short = media(*segments(8, 1.5))
    assert reload_s(short, True, 7.9) == 1.5
    assert reload_s(short, True, 8.0) == 2.0
    assert reload_s(media(), True, 0.0) == 2.0
    assert reload_s(short, False, 0.0) == 1.0


def test_news_are_asked_for_by_number() -> None:
    assert directives(media(*LOW), True, 1.0) == "_HLS_msn=13&_HLS_part=8&_HLS_skip=YES"
    assert directives(media(*LOW), True, 6.0) == "_HLS_msn=13&_HLS_part=8"
    assert directives(media(*LOW), False, 1.0) == ""
    assert directives(media(*segments(3)), True, 1.0) == ""
    blocks = "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES"
    assert directives(media(blocks, *segments(3)), True, 1.0) == "_HLS_msn=13"
