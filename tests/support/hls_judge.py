"""RFC 8216bis as a judge: reads a playlist and says what in it breaks the law."""

import re
from dataclasses import dataclass, field
from datetime import datetime

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')


def attributes(text: str) -> dict[str, str]:
    """An attribute list (4.2) as a dict, quotes taken off."""
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(text)}


@dataclass
class Part:
    uri: str
    duration: float
    independent: bool


@dataclass
class Segment:
    number: int
    discontinuity: int = 0
    map: str = ""
    date: datetime | None = None
    uri: str = ""
    duration: float = 0.0
    parts: list[Part] = field(default_factory=list)


@dataclass
class Playlist:
    """A media playlist. `segments` may end with one that is still being written (no `uri`)."""

    tags: dict[str, str]
    segments: list[Segment]
    skipped: int
    hint: dict[str, str]
    reports: dict[str, tuple[int, int]]
    ended: bool

    @property
    def target(self) -> int:
        return int(self.tags["EXT-X-TARGETDURATION"])

    @property
    def control(self) -> dict[str, str]:
        return attributes(self.tags["EXT-X-SERVER-CONTROL"])

    @property
    def part_target(self) -> float:
        return float(attributes(self.tags["EXT-X-PART-INF"])["PART-TARGET"])


_ONCE = ("EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-SERVER-CONTROL", "EXT-X-PART-INF")


def read(text: str) -> Playlist:
    """Parse a media playlist; raises AssertionError where it is not well-formed."""
    lines = text.split("\n")
    assert lines[0] == "#EXTM3U"
    assert lines[-1] == ""
    playlist = Playlist({}, [], 0, {}, {}, ended=False)
    current = Segment(0)
    opened = False
    number = discontinuity = 0
    uri_map = ""
    for line in lines[1:-1]:
        assert line, "an empty line"
        tag, _, value = line.lstrip("#").partition(":")
        if not opened and (line.startswith(("#EXT-X-MAP", "#EXT-X-PROGRAM", "#EXT-X-DISCONT"))):
            if tag == "EXT-X-DISCONTINUITY-SEQUENCE":
                discontinuity = int(value)
                continue
            opened = True
            current = Segment(number, discontinuity, uri_map)
        match tag:
            case "EXT-X-MEDIA-SEQUENCE":
                playlist.tags[tag] = value
                number = int(value)
            case "EXT-X-SKIP":
                playlist.skipped = int(attributes(value)["SKIPPED-SEGMENTS"])
                number += playlist.skipped
            case "EXT-X-DISCONTINUITY":
                discontinuity += 1
                current.discontinuity = discontinuity
            case "EXT-X-MAP":
                current.map = uri_map = attributes(value)["URI"]
            case "EXT-X-PROGRAM-DATE-TIME":
                current.date = datetime.fromisoformat(value)
            case "EXT-X-PART":
                found = attributes(value)
                current.parts.append(
                    Part(found["URI"], float(found["DURATION"]), found.get("INDEPENDENT") == "YES")
                )
            case "EXTINF":
                current.duration = float(value.rstrip(","))
            case "EXT-X-PRELOAD-HINT":
                playlist.hint = attributes(value)
            case "EXT-X-RENDITION-REPORT":
                found = attributes(value)
                playlist.reports[found["URI"]] = int(found["LAST-MSN"]), int(found["LAST-PART"])
            case "EXT-X-ENDLIST":
                playlist.ended = True
            case _ if not line.startswith("#"):
                current.uri = line
                playlist.segments.append(current)
                opened = False
                number += 1
            case _:
                assert tag not in playlist.tags, f"{tag} twice"
                playlist.tags[tag] = value
    if opened:
        playlist.segments.append(current)
    for tag in _ONCE:
        assert tag in playlist.tags, f"{tag} is missing"
    return playlist


def judge(playlist: Playlist) -> None:
    """Raise AssertionError for a playlist that breaks the law by itself."""
    target, part_target = playlist.target, playlist.part_target
    assert float(playlist.control["PART-HOLD-BACK"]) >= 2 * part_target  # 4.4.3.8
    assert float(playlist.control["CAN-SKIP-UNTIL"]) >= 6 * target  # 4.4.3.8
    assert playlist.control["CAN-BLOCK-RELOAD"] == "YES"
    for segment in playlist.segments:
        assert segment.map, "a segment before any EXT-X-MAP"
        assert segment.date is not None
        if segment.uri:
            assert int(segment.duration + 0.5) <= target, "4.4.3.1"
        if segment.uri and segment.parts:
            assert abs(sum(part.duration for part in segment.parts) - segment.duration) < 0.001
        for part, after in zip(segment.parts, segment.parts[1:], strict=False):
            if not after.independent or not part.independent:
                assert part.duration >= 0.85 * part_target, "4.4.4.9"
        assert all(part.duration <= part_target for part in segment.parts), "4.4.3.7"
        if "EXT-X-INDEPENDENT-SEGMENTS" in playlist.tags and segment.parts:
            assert segment.parts[0].independent
    assert playlist.ended or not playlist.segments or playlist.hint


def judge_reload(before: Playlist, after: Playlist) -> None:
    """Raise AssertionError where a later load of the same playlist changed what it had said."""
    assert before.tags["EXT-X-PART-INF"] == after.tags["EXT-X-PART-INF"]
    assert before.target <= after.target
    then = {segment.number: segment for segment in before.segments}
    for segment in after.segments:
        known = then.get(segment.number)
        if known is None:
            continue
        assert (known.discontinuity, known.map, known.date) == (
            segment.discontinuity,
            segment.map,
            segment.date,
        )
        if known.uri:
            assert (known.uri, known.duration) == (segment.uri, segment.duration)
        if known.parts and segment.parts:
            assert segment.parts[: len(known.parts)] == known.parts
    assert int(before.tags["EXT-X-MEDIA-SEQUENCE"]) <= int(after.tags["EXT-X-MEDIA-SEQUENCE"])


def apply_delta(before: Playlist, delta: Playlist) -> list[Segment]:
    """The segments a player has after a delta update (6.3.7)."""
    first = int(delta.tags["EXT-X-MEDIA-SEQUENCE"])
    kept = [each for each in before.segments if first <= each.number < first + delta.skipped]
    assert len(kept) == delta.skipped, "the update skips what the player never had"
    return kept + delta.segments
