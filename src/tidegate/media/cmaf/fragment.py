"""The movie fragment: some samples of one track, or of two (ISO/IEC 14496-12 8.8, 8.16.5).

Law: prft, moof with a traf a track, mdat with the tracks' samples in the same order; each sample's
data is copied once. This is the hottest function of ingest, so boxes go out several in one `pack`.
"""

import functools
import struct
from collections.abc import Sequence
from typing import NamedTuple

from tidegate.media.cmaf.init import NOT_SYNC, SYNC
from tidegate.media.sample import Sample, Track, VideoTrack

NTP_EPOCH_S = 2_208_988_800
"""Seconds from 1900, where NTP begins, to 1970 (RFC 5905 6)."""

PRFT_CAPTURED = 24
"""14496-12 8.16.5.3: the time is the wall clock's when the media was captured."""

BASE_IS_MOOF = 0x02_0000
"""tfhd's flag: data offsets count from the moof (8.8.7)."""

_FIRST_FLAGS, _DURATIONS, _SIZES, _FLAGS, _COMPOSITION = 0x04, 0x0100, 0x0200, 0x0400, 0x0800
_U32 = 0xFFFF_FFFF

# Boxes' fixed words: size, type, version and flags.
_PRFT = (32, int.from_bytes(b"prft"), 1 << 24 | PRFT_CAPTURED)
_MOOF = int.from_bytes(b"moof")
_MFHD = (16, int.from_bytes(b"mfhd"), 0)
_TRAF = int.from_bytes(b"traf")
# The default duration and flags are there.
_TFHD = (24, int.from_bytes(b"tfhd"), BASE_IS_MOOF | 0x08 | 0x20)
_TFDT = (20, int.from_bytes(b"tfdt"), 1 << 24)
_TRUN = int.from_bytes(b"trun")
_TRUN_FLAGS = 1 << 24 | 0x01 | _SIZES
_MDAT_KIND = int.from_bytes(b"mdat")
_TRUN_AT = 8 + _TFHD[0] + _TFDT[0]
_TRAF_SIZE = _TRUN_AT + 20
_MOOF_SIZE = 8 + _MFHD[0]
_TOP = struct.Struct(">4IQQ6I")
"""prft; moof, mfhd."""
_MDAT = struct.Struct(">2I")


@functools.lru_cache(256)
def _traf(words: int) -> struct.Struct:
    """traf, tfhd; tfdt; trun, its table of so many words."""
    return struct.Struct(f">2I6I3IQ{5 + words}I")


class Stretch(NamedTuple):
    """Samples of a track, at least one, that follow one another; `durations` are theirs, ticks.

    `decode_time` is that of the first, ticks, not negative.
    """

    track_id: int
    track: Track
    decode_time: int
    samples: Sequence[Sample]
    durations: list[int]


def fragment(
    sequence: int, stretches: Sequence[Stretch], wall_us: int, before: bytes = b""
) -> bytes:
    """A fragment of each track's next samples, behind what goes `before`.

    `wall_us` is the wall clock at the first track's decode time, microseconds since the Unix epoch.
    """
    moof, trafs, datas = _MOOF_SIZE, [], []
    for number, track, time, samples, durations in stretches:
        own = [sample.data for sample in samples]
        sizes = list(map(len, own))
        flags, default, table = _table(track, samples, durations, sizes)
        traf = _TRAF_SIZE + 4 * len(table)
        moof += traf
        trafs.append((traf, number, durations[0], default, time, flags, sizes, table))
        datas += own
    number, time = stretches[0].track_id, stretches[0].decode_time
    top = _TOP.pack(*_PRFT, number, _ntp(wall_us), time, moof, _MOOF, *_MFHD, sequence & _U32)
    parts, at = [before, top], moof + 8
    for traf, number, duration, default, time, flags, sizes, table in trafs:
        packed = _traf(len(table)).pack(
            traf, _TRAF,
            *_TFHD, number, duration, default,
            *_TFDT, time,
            traf - _TRUN_AT, _TRUN, _TRUN_FLAGS | flags, len(sizes), at, *table,
        )  # fmt: skip
        at += sum(sizes)
        parts.append(packed)
    parts.append(_MDAT.pack(at - moof, _MDAT_KIND))
    return b"".join(parts + datas)


def _ntp(wall_us: int) -> int:
    """NTP's 64 bits: seconds since 1900, and a binary fraction."""
    seconds, us = divmod(wall_us, 1_000_000)
    return (seconds + NTP_EPOCH_S & _U32) << 32 | (us << 32) // 1_000_000


def _table(
    track: Track, samples: Sequence[Sample], durations: list[int], sizes: list[int]
) -> tuple[int, int, list[int]]:
    """trun's flags, the default sample flags, and trun's table (8.8.8).

    A column is left out where one value, or a default, serves all.
    """
    flags, columns = 0, [sizes]
    if durations.count(durations[0]) != len(durations):
        flags, columns = _DURATIONS, [durations, sizes]
    if not isinstance(track, VideoTrack):
        return flags, SYNC, _rows(columns)
    first: list[int] = []
    keyframes = [sample.keyframe for sample in samples]
    if True in keyframes[1:]:
        flags |= _FLAGS
        columns.append([SYNC if each else NOT_SYNC for each in keyframes])
    elif keyframes[0]:
        flags |= _FIRST_FLAGS
        first = [SYNC]
    offsets = [sample.pts - sample.dts & _U32 for sample in samples]
    if any(offsets):
        flags |= _COMPOSITION
        columns.append(offsets)
    return flags, NOT_SYNC, first + _rows(columns)


def _rows(columns: list[list[int]]) -> list[int]:
    """The columns' values, row by row."""
    if len(columns) == 1:
        return columns[0]
    width = len(columns)
    rows = [0] * (width * len(columns[0]))
    for at, column in enumerate(columns):
        rows[at::width] = column
    return rows
