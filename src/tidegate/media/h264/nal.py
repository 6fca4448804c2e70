"""NAL units in a sample: each after its length (ISO/IEC 14496-15 5.3.2).

Law: after `to_four_byte_lengths` a sample is whole units with lengths of four bytes and no others.
"""

import struct
from collections.abc import Iterable
from enum import IntEnum

from tidegate.media.errors import MediaError

MAX_NAL_UNITS = 1024
"""In one sample: a slice a macroblock row of 8K in two fields is 540, the rest SEI and such."""

START_CODES = (b"\x00\x00\x01", b"\x00\x00\x00\x01")
"""What a byte stream (Annex B) begins with."""

_LENGTH = struct.Struct(">I")


class NalType(IntEnum):
    """nal_unit_type (H.264 table 7-1), those that matter here."""

    SLICE = 1
    IDR = 5
    SEI = 6
    SPS = 7
    PPS = 8
    DELIMITER = 9


def nal_units(data: bytes, length_size: int = 4) -> list[bytes]:
    """A sample's NAL units, empty ones left out. Raises `MediaError`."""
    units: list[bytes] = []
    at, end = 0, len(data)
    while at < end:
        start = at + length_size
        at = start + int.from_bytes(data[at:start])
        if at > end:
            raise MediaError(f"H.264: a NAL unit reaches {at - end} bytes past its sample")
        if at > start:
            units.append(data[start:at])
        if len(units) > MAX_NAL_UNITS:
            raise MediaError(f"H.264: over {MAX_NAL_UNITS} NAL units in a sample")
    return units


def join_nal_units(units: Iterable[bytes]) -> bytes:
    """The sample of these units, with lengths of four bytes."""
    return b"".join(part for unit in units for part in (_LENGTH.pack(len(unit)), unit))


def to_four_byte_lengths(data: bytes, length_size: int) -> bytes:
    """The same units with lengths of four bytes; `data` itself where it has them already.

    Raises `MediaError` when `data` is not whole units.
    """
    if length_size != 4:
        return join_nal_units(nal_units(data, length_size))
    _first_of(data, None)
    return data


def is_keyframe(data: bytes) -> bool:
    """Whether a sample, with lengths of four bytes, holds an IDR slice: decoding can start here.

    A recovery point (open GOP, intra refresh) is not one: what comes before it may be shown.
    Raises `MediaError` when what precedes the IDR slice is not whole units.
    """
    return _first_of(data, NalType.IDR)


def _first_of(data: bytes, kind: int | None) -> bool:
    """Whether a unit of type `kind` is there; walks to it, or to the end. Copies nothing."""
    at, end = 0, len(data)
    for _ in range(MAX_NAL_UNITS):
        start = at + 4
        if start > end:
            break
        at = start + _LENGTH.unpack_from(data, at)[0]
        if start < at <= end and data[start] & 0x1F == kind:
            return True
    if at != end:
        raise MediaError("H.264: a sample is not whole NAL units with lengths of four bytes")
    return False
