"""AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1): what comes before a track's samples.

Law: a `VideoTrack`'s config says that NAL units' lengths have four bytes, whatever the publisher
said; `nal.to_four_byte_lengths` makes the samples agree.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tidegate.media.errors import MediaError
from tidegate.media.h264.nal import START_CODES, NalType
from tidegate.media.h264.sps import Sps, parse_sps
from tidegate.media.sample import VideoTrack

MAX_CONFIG = 16 * 1024
"""Bytes in a record: an SPS and a PPS with every scaling list stay under 1 kB each."""

_HEAD = 5
_CHROMA_PROFILES = frozenset({100, 110, 122, 144, 244, 44})
"""Profiles whose record ends with chroma format and bit depths."""


class AvcConfig(NamedTuple):
    """A record's parts; `length_size` is the bytes of each NAL unit's length: 1, 2 or 4."""

    length_size: int
    sps: list[bytes]
    pps: list[bytes]

    @classmethod
    def parse(cls, config: bytes) -> "AvcConfig":
        """Raises `MediaError`. Extensions after the PPS are left alone."""
        if config.startswith(START_CODES):
            raise MediaError("avcC: an Annex B stream, not a decoder configuration record")
        if len(config) > MAX_CONFIG:
            raise MediaError(f"avcC: {len(config)} bytes, over {MAX_CONFIG}")
        if len(config) < _HEAD + 1 or config[0] != 1:
            raise MediaError("avcC: cut short, or not of version 1")
        length_size = (config[4] & 3) + 1
        if length_size == 3:
            raise MediaError("avcC: lengths of three bytes are not allowed")
        sps, at = _parameter_sets(config, _HEAD, 0x1F, NalType.SPS)
        pps, _ = _parameter_sets(config, at, 0xFF, NalType.PPS)
        return cls(length_size, sps, pps)


def _parameter_sets(config: bytes, at: int, mask: int, kind: NalType) -> tuple[list[bytes], int]:
    found: list[bytes] = []
    count = config[at] & mask if at < len(config) else 0
    at += 1
    for _ in range(count):
        start = at + 2
        at = start + int.from_bytes(config[at:start])
        if at > len(config) or start == at or config[start] & 0x1F != kind:
            raise MediaError(f"avcC: a {kind.name} is cut short, empty or of another type")
        found.append(config[start:at])
    if not found:
        raise MediaError(f"avcC: no {kind.name}")
    return found, at


def build_config(sps: Sequence[bytes], pps: Sequence[bytes]) -> bytes:
    """The record of these parameter sets, NAL header bytes included, with lengths of four bytes.

    Raises `MediaError` when the first SPS is not one, or a set is too long or one too many.
    """
    first = parse_sps(sps[0]) if sps else None
    if first is None or not pps or len(sps) > 31 or len(pps) > 255:
        raise MediaError("avcC: wants 1 to 31 SPS and 1 to 255 PPS")
    head = bytes((1, first.profile, first.constraints, first.level, 0xFF, 0xE0 | len(sps)))
    parts = [head, *map(_sized, sps), bytes((len(pps),)), *map(_sized, pps)]
    if first.profile in _CHROMA_PROFILES:
        luma, chroma = first.bit_depth_luma - 8, first.bit_depth_chroma - 8
        parts.append(bytes((0xFC | first.chroma_format, 0xF8 | luma, 0xF8 | chroma, 0)))
    return b"".join(parts)


def _sized(nal: bytes) -> bytes:
    if len(nal) > 0xFFFF:
        raise MediaError("avcC: a parameter set is over 65535 bytes")
    return len(nal).to_bytes(2) + nal


def video_track(config: bytes) -> VideoTrack:
    """The track that a record describes, its first SPS read. Raises `MediaError`."""
    sps = parse_sps(AvcConfig.parse(config).sps[0])
    four = config[:4] + b"\xff" + config[5:]
    return VideoTrack(four, sps.codec, sps.width, sps.height, sps.frame_rate)


def sps_of(track: VideoTrack) -> Sps:
    """The first SPS of a track's config. Raises `MediaError`."""
    return parse_sps(AvcConfig.parse(track.config).sps[0])
