"""One chunk's entry in the index, and the header before the first.

Law: both have a fixed size, so chunk number n stands at `HEADER_SIZE + n * RECORD_SIZE` for as long
as the log lives; retention punches holes in front and never moves a record.

    header, 64 bytes, little-endian      record, 40 bytes, little-endian
     0  8s  magic                         0  i64  decode time, ticks
     8  u32 record size                   8  i64  ingest's wall clock, microseconds since 1970
    12  u32 timescale, ticks a second    16  u32  segment number
    16  u64 number of the oldest chunk   20  u32  offset in the segment's file, bytes
    24  u32 state: 0 open, 1 ended       24  u32  size, bytes
    28      zero                         28  u32  duration, ticks
                                         32  u32  number of its init
                                         36  u32  flags
"""

import struct
from typing import Final, NamedTuple

from tidegate.log.errors import LogError

MAGIC = b"TIDELOG1"
HEADER_SIZE = 64
OLDEST_AT = 16
STATE_AT = 24
OPEN, ENDED = 0, 1
_HEADER = struct.Struct("<8sIIQI36x")
RECORD = struct.Struct("<qqIIIIII")
RECORD_SIZE = RECORD.size
U32_MAX = 0xFFFF_FFFF


class Flag:
    """What a chunk is to a reader: bits, as plain numbers, for they are tested at every sample."""

    INDEPENDENT: Final = 1
    """Decoding can start here."""
    STARTS_SEGMENT: Final = 2
    DISCONTINUITY: Final = 4
    """Times or coding do not follow from the chunk before; its init is a new one."""


class Record(NamedTuple):
    """One chunk: where its bytes are and when they play. Units as in the module's drawing."""

    time: int
    wall: int
    segment: int
    offset: int
    size: int
    duration: int
    init: int
    flags: int

    @property
    def end(self) -> int:
        """Decode time of what follows, ticks."""
        return self.time + self.duration

    @property
    def independent(self) -> bool:
        """Whether decoding can start at this chunk."""
        return bool(self.flags & Flag.INDEPENDENT)


class Header(NamedTuple):
    """The index's first bytes."""

    timescale: int
    oldest: int
    ended: bool

    def pack(self) -> bytes:
        """The 64 bytes on disk."""
        state = ENDED if self.ended else OPEN
        return _HEADER.pack(MAGIC, RECORD_SIZE, self.timescale, self.oldest, state)

    @classmethod
    def unpack(cls, data: bytes) -> "Header":
        """Raises `LogError` when `data` does not begin an index of this version."""
        if len(data) < HEADER_SIZE:
            raise LogError("the index is shorter than its header")
        magic, record_size, timescale, oldest, state = _HEADER.unpack_from(data)
        if magic != MAGIC or record_size != RECORD_SIZE or not timescale:
            raise LogError("not the index of a log, or of another version")
        return cls(timescale, oldest, state == ENDED)


def position(number: int) -> int:
    """Where chunk `number`'s record stands in the index, bytes."""
    return HEADER_SIZE + number * RECORD_SIZE
