"""Where a playlist is begun, when it is loaded again, and with which words: hls.js's rules.

Law: pure. What is asked for next follows from the playlist and the clock alone.
"""

from bisect import bisect_left

from tidegate.load.playlist import Media, Piece

HOLD_BACK_TARGETS = 3
"""Target durations behind the end where one begins, unless the playlist says (RFC 8216bis 4.4.3.8;
hls.js liveSyncDurationCount)."""
STALL_S = 1.0
"""Seconds that each stall adds to that, one target at most (hls.js liveSyncOnStallIncrease)."""
TOLERANCE_S = 0.25
"""Seconds before a segment's end where one begins with the next (maxFragLookUpTolerance)."""
NEAR_TARGETS = 4
"""Within so many target durations of the end, the last segment's duration is the reload's pace."""


def pieces(media: Media, low_latency: bool) -> list[Piece]:
    """In order: whole segments, and parts in place of those that have any."""
    return media.pieces if low_latency else media.segments


def following(media: Media, low_latency: bool, point: tuple[int, int]) -> Piece | None:
    """The piece at `point`, or else the next one after it."""
    listed = pieces(media, low_latency)
    index = bisect_left(listed, point, key=lambda piece: piece.place)
    return listed[index] if index < len(listed) else None


def after(
    media: Media, point: tuple[int, int], buffered_s: float, by_parts: bool
) -> tuple[Piece | None, bool]:
    """What a player of parts fetches at `point`, and whether it goes on by parts from there."""
    if point[1]:
        piece = following(media, True, point)
        if piece is None or piece.msn == point[0]:
            return piece, by_parts
        if media.parts and point[0] < media.parts[0].msn:  # its parts are listed no more
            return following(media, False, (point[0], 0)), False
        point = point[0] + 1, 0
    by_parts = _by_parts(media, point, buffered_s, by_parts)
    return following(media, by_parts, point), by_parts


def beginning(media: Media, low_latency: bool, stalls: int) -> tuple[Piece, float] | None:
    """The piece to begin with, and how many seconds into it; None while there is none."""
    listed = pieces(media, low_latency)
    if media.ended:
        return (listed[0], 0.0) if listed else None
    whole = sum(piece.duration for piece in listed)
    nearest = (low_latency and media.part_target_s) or media.target_s
    at = min(max(0.0, whole - _hold_back(media, low_latency, stalls)), whole - nearest)
    best: tuple[Piece, float] | None = None
    start = 0.0
    for piece in listed:
        if best is not None and start > at + (TOLERANCE_S if piece.part is None else 1e-6):
            break
        if piece.independent:
            best = piece, max(0.0, at - start)
        start += piece.duration
    return best


def _hold_back(media: Media, low_latency: bool, stalls: int) -> float:
    told = (low_latency and media.part_hold_back_s) or media.hold_back_s
    return (told or HOLD_BACK_TARGETS * media.target_s) + min(stalls * STALL_S, media.target_s)


def left_s(media: Media, point: tuple[int, int]) -> float:
    """Seconds that are listed from `point` on; no more are counted than make a difference."""
    left = 0.0
    for piece in reversed(media.pieces):
        if piece.place < point or left > NEAR_TARGETS * media.target_s:
            break
        left += piece.duration
    return left


def _by_parts(media: Media, point: tuple[int, int], buffered_s: float, so_far: bool) -> bool:
    """Whether the segment at `point` is fetched by its parts, as the one before was or not.

    Who fell behind, so that little is listed by parts before him, takes whole segments.
    """
    if not media.parts or point[0] >= media.next_msn:
        return bool(media.parts)
    first = media.parts[0]
    begin = passed_s(media, first.place)
    last_s = passed_s(media, (first.msn + 1, 0)) - begin
    open_s = sum(part.duration for part in media.parts if part.msn == media.next_msn)
    end = passed_s(media, (point[0] + so_far, 0))
    playing = passed_s(media, point) - buffered_s
    return end >= begin + first.duration + open_s - 1e-6 and playing > begin - last_s


def passed_s(media: Media, point: tuple[int, int]) -> float:
    """Seconds that are listed before `point`; those that a delta update leaves out count whole."""
    before = sum(piece.duration for piece in media.pieces if piece.place < point)
    return before + media.skipped * media.target_s


def reload_s(media: Media, changed: bool, behind_s: float) -> float:
    """Seconds from one load to the next, for one who plays `behind_s` before the end."""
    if not changed:
        return media.target_s / 2  # RFC 8216bis 6.3.4
    last = media.segments[-1].duration if media.segments else 0.0
    near = behind_s < NEAR_TARGETS * media.target_s
    return last if near and 0 < last < media.target_s else media.target_s


def directives(media: Media, low_latency: bool, age_s: float) -> str:
    """The query of a reload that the server holds back until it has news (6.2.5.2), or "".

    Only what is new is asked for by one whose last playlist is no older than the server allows.
    """
    if not (media.can_block and low_latency):
        return ""
    query = f"_HLS_msn={media.next_msn}"
    if media.part_target_s:
        query += f"&_HLS_part={open_parts(media)}"
    return query + ("&_HLS_skip=YES" if age_s < media.skip_s else "")


def open_parts(media: Media) -> int:
    """Parts of the segment that is not whole yet."""
    return sum(piece.msn == media.next_msn for piece in media.parts)
