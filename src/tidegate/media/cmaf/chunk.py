"""The CMAF chunk: some samples of one track (ISO/IEC 23000-19 7.3.2.3).

Law: styp, prft, moof, mdat, nothing else.
"""

from collections.abc import Sequence

from tidegate.media.cmaf.box import box
from tidegate.media.cmaf.fragment import Stretch, fragment
from tidegate.media.cmaf.init import TRACK_ID
from tidegate.media.sample import Sample, Track

# 23000-19 7.3.3: a segment, a fragment and a chunk each have a brand; msdh is DASH's segment.
_SEGMENT_TYPE = box(b"styp", b"cmfs", bytes(4), b"cmfscmffcmflmsdh")
_CHUNK_TYPE = box(b"styp", b"cmfl", bytes(4), b"cmfl")


def chunk(
    sequence: int,
    decode_time: int,
    samples: Sequence[tuple[Sample, int]],
    track: Track,
    wall_us: int,
    segment_start: bool,
) -> bytes:
    """A chunk of at least one sample, each with its duration in ticks.

    `decode_time` is that of the first sample, ticks, not negative; `wall_us` the wall clock at that
    media time, microseconds since the Unix epoch.
    """
    durations = [duration for _, duration in samples]
    stretch = Stretch(TRACK_ID, track, decode_time, [sample for sample, _ in samples], durations)
    styp = _SEGMENT_TYPE if segment_start else _CHUNK_TYPE
    return fragment(sequence, (stretch,), wall_us, styp)
