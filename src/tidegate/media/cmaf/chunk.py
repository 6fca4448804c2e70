"""The CMAF chunk: some samples of one track (ISO/IEC 23000-19 7.3.2.3).

Law: styp, prft, moof, mdat, nothing else; each sample's data is copied once. This is the hottest
function of ingest, so all boxes before the samples' table are one `pack`.
"""

import struct
from collections.abc import Sequence

from tidegate.media.cmaf.box import box
from tidegate.media.cmaf.init import NOT_SYNC, SYNC, TRACK_ID
from tidegate.media.sample import Sample, Track, VideoTrack

NTP_EPOCH_S = 2_208_988_800
"""Seconds from 1900, where NTP begins, to 1970 (RFC 5905 6)."""

PRFT_CAPTURED = 24
"""14496-12 8.16.5.3: the time is the wall clock's when the media was captured."""

# 23000-19 7.3.3: a segment, a fragment and a chunk each have a brand; msdh is DASH's segment.
_SEGMENT_TYPE = box(b"styp", b"cmfs", bytes(4), b"cmfscmffcmflmsdh")
_CHUNK_TYPE = box(b"styp", b"cmfl", bytes(4), b"cmfl")

_FIRST_FLAGS, _DURATIONS, _SIZES, _FLAGS, _COMPOSITION = 0x04, 0x0100, 0x0200, 0x0400, 0x0800
_U32 = 0xFFFF_FFFF

# Boxes' fixed words: size, type, version and flags, and what else never changes.
_PRFT = (32, int.from_bytes(b"prft"), 1 << 24 | PRFT_CAPTURED, TRACK_ID)
_MOOF = int.from_bytes(b"moof")
_MFHD = (16, int.from_bytes(b"mfhd"), 0)
_TRAF = int.from_bytes(b"traf")
# default-base-is-moof; the default duration and flags are there.
_TFHD = (24, int.from_bytes(b"tfhd"), 0x02_0000 | 0x08 | 0x20, TRACK_ID)
_TFDT = (20, int.from_bytes(b"tfdt"), 1 << 24)
_TRUN = int.from_bytes(b"trun")
_TRUN_FLAGS = 1 << 24 | 0x01 | _SIZES
_MDAT = int.from_bytes(b"mdat")
_TRUN_HEAD = 20
_TRAF_HEAD = 8 + _TFHD[0] + _TFDT[0]
_MOOF_HEAD = 8 + _MFHD[0]
_HEAD = struct.Struct(">4IQQ2I4I2I6I3IQ5I")
"""prft; moof, mfhd; traf, tfhd; tfdt; trun as far as its table."""


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
    datas = [sample.data for sample, _ in samples]
    sizes = [len(data) for data in datas]
    if isinstance(track, VideoTrack):
        flags, default, table = _video_table(samples, sizes)
    else:
        flags, default, table = _audio_table(samples, sizes)
    trun = _TRUN_HEAD + 4 * len(table)
    traf = _TRAF_HEAD + trun
    moof = _MOOF_HEAD + traf
    head = _HEAD.pack(
        *_PRFT, _ntp(wall_us), decode_time,
        moof, _MOOF, *_MFHD, sequence & _U32,
        traf, _TRAF, *_TFHD, samples[0][1], default,
        *_TFDT, decode_time,
        trun, _TRUN, _TRUN_FLAGS | flags, len(sizes), moof + 8,
    )  # fmt: skip
    rest = struct.pack(f">{len(table) + 2}I", *table, sum(sizes) + 8, _MDAT)
    return b"".join((_SEGMENT_TYPE if segment_start else _CHUNK_TYPE, head, rest, *datas))


def _ntp(wall_us: int) -> int:
    """NTP's 64 bits: seconds since 1900, and a binary fraction."""
    seconds, us = divmod(wall_us, 1_000_000)
    return (seconds + NTP_EPOCH_S & _U32) << 32 | (us << 32) // 1_000_000


def _audio_table(
    samples: Sequence[tuple[Sample, int]], sizes: list[int]
) -> tuple[int, int, list[int]]:
    """trun's flags, the default sample flags, and trun's table (8.8.8)."""
    durations = [duration for _, duration in samples]
    if durations.count(durations[0]) == len(durations):
        return 0, SYNC, sizes
    return _DURATIONS, SYNC, _rows(durations, sizes)


def _video_table(
    samples: Sequence[tuple[Sample, int]], sizes: list[int]
) -> tuple[int, int, list[int]]:
    """As `_audio_table`; a column is left out where one value, or a default, serves all."""
    durations = [duration for _, duration in samples]
    offsets = [sample.pts - sample.dts & _U32 for sample, _ in samples]
    flags, columns, first = 0, [sizes], []
    if durations.count(durations[0]) != len(durations):
        flags |= _DURATIONS
        columns.insert(0, durations)
    keyframes = [sample.keyframe for sample, _ in samples]
    if True in keyframes[1:]:
        flags |= _FLAGS
        columns.append([SYNC if each else NOT_SYNC for each in keyframes])
    elif keyframes[0]:
        flags |= _FIRST_FLAGS
        first = [SYNC]
    if any(offsets):
        flags |= _COMPOSITION
        columns.append(offsets)
    return flags, NOT_SYNC, first + _rows(*columns)


def _rows(*columns: list[int]) -> list[int]:
    """The columns' values, row by row."""
    if len(columns) == 1:
        return columns[0]
    width = len(columns)
    rows = [0] * (width * len(columns[0]))
    for at, column in enumerate(columns):
        rows[at::width] = column
    return rows
