"""HLS and LL-HLS playlists: pure functions of a manifest and the windows of its logs.

The judge is RFC 8216bis (draft-pantos-hls-rfc8216bis); clauses are quoted by their number. The same
playlist serves every player: one that knows no parts plays the segments.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from tidegate.log import Flag
from tidegate.package.manifest import Manifest, Rendition
from tidegate.package.window import Segment, Window

VERSION = 10
"""EXT-X-SKIP needs 9 (section 8); 10 is the version the draft itself describes."""

_PARTS_LISTED = 3
"""Target durations from the end within which parts are listed (4.4.4.9)."""
_SKIP_FROM = 6
"""Target durations from the end that a delta update must list: the least allowed (4.4.3.8)."""
_HOLD_BACK_PARTS = 3
"""Part targets a player stays behind the end: the recommended distance (4.4.3.8)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Windows = Mapping[str, Window]


def multivariant(manifest: Manifest, windows: Windows) -> bytes:
    """The multivariant playlist: every rendition, with the bit rates measured in its window."""
    base = f"{manifest.channel}/{manifest.epoch}/"
    video = [each for each in manifest.renditions if each.kind == "video"]
    audio = [each for each in manifest.renditions if each.kind == "audio"]
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}"]
    if all(_independent(windows[each.name], manifest) for each in manifest.renditions):
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    if video:
        lines += [_media(each, base) for each in audio]
    for each in video or audio:
        sound = audio if video else []
        lines += _variant(each, sound, windows, manifest)
        lines.append(f"{base}{each.name}.m3u8")
    return _text(lines)


def _media(audio: Rendition, base: str) -> str:
    return (
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="{audio.name}",DEFAULT=YES,AUTOSELECT=YES,'
        f'CHANNELS="{audio.channels}",URI="{base}{audio.name}.m3u8"'
    )


def _variant(
    rendition: Rendition, sound: list[Rendition], windows: Windows, manifest: Manifest
) -> list[str]:
    together = [rendition, *sound]
    rates = [_bit_rates(windows[each.name], manifest) for each in together]
    fields = [
        f"BANDWIDTH={sum(peak for peak, _ in rates)}",
        f"AVERAGE-BANDWIDTH={sum(average for _, average in rates)}",
        f'CODECS="{",".join(each.codec for each in together)}"',
    ]
    if rendition.kind == "video":
        fields.append(f"RESOLUTION={rendition.width}x{rendition.height}")
        if rendition.frame_rate is not None:
            fields.append(f"FRAME-RATE={rendition.frame_rate:.3f}")
    if sound:
        fields.append('AUDIO="audio"')
    return [f"#EXT-X-STREAM-INF:{','.join(fields)}"]


def _bit_rates(window: Window, manifest: Manifest) -> tuple[int, int]:
    """(peak segment bit rate, average segment bit rate), bit/s (4.4.6.2)."""
    listed = window.listed(manifest.window_s)
    whole = [segment for segment in listed if segment.complete] or listed
    whole = [segment for segment in whole if segment.duration]
    if not whole:
        return 1, 1
    scale = 8 * window.timescale
    peak = max(segment.size * scale // segment.duration for segment in whole)
    total = sum(segment.size for segment in whole)
    return peak, total * scale // sum(segment.duration for segment in whole)


def media_playlist(manifest: Manifest, name: str, windows: Windows, skip: bool) -> bytes:
    """The media playlist of rendition `name`; with `skip`, as a delta update where one is allowed.

    `windows` holds every rendition's window, for the rendition reports.
    """
    rendition = manifest.rendition(name)
    if rendition is None:
        raise KeyError(name)
    window = windows[name]
    listed = window.listed(manifest.window_s)
    lines = [*_head(manifest, rendition, window, listed)]
    skipped = _skippable(listed, window, manifest) if skip else 0
    if skipped:
        lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
    lines += _body(manifest, rendition, window, listed, skipped)
    if window.ended:
        lines.append("#EXT-X-ENDLIST")
    else:
        lines += _tail(rendition, window, windows)
    return _text(lines)


def _head(
    manifest: Manifest, rendition: Rendition, window: Window, listed: list[Segment]
) -> Iterator[str]:
    target = manifest.target_duration
    yield "#EXTM3U"
    yield f"#EXT-X-VERSION:{VERSION}"
    if _independent(window, manifest):
        yield "#EXT-X-INDEPENDENT-SEGMENTS"
    yield f"#EXT-X-TARGETDURATION:{target}"
    yield (
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,"
        f"PART-HOLD-BACK={_HOLD_BACK_PARTS * rendition.part_target:.3f},"
        f"CAN-SKIP-UNTIL={_SKIP_FROM * target:.1f}"
    )
    yield f"#EXT-X-PART-INF:PART-TARGET={rendition.part_target:.3f}"
    yield f"#EXT-X-MEDIA-SEQUENCE:{listed[0].number if listed else 0}"
    if listed and (discontinuities := _discontinuities_before(listed[0])):
        yield f"#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuities}"


def _discontinuities_before(segment: Segment) -> int:
    """How many discontinuities left the playlist before this segment came first (4.4.3.3).

    Every discontinuity brings a new init, so the init's number counts them; the one that stands
    before the first segment itself is still in the playlist.
    """
    head = segment.head
    return head.init - (1 if head.flags & Flag.DISCONTINUITY else 0)


def _body(
    manifest: Manifest, rendition: Rendition, window: Window, listed: list[Segment], skipped: int
) -> Iterator[str]:
    init = -1
    before = listed[skipped - 1].head.init if skipped else None
    parts_from = _from_the_end(listed, window, _PARTS_LISTED * manifest.target_duration)
    for index, segment in enumerate(listed[skipped:], skipped):
        head = segment.head
        if head.flags & Flag.DISCONTINUITY:
            # One for each run, those in which this log got nothing too: 4.4.3.3 wants the numbers
            # of all renditions to agree.
            yield from ["#EXT-X-DISCONTINUITY"] * (1 if before is None else head.init - before)
        before = head.init
        if head.init != init:
            init = head.init
            yield f'#EXT-X-MAP:URI="{rendition.name}/init.{init}.mp4"'
        yield f"#EXT-X-PROGRAM-DATE-TIME:{_date(head.wall)}"
        if index >= parts_from and not window.ended:
            yield from _parts(rendition, window, segment)
        if segment.complete:
            yield f"#EXTINF:{segment.duration / window.timescale:.5f},"
            yield f"{rendition.name}/{segment.number}.m4s"


def _parts(rendition: Rendition, window: Window, segment: Segment) -> Iterator[str]:
    for number, record in enumerate(segment.records, segment.first):
        fields = (
            f"DURATION={record.duration / window.timescale:.5f},"
            f'URI="{rendition.name}/part.{number}.m4s"'
        )
        yield f"#EXT-X-PART:{fields}" + (",INDEPENDENT=YES" if record.independent else "")


def _tail(rendition: Rendition, window: Window, windows: Windows) -> Iterator[str]:
    if not window.segments:
        return
    # A part is named by its chunk's number, not by its segment's, so the hint is right even where
    # the next part turns out to begin a segment.
    yield f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{rendition.name}/part.{window.next}.m4s"'
    for other, theirs in windows.items():
        number, part = theirs.last
        if other != rendition.name and number >= 0:
            yield f'#EXT-X-RENDITION-REPORT:URI="{other}.m3u8",LAST-MSN={number},LAST-PART={part}'


def can_block(window: Window, part_target: float, number: int, part: int | None) -> bool:
    """Whether a blocking reload may wait for this segment or part, or is refused as too far ahead.

    RFC 8216bis 6.2.5.2: at most two segments past the last, and within a segment at most the
    advance part limit past the last part: three, or the parts of three part targets under a second.
    """
    last, last_part = window.last
    if number > last + 2:
        return False
    if part is None or number != last:
        return True
    limit = 3 / part_target if part_target < 1 else 3
    return part - last_part <= limit


def _skippable(listed: list[Segment], window: Window, manifest: Manifest) -> int:
    """How many of the oldest segments a delta update leaves out (6.2.5.1)."""
    return _from_the_end(listed, window, _SKIP_FROM * manifest.target_duration)


def _from_the_end(listed: list[Segment], window: Window, seconds: float) -> int:
    """Index of the oldest segment that reaches into the last `seconds`."""
    left = seconds * window.timescale
    for index in range(len(listed) - 1, -1, -1):
        left -= listed[index].duration
        if left <= 0:
            return index
    return 0


def _independent(window: Window, manifest: Manifest) -> bool:
    """Whether every listed segment can be decoded without the one before (4.4.2.1)."""
    return all(segment.head.independent for segment in window.listed(manifest.window_s))


def _date(wall: int) -> str:
    """ISO 8601 with milliseconds, of microseconds since 1970 (4.4.4.6)."""
    return (_EPOCH + timedelta(microseconds=wall)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _text(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
