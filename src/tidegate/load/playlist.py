"""HLS playlists (RFC 8216bis), as far as a player's requests depend on them.

Law: pure and bounded; a line that means nothing here is passed over, one that lies is a
`PlaylistError`.
"""

import re
from dataclasses import dataclass, field

LINES = 50_000
"""Lines of a playlist: half a day of segments."""
LINE = 4096
"""Characters of a line."""
_ATTRIBUTE = re.compile(r'(?<![A-Z0-9-])([A-Z0-9-]+)=("[^"]*"|[^",]*)')
_RANGE = re.compile(r"([0-9]{1,15})(?:@([0-9]{1,15}))?")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class PlaylistError(ValueError):
    """This is no playlist that could be played."""


@dataclass(frozen=True, slots=True)
class Variant:
    """`bandwidth` and `average` in bits a second; `audio` the group of its sound, if apart."""

    uri: str
    bandwidth: int
    audio: str
    average: int


@dataclass(frozen=True, slots=True)
class Multivariant:
    """Variants by rising bandwidth, and the one listed first; the default sound of each group."""

    variants: list[Variant]
    first: Variant
    audio: dict[str, str]


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment or a part; times in seconds. `part` is None for a whole segment.

    `byte_range` is empty, or "SIZE@OFFSET"; `cut` counts the discontinuities before it.
    """

    uri: str
    duration: float
    msn: int
    part: int | None
    independent: bool
    byte_range: str = ""
    cut: int = 0

    @property
    def place(self) -> tuple[int, int]:
        """What it is ordered by."""
        return self.msn, self.part or 0


@dataclass(slots=True)
class Media:
    """A media playlist."""

    target_s: float = 0.0
    part_target_s: float = 0.0
    hold_back_s: float = 0.0
    part_hold_back_s: float = 0.0
    skip_s: float = 0.0
    """How old, in seconds, the last playlist may be for one who asks only for what is new."""
    can_block: bool = False
    ended: bool = False
    init: str = ""
    init_range: str = ""
    first_msn: int = 0
    skipped: int = 0
    """Segments that a delta update leaves out."""
    next_msn: int = 0
    """The number of the segment that is not whole yet."""
    cut: int = 0
    """Discontinuities so far."""
    segments: list[Piece] = field(default_factory=list)
    parts: list[Piece] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    """In order: segments, and in place of those that have parts their parts."""


def parse(text: str) -> Multivariant | Media:
    """Read a playlist. Raises `PlaylistError`."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != "#EXTM3U":
        raise PlaylistError("the playlist does not begin with #EXTM3U")
    if len(lines) > LINES or any(len(line) > LINE for line in lines):
        raise PlaylistError("the playlist is too long")
    if any(line.startswith("#EXT-X-STREAM-INF") for line in lines):
        return _multivariant(lines)
    return _media(lines)


def _attributes(line: str) -> dict[str, str]:
    return {key: value.strip('"') for key, value in _ATTRIBUTE.findall(line.partition(":")[2])}


def _seconds(text: str) -> float:
    number = text.strip()
    if _NUMBER.fullmatch(number) is None:
        raise PlaylistError(f"{text[:40]!r} is no number of seconds")
    return float(number)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise PlaylistError(f"{text[:40]!r} is no whole number")
    return int(text)


class _Ranges:
    """Byte ranges as they are listed: one without an offset follows the last of its resource."""

    def __init__(self) -> None:
        self._ends: dict[str, int] = {}

    def whole(self, uri: str, text: str) -> str:
        """`text`, a byte range of `uri` or none, with its offset. Raises `PlaylistError`."""
        if not text:
            return ""
        found = _RANGE.fullmatch(text)
        if found is None or not int(found[1]):
            raise PlaylistError(f"{text[:40]!r} is no byte range")
        offset = self._ends.get(uri, 0) if found[2] is None else int(found[2])
        self._ends[uri] = offset + int(found[1])
        return f"{int(found[1])}@{offset}"


def _multivariant(lines: list[str]) -> Multivariant:
    variants: list[Variant] = []
    audio: dict[str, str] = {}
    waiting: dict[str, str] | None = None
    for line in lines:
        if line.startswith("#EXT-X-STREAM-INF"):
            waiting = _attributes(line)
        elif line.startswith("#EXT-X-MEDIA:"):
            found = _attributes(line)
            if found.get("TYPE") == "AUDIO" and "URI" in found:
                audio.setdefault(found.get("GROUP-ID", ""), found["URI"])
        elif line and not line.startswith("#") and waiting is not None:
            bandwidth = _whole(waiting.get("BANDWIDTH", "0"))
            average = _whole(waiting.get("AVERAGE-BANDWIDTH", "0")) or bandwidth
            variants.append(Variant(line.strip(), bandwidth, waiting.get("AUDIO", ""), average))
            waiting = None
    if not variants:
        raise PlaylistError("the playlist has no variants")
    rising = sorted(variants, key=lambda variant: variant.bandwidth)
    return Multivariant(rising, variants[0], audio)


def _media(lines: list[str]) -> Media:
    media = Media()
    msn = part = 0
    duration: float | None = None
    span = ""
    ranges, part_ranges = _Ranges(), _Ranges()
    for line in lines:
        tag, _, rest = line.partition(":")
        match tag:
            case "#EXT-X-MEDIA-SEQUENCE":
                if media.segments or media.parts:
                    raise PlaylistError("a media sequence number behind the first segment")
                msn = media.first_msn = _whole(rest.strip())
            case "#EXT-X-SKIP":
                media.skipped = _whole(_attributes(line).get("SKIPPED-SEGMENTS", ""))
                msn += media.skipped
            case "#EXT-X-PART":
                media.parts.append(_part(line, (msn, part), media.cut, part_ranges))
                part += 1
            case "#EXT-X-BYTERANGE":
                span = rest.strip()
            case "#EXTINF":
                duration = _seconds(rest.partition(",")[0])
            case _ if line.startswith("#"):
                _describe(media, tag, line)
            case _ if line and duration is not None:
                uri = line.strip()
                span = ranges.whole(uri, span)
                piece = Piece(uri, duration, msn, None, True, span, media.cut)
                media.segments.append(piece)
                msn, part, duration, span = msn + 1, 0, None, ""
    media.next_msn = msn
    parted = {piece.msn for piece in media.parts}
    whole = [piece for piece in media.segments if piece.msn not in parted]
    media.pieces = sorted([*whole, *media.parts], key=lambda piece: piece.place)
    if not media.target_s:
        raise PlaylistError("the playlist has no target duration")
    return media


def _describe(media: Media, tag: str, line: str) -> None:
    """What holds for the whole playlist."""
    match tag:
        case "#EXT-X-TARGETDURATION":
            media.target_s = _seconds(line.partition(":")[2])
        case "#EXT-X-PART-INF":
            media.part_target_s = _seconds(_attributes(line).get("PART-TARGET", "0"))
        case "#EXT-X-SERVER-CONTROL":
            control = _attributes(line)
            media.can_block = control.get("CAN-BLOCK-RELOAD") == "YES"
            media.skip_s = _seconds(control.get("CAN-SKIP-UNTIL", "0")) / 2
            media.hold_back_s = _seconds(control.get("HOLD-BACK", "0"))
            media.part_hold_back_s = _seconds(control.get("PART-HOLD-BACK", "0"))
        case "#EXT-X-MAP":
            found = _attributes(line)
            media.init = found.get("URI", "")
            media.init_range = _Ranges().whole(media.init, found.get("BYTERANGE", ""))
        case "#EXT-X-ENDLIST":
            media.ended = True
        case "#EXT-X-DISCONTINUITY-SEQUENCE":
            media.cut = _whole(line.partition(":")[2].strip())
        case "#EXT-X-DISCONTINUITY":
            media.cut += 1


def _part(line: str, place: tuple[int, int], cut: int, ranges: _Ranges) -> Piece:
    found = _attributes(line)
    if "URI" not in found:
        raise PlaylistError("a part has no URI")
    return Piece(
        found["URI"],
        _seconds(found.get("DURATION", "0")),
        *place,
        found.get("INDEPENDENT") == "YES",
        ranges.whole(found["URI"], found.get("BYTERANGE", "")),
        cut,
    )
